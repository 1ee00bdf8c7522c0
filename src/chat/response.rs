//! What Chat Completions upstreams send.

/// Why the model stopped, whatever word the upstream used for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// A content filter cut the answer.
    ContentFilter,
    /// The context window was full (`model_context_window_exceeded`).
    ContextWindow,
    /// The token limit cut the answer.
    Length,
    /// The answer is whole: `stop`, `tool_calls` and their synonyms.
    Stop,
    /// A word of no known meaning; the answer is whole if there is any.
    Unknown,
}

/// Token counts of one answer, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub prompt_tokens: u64,
    /// Tokens of the prompt that came from a cache.
    pub cached_tokens: u64,
    /// Tokens of the prompt that were written to a cache.
    pub cache_write_tokens: u64,
    /// Tokens of the answer, reasoning included.
    pub completion_tokens: u64,
    /// Tokens of the answer that were reasoning.
    pub reasoning_tokens: u64,
    /// Prompt and completion together.
    pub total_tokens: u64,
}
