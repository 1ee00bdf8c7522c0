//! Log probabilities of tokens.
//!
//! Both APIs have the same members, but upstreams leave out `bytes` and `top_logprobs`, which the
//! Responses API requires, and strict clients fail on a token that is not whole.

use crate::json::document::{Bounds, Document, Kind, Value};
use crate::json::{Array, Object, array, line, write_number};

/// The elements of `list`, a JSON array of tokens, as the Responses API has them: comma-separated,
/// without the brackets, in one line. What is no token with a probability is left out.
pub fn elements(list: &str) -> Vec<u8> {
    let document = Document::parse(list, Bounds::USUAL).ok();
    let tokens = document.as_ref().map(Document::root).into_iter().flat_map(Value::elements);
    let mut json = Vec::with_capacity(list.len());
    array(&mut json, |list| {
        for token in tokens {
            write(token, list, &|object| {
                object.array("top_logprobs", |list| {
                    let top = token.get("top_logprobs").into_iter().flat_map(Value::elements);
                    top.for_each(|token| write(token, list, &|_| {}));
                });
            });
        }
    });
    json.pop();
    json.drain(..json.len().min(1));
    line::put_in_one(&mut json);
    json
}

fn write(token: Value<'_>, list: &mut Array<'_>, more: &dyn Fn(&mut Object<'_>)) {
    let text = token.get("token").and_then(Value::text);
    let logprob = token.get("logprob").filter(|logprob| logprob.kind() == Kind::Number);
    let (Some(text), Some(logprob)) = (text, logprob) else { return };
    list.object(|object| {
        object.text("token", &text);
        object.raw("logprob", logprob.raw());
        // A token may be a part of a character, so only the upstream knows its bytes for certain.
        match token.get("bytes").filter(|bytes| are_bytes(*bytes)) {
            Some(bytes) => object.raw("bytes", bytes.raw()),
            None => object.array("bytes", |list| {
                for byte in text.decode().bytes() {
                    write_number(list.element(), byte.into());
                }
            }),
        }
        more(object);
    });
}

fn are_bytes(value: Value<'_>) -> bool {
    value.kind() == Kind::Array && value.elements().all(|byte| byte.raw().parse::<u8>().is_ok())
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
