//! Any configuration is taken or refused with a sentence; one that is taken can be used.

use responses_filter::config::Config;

use super::support::drive::{Client, Upstream, exchange};
use super::support::verdict::verdict;

/// Checks the property for a configuration.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Config::parse(text) {
        Err(sentence) => {
            assert!(!sentence.trim().is_empty());
            assert!(!sentence.contains(['\n', '\r']), "more than one line of log: {sentence:?}");
        }
        Ok(_) => {
            let client = Client::post(r#"{"model":"m","input":"hello"}"#).with_config(text);
            let answer = exchange(&client, &Upstream::json(ANSWER));
            if !answer.passed {
                verdict(&answer).unwrap_or_else(|wrong| panic!("{wrong}"));
            }
        }
    }
}

const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
