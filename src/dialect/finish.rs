//! Why the model stopped, in the words of all upstreams (F).

use crate::chat::FinishReason;
use crate::error::{ApiError, Class};

/// What a word says about the end of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Ended(FinishReason),
    /// A failure in the disguise of a finish reason.
    Failed(Class),
}

/// The words, in lower case; upstreams use both cases.
const WORDS: [(&str, Meaning); 27] = [
    ("stop", Meaning::Ended(FinishReason::Stop)),
    ("end_turn", Meaning::Ended(FinishReason::Stop)),
    ("eos", Meaning::Ended(FinishReason::Stop)),
    ("eos_token", Meaning::Ended(FinishReason::Stop)),
    ("stop_sequence", Meaning::Ended(FinishReason::Stop)),
    ("end", Meaning::Ended(FinishReason::Stop)),
    ("complete", Meaning::Ended(FinishReason::Stop)),
    ("tool_calls", Meaning::Ended(FinishReason::Stop)),
    ("tool_use", Meaning::Ended(FinishReason::Stop)),
    ("function_call", Meaning::Ended(FinishReason::Stop)),
    ("length", Meaning::Ended(FinishReason::Length)),
    ("model_length", Meaning::Ended(FinishReason::Length)),
    ("max_tokens", Meaning::Ended(FinishReason::Length)),
    ("max_output_tokens", Meaning::Ended(FinishReason::Length)),
    ("content_filter", Meaning::Ended(FinishReason::ContentFilter)),
    ("sensitive", Meaning::Ended(FinishReason::ContentFilter)),
    ("safety", Meaning::Ended(FinishReason::ContentFilter)),
    ("refusal", Meaning::Ended(FinishReason::ContentFilter)),
    ("prohibited_content", Meaning::Ended(FinishReason::ContentFilter)),
    ("recitation", Meaning::Ended(FinishReason::ContentFilter)),
    ("blocklist", Meaning::Ended(FinishReason::ContentFilter)),
    ("model_context_window_exceeded", Meaning::Ended(FinishReason::ContextWindow)),
    ("insufficient_system_resource", Meaning::Failed(Class::Overloaded)),
    ("network_error", Meaning::Failed(Class::Server)),
    ("error", Meaning::Failed(Class::Server)),
    ("abort", Meaning::Failed(Class::Server)),
    ("unknown_error", Meaning::Failed(Class::Server)),
];

/// Reads the word of a finish reason; an unknown one is [`FinishReason::Unknown`].
///
/// # Errors
/// The failure that the word stands for.
pub fn read(word: &str) -> Result<FinishReason, ApiError> {
    let known = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    match known {
        Some((_, Meaning::Ended(reason))) => Ok(*reason),
        Some((known, Meaning::Failed(class))) => Err(ApiError::new(
            *class,
            format!("The upstream broke off its answer: finish_reason was `{known}`."),
        )),
        None => Ok(FinishReason::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_words_mean_the_same_in_both_cases() {
        assert_eq!(read("STOP"), Ok(FinishReason::Stop));
        assert_eq!(read("COMPLETE"), Ok(FinishReason::Stop));
        assert_eq!(read("FUNCTION_CALL"), Ok(FinishReason::Stop));
        assert_eq!(read("MAX_TOKENS"), Ok(FinishReason::Length));
        assert_eq!(read("SAFETY"), Ok(FinishReason::ContentFilter));
        assert_eq!(read("model_context_window_exceeded"), Ok(FinishReason::ContextWindow));
        assert_eq!(read("banana"), Ok(FinishReason::Unknown));
    }

    #[test]
    fn f_some_words_are_failures() {
        for (word, class) in [
            ("insufficient_system_resource", Class::Overloaded),
            ("network_error", Class::Server),
            ("error", Class::Server),
            ("abort", Class::Server),
        ] {
            assert_eq!(read(word).unwrap_err().class, class, "{word}");
        }
    }
}
