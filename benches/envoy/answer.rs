//! What the upstream answers: Chat Completions chunks of about 290 bytes, one token each.

use bytes::Bytes;
use serde_json::{Value, json};

use super::workload::{Kind, Workload};

/// An answer, ready to be sent.
#[derive(Debug)]
pub struct Script {
    /// Each is one write: whole HTTP chunks, the head of the response in front of the first.
    pub writes: Vec<Write>,
    /// The body without HTTP's framing.
    pub body: Vec<u8>,
    /// What the pieces add up to.
    pub content: String,
}

/// Bytes that go out together.
#[derive(Debug)]
pub struct Write {
    pub bytes: Bytes,
    /// How many pieces of the answer are in it.
    pub events: u64,
}

/// The name of the tool that answers of [`Kind::Tool`] call.
pub const TOOL: &str = "exec_command";

/// The id of that call.
pub const CALL_ID: &str = "call_Xk2v9sQ0pTn4bWm7";

/// The text behind the reasoning of an answer of [`Kind::Reason`].
pub const CONCLUSION: &str = "Done.";

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                    transfer-encoding: chunked\r\n\r\n";

impl Script {
    /// The answer that this work asks for.
    pub fn new(work: &Workload) -> Self {
        let content = content(work);
        let mut events = vec![event(&first_delta(work.kind), None, 0)];
        for (n, piece) in pieces(&content, work.chunks).into_iter().enumerate() {
            let padding = if work.kind == Kind::Padded { n + 1 } else { 0 };
            events.push(event(&delta(work.kind, piece), None, padding));
        }
        if work.kind == Kind::Reason {
            events.push(event(&json!({"content": CONCLUSION}), None, 0));
        }
        let reason = if work.kind == Kind::Tool { "tool_calls" } else { "stop" };
        events.push(event(&json!({}), Some(reason), 0));
        events.push(usage(work.chunks));
        events.push("data: [DONE]\n\n".to_owned());

        let mut writes = Vec::new();
        let mut head = HEAD;
        let mut sent = 0;
        for (n, group) in events.chunks(work.events_per_write).enumerate() {
            let data = group.concat();
            let mut bytes = format!("{head}{:x}\r\n{data}\r\n", data.len()).into_bytes();
            head = "";
            if (n + 1) * work.events_per_write >= events.len() {
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
            // The event with the role stands before the pieces, three or four behind them.
            let seen = ((n + 1) * work.events_per_write).saturating_sub(1).min(work.chunks);
            writes.push(Write { bytes: bytes.into(), events: (seen - sent) as u64 });
            sent = seen;
        }
        Self { writes, body: events.concat().into_bytes(), content }
    }
}

/// Text of about four characters a piece, with the characters that need escapes in JSON.
fn content(work: &Workload) -> String {
    const WORDS: [&str; 16] = [
        " the",
        " filter",
        " reads",
        " one",
        " chunk",
        ",",
        " then",
        " writes",
        " \"quoted\"",
        " text",
        ".\n",
        " naïve",
        " a",
        "\t",
        " 🦀",
        " C:\\path",
    ];
    let mut text = String::new();
    let mut n = 0_usize;
    while text.chars().count() < 5 * work.chunks {
        text.push_str(WORDS.get((n * 7 + n / 16) % WORDS.len()).copied().unwrap_or_default());
        n += 1;
    }
    match work.kind {
        Kind::Tool => json!({"cmd": text, "workdir": "/repo"}).to_string(),
        Kind::Text | Kind::Padded | Kind::Reason => text,
    }
}

/// Cuts text into this many pieces that are not empty.
fn pieces(text: &str, count: usize) -> Vec<&str> {
    let ends: Vec<usize> = text.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
    let mut from = 0;
    (1..=count)
        .map(|n| {
            let to = ends.get(ends.len() * n / count - 1).copied().unwrap_or(text.len());
            let piece = text.get(from..to).unwrap_or_default();
            from = to;
            piece
        })
        .collect()
}

fn first_delta(kind: Kind) -> Value {
    match kind {
        Kind::Tool => json!({"role": "assistant", "content": null, "tool_calls": [{
            "index": 0, "id": CALL_ID, "type": "function",
            "function": {"name": TOOL, "arguments": ""},
        }]}),
        Kind::Text | Kind::Padded | Kind::Reason => json!({"role": "assistant", "content": ""}),
    }
}

fn delta(kind: Kind, piece: &str) -> Value {
    match kind {
        Kind::Text | Kind::Padded => json!({"content": piece}),
        Kind::Tool => json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}),
        Kind::Reason => json!({"reasoning_content": piece}),
    }
}

fn event(delta: &Value, finish_reason: Option<&str>, padding: usize) -> String {
    let mut chunk = json!({
        "id": "chatcmpl-BXk2v9sQ0pTn4bWm7Rz1YcLdEfGhJ", "object": "chat.completion.chunk",
        "created": 1_763_700_000, "model": "bench-model", "service_tier": "default",
        "system_fingerprint": "fp_50cad350e4",
        "choices": [{
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
        }],
        "usage": null,
    });
    if padding > 0 {
        let letters = (0..4 + padding % 9).map(|n| {
            char::from(b'a' + u8::try_from((padding * 31 + n * 17) % 26).unwrap_or_default())
        });
        chunk["obfuscation"] = letters.collect::<String>().into();
    }
    format!("data: {chunk}\n\n")
}

fn usage(chunks: usize) -> String {
    let chunk = json!({
        "id": "chatcmpl-BXk2v9sQ0pTn4bWm7Rz1YcLdEfGhJ", "object": "chat.completion.chunk",
        "created": 1_763_700_000, "model": "bench-model", "service_tier": "default",
        "system_fingerprint": "fp_50cad350e4", "choices": [],
        "usage": {
            "prompt_tokens": 1000, "completion_tokens": chunks, "total_tokens": 1000 + chunks,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    });
    format!("data: {chunk}\n\n")
}
