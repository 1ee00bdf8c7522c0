//! The one way these tests translate a request.

use responses_filter::config::{Limits, Strictness};
use responses_filter::dialect::{
    Attachments, Dialect, ImageDetail, NullContent, ReasoningReplay, SystemMessages, presets,
};
use responses_filter::error::ApiError;
use responses_filter::translate::request::{self, Context, Endpoint, Translated};
use serde_json::{Value, json};

use crate::support::chat_request::{self, Allowed};

/// A translation with a profile.
pub struct Drive {
    pub dialect: Dialect,
    pub limits: Limits,
    pub strictness: Strictness,
    pub endpoint: Endpoint,
}

/// The profile of a preset with overrides.
pub fn with(preset: &str, overrides: &Value) -> Drive {
    let overrides = overrides.as_object().expect("overrides are an object");
    Drive {
        dialect: Dialect::new(preset, overrides).expect("a valid profile"),
        limits: Limits::default(),
        strictness: Strictness::Lenient,
        endpoint: Endpoint::Responses,
    }
}

/// The profile of an unknown upstream.
pub fn generic() -> Drive {
    with("generic", &json!({}))
}

/// Every preset by name.
pub fn all_presets() -> Vec<(String, Drive)> {
    presets::names().into_iter().map(|name| (name.clone(), with(&name, &json!({})))).collect()
}

impl Drive {
    /// Translates without any check.
    pub fn raw(&self, body: &[u8]) -> Result<Translated, ApiError> {
        let model = |name: &str| format!("up-{name}");
        let context = Context {
            dialect: &self.dialect,
            limits: &self.limits,
            strictness: self.strictness,
            endpoint: self.endpoint,
            model: &model,
        };
        request::request(body, &context)
    }

    /// The translation of a request that must succeed, held against the oracle.
    pub fn translated(&self, body: &Value) -> Translated {
        let translated = self.raw(body.to_string().as_bytes()).expect("a valid request");
        chat_request::check(&translated.chat, &self.allowed());
        translated
    }

    /// The chat request.
    pub fn chat(&self, body: &Value) -> Value {
        serde_json::from_slice(&self.translated(body).chat).expect("JSON")
    }

    /// The messages of a request with these items.
    pub fn messages(&self, items: &Value) -> Value {
        self.chat(&json!({"model": "m", "stream": true, "input": items}))["messages"].clone()
    }

    /// The error of a request that must fail.
    pub fn error(&self, body: &Value) -> ApiError {
        self.raw(body.to_string().as_bytes()).expect_err("a request that is refused")
    }

    /// What the oracle may let pass for this profile.
    pub fn allowed(&self) -> Allowed {
        let dialect = &self.dialect;
        let mut members: Vec<String> = [
            "temperature",
            "top_p",
            "presence_penalty",
            "frequency_penalty",
            "max_tokens",
            "max_completion_tokens",
            "logprobs",
            "top_logprobs",
            "response_format",
            "reasoning_effort",
            "reasoning",
            "thinking",
            "enable_thinking",
            "chat_template_kwargs",
            "web_search_options",
            "plugins",
            "enable_search",
        ]
        .map(str::to_owned)
        .to_vec();
        members.extend(dialect.extra_params.iter().cloned());
        members.extend(dialect.extra_body.keys().cloned());
        Allowed {
            members,
            system_anywhere: dialect.system_messages == SystemMessages::Keep,
            reasoning: match dialect.reasoning_replay {
                ReasoningReplay::Auto => {
                    vec!["reasoning_content", "reasoning", "reasoning_text", "reasoning_details"]
                }
                ReasoningReplay::ReasoningContent => vec!["reasoning_content"],
                ReasoningReplay::Reasoning => vec!["reasoning"],
                ReasoningReplay::ReasoningDetails => vec!["reasoning_details"],
                _ => vec![],
            },
            null_content: dialect.null_content != NullContent::EmptyString,
            strict: dialect.strict_tools,
            detail: dialect.image_detail == ImageDetail::Forward,
            attachments: dialect.files == Attachments::Forward
                || dialect.audio == Attachments::Forward,
            thinking: dialect.reasoning_replay == ReasoningReplay::ContentThinking,
            extra_content: dialect.reasoning_replay != ReasoningReplay::None,
            user_after_tool: !dialect.assistant_after_tool,
        }
    }
}
