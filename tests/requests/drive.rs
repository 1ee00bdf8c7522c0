//! The one way these tests translate a request.

use responses_filter::config::{Limits, StreamMode, Strictness};
use responses_filter::dialect::{Dialect, presets};
use responses_filter::error::ApiError;
use responses_filter::translate::request::{self, Context, Endpoint, Translated};
use serde_json::{Value, json};

use crate::support::{chat_request, profile};

/// A translation with a profile.
pub struct Drive {
    pub dialect: Dialect,
    pub limits: Limits,
    pub strictness: Strictness,
    pub endpoint: Endpoint,
}

/// The profile of a preset with overrides.
pub fn with(preset: &str, overrides: &Value) -> Drive {
    Drive {
        dialect: Dialect::new(preset, &overrides.to_string()).expect("a valid profile"),
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
            default_model: None,
            stream: StreamMode::AsAsked,
        };
        request::request(body, &context)
    }

    /// The translation of a request that must succeed, held against the oracle.
    pub fn translated(&self, body: &Value) -> Translated {
        let translated = self.raw(body.to_string().as_bytes()).expect("a valid request");
        chat_request::check(&translated.chat, &profile::allowed(&self.dialect));
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
}
