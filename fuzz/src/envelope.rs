//! Anything may come back as `encrypted_content`: what is taken is what this filter could have sealed.

use responses_filter::translate::envelope::Envelope;
use serde_json::json;

use super::request;

/// Checks the property for a byte that chooses the upstream and an `encrypted_content`.
pub fn holds(data: &[u8]) {
    let Some((preset, data)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(data);
    if let Some(opened) = Envelope::open(&text) {
        let again = Envelope::open(&opened.seal()).expect("what is sealed can be opened");
        assert_eq!(opened, again);
    }
    let input = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": text},
        {"type": "function_call", "call_id": "call_a", "name": "run", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_a", "output": "done"},
        {"type": "compaction", "encrypted_content": text},
        {"type": "message", "role": "user", "content": "go on"},
    ]);
    let body = json!({"model": "m", "input": input}).to_string();
    request::holds(&[&[*preset, 0], body.as_bytes()].concat());
}
