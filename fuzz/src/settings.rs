//! The first bytes of an input choose among what is not under test: requests, configurations, cuts.
//!
//! Every choice is a byte modulo the number of choices, so that any bytes mean something and seeds can
//! be written with letters.

use responses_filter::dialect::TextToolCalls;
use responses_filter::json::fields::Word;
use serde_json::{Value, json};

/// Takes the first `N` bytes off.
pub fn split<const N: usize>(data: &[u8]) -> Option<([usize; N], &[u8])> {
    let (head, rest) = data.split_first_chunk::<N>()?;
    Some((head.map(usize::from), rest))
}

/// The choice that this byte makes.
pub fn choose<T>(choice: usize, among: &[T]) -> &T {
    &among[choice % among.len()]
}

/// Offsets at which a body of this length is cut: never, everywhere, or wherever the seed says.
pub fn cuts(seed: usize, length: usize) -> Vec<usize> {
    match seed {
        0 => Vec::new(),
        1 => (1..length).collect(),
        _ => {
            let mut state = seed as u64;
            let mut next = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 33) as usize % (2 * seed)
            };
            let mut at = 0;
            std::iter::from_fn(|| {
                at += 1 + next();
                (at < length).then_some(at)
            })
            .collect()
        }
    }
}

/// Requests that differ in what their answers may hold.
pub fn requests() -> [Value; 5] {
    let tools = json!([
        {"type": "function", "name": "run", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}, "strict": false},
        {"type": "function", "name": "run_all", "parameters": {"type": "object", "properties": {}}, "strict": null},
        {"type": "custom", "name": "patch"},
        {"type": "tool_search", "execution": "client"},
        {"type": "local_shell"},
        {"type": "shell"},
        {"type": "apply_patch"},
        {"type": "namespace", "name": "mcp__files", "description": "files",
         "tools": [{"type": "function", "name": "read", "parameters": {"type": "object", "properties": {}}, "strict": false}]},
    ]);
    let ask = |more: Value| {
        let mut request = json!({"model": "m", "input": "hello"});
        for (key, value) in more.as_object().into_iter().flatten() {
            request[key] = value.clone();
        }
        request
    };
    [
        ask(json!({})),
        ask(json!({"tools": tools})),
        ask(
            json!({"tools": tools, "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
                   "top_logprobs": 2, "parallel_tool_calls": false}),
        ),
        json!({"model": "m", "input": [{"type": "message", "role": "user", "content": "hello"}, {"type": "compaction_trigger"}]}),
        ask(
            json!({"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}}}),
        ),
    ]
}

/// Configurations that differ in how answers are read. Limits are small enough to be reached.
pub fn configurations() -> Vec<Value> {
    let dialect = |fields: Value| json!({"upstreams": {"default": {"dialect": fields}}});
    let mut all = vec![
        json!({}),
        json!({"reasoning_output": "text", "refusals": "text"}),
        json!({"limits": {"event_bytes_max": 300, "arguments_bytes_max": 40, "output_bytes_max": 80,
                          "tool_calls_max": 2, "error_bytes_max": 50}}),
        dialect(json!({"inline_think": "prefix"})),
        dialect(json!({"inline_think": "auto", "snapshots": "auto"})),
        dialect(json!({"empty_is_error": true})),
    ];
    let words = TextToolCalls::WORDS;
    all.push(dialect(json!({"text_tool_calls": words})));
    all
}
