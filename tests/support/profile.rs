//! What a profile allows its requests, for the oracle that knows no profile.

use responses_filter::dialect::{
    Attachments, Dialect, ImageDetail, NullContent, ReasoningReplay, SystemMessages,
};

use super::chat_request::Allowed;

/// What the oracle may let pass for this profile.
pub fn allowed(dialect: &Dialect) -> Allowed {
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
    members.extend(dialect.extra_body.iter().map(|(name, _)| name.clone()));
    Allowed {
        developer: dialect.developer_role,
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
        attachments: dialect.files == Attachments::Forward || dialect.audio == Attachments::Forward,
        thinking: dialect.reasoning_replay == ReasoningReplay::ContentThinking,
        extra_content: dialect.reasoning_replay != ReasoningReplay::None,
        user_after_tool: !dialect.assistant_after_tool,
    }
}
