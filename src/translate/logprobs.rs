//! Log probabilities of tokens.
//!
//! Both APIs have the same members, but upstreams leave out `bytes` and `top_logprobs`, which the
//! Responses API requires, and strict clients fail on a token that is not whole.

use serde_json::Value;

use crate::json::{Array, Object, array};

/// The elements of `list`, a JSON array of tokens, as the Responses API has them: comma-separated,
/// without the brackets. What is no token with a probability is left out.
pub fn elements(list: &str) -> Vec<u8> {
    let tokens: Vec<Value> = serde_json::from_str(list).unwrap_or_default();
    let mut json = Vec::with_capacity(list.len());
    array(&mut json, |list| {
        for token in &tokens {
            write(token, list, |object| {
                object.array("top_logprobs", |list| {
                    let top = token.get("top_logprobs").and_then(Value::as_array);
                    top.into_iter().flatten().for_each(|token| write(token, list, |_| {}));
                });
            });
        }
    });
    json.pop();
    json.drain(..json.len().min(1));
    json
}

fn write(token: &Value, list: &mut Array<'_>, more: impl FnOnce(&mut Object<'_>)) {
    let text = token.get("token").and_then(Value::as_str);
    let logprob = token.get("logprob").filter(|logprob| logprob.is_number());
    let (Some(text), Some(logprob)) = (text, logprob) else { return };
    list.object(|object| {
        object.str("token", text);
        object.value("logprob", logprob);
        // A token may be a part of a character, so only the upstream knows its bytes for certain.
        match token.get("bytes").filter(|bytes| are_bytes(bytes)) {
            Some(bytes) => object.value("bytes", bytes),
            None => object.value("bytes", text.as_bytes()),
        }
        more(object);
    });
}

fn are_bytes(value: &Value) -> bool {
    let byte = |byte: &Value| byte.as_u64().is_some_and(|byte| byte <= 255);
    value.as_array().is_some_and(|bytes| bytes.iter().all(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(list: &str) -> String {
        String::from_utf8(elements(list)).unwrap()
    }

    #[test]
    fn whole_tokens_stay_as_they_are() {
        let token = r#"{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"b","logprob":-2,"bytes":[98]}]}"#;
        assert_eq!(written(&format!("[{token}, {token}]")), format!("{token},{token}"));
    }

    #[test]
    fn missing_members_are_filled_in() {
        let filled = r#"{"token":"é","logprob":-0.5,"bytes":[195,169],"top_logprobs":[]}"#;
        for token in [
            r#"{"token":"é","logprob":-0.5}"#,
            r#"{"token":"é","logprob":-0.5,"bytes":null,"top_logprobs":null}"#,
            r#"{"token":"é","logprob":-0.5,"bytes":["c3"],"top_logprobs":[{"token":"x"}],"rank":1}"#,
        ] {
            assert_eq!(written(&format!("[{token}]")), filled);
        }
    }

    #[test]
    fn what_is_no_token_is_left_out() {
        for list in
            ["[]", "[null]", "{}", "[{\"token\":1,\"logprob\":-1}]", "[{\"token\":\"a\"}]", "["]
        {
            assert_eq!(written(list), "");
        }
    }
}
