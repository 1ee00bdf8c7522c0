//! Well-formed chunks in any order: deeper into the stream machine than bytes alone would get, and
//! with an oracle for content, because what was said is known.

use serde_json::{Value, json};

use super::settings::split;
use super::stream;
use super::support::drive::{Upstream, exchange};
use super::support::verdict::{Verdict, verdict};

/// Checks the property for four bytes of settings and two bytes for every chunk.
pub fn holds(data: &[u8]) {
    let Some(([shape, request, configuration, seed], script)) = split(data) else { return };
    let client = stream::client(shape, request, configuration);
    let said = Said::by(script);
    let upstream = Upstream::sse(said.body.clone());
    stream::check(&client, &upstream, seed);
    let plain = configuration % super::settings::configurations().len() == 0;
    let compacts = request % super::settings::requests().len() == 3;
    if plain
        && !compacts
        && let Ok(verdict) = verdict(&exchange(&client, &upstream))
    {
        nothing_is_lost(&said, &verdict);
    }
}

/// All text and all reasoning arrives, unless the answer failed or was cut by the upstream itself.
fn nothing_is_lost(said: &Said, verdict: &Verdict) {
    let summary = verdict.summary();
    if summary.terminal == "completed" {
        assert_eq!(said.text, summary.text, "text: {}", said.body);
        assert_eq!(said.reasoning, summary.reasoning, "reasoning: {}", said.body);
    }
}

/// What an upstream said, on the wire and in meaning.
#[derive(Default)]
struct Said {
    body: String,
    text: String,
    reasoning: String,
    over: bool,
}

impl Said {
    fn by(script: &[u8]) -> Self {
        let mut said = Self::default();
        for step in script.chunks_exact(2).take(64) {
            said.step(usize::from(step[0]), usize::from(step[1]));
        }
        said
    }

    fn step(&mut self, kind: usize, detail: usize) {
        match kind % 16 {
            0 | 1 => {
                let text = self.told(TEXTS[detail % TEXTS.len()], false);
                self.delta(json!({"content": text}));
            }
            2 => {
                let field = ["reasoning_content", "reasoning"][detail & 1];
                let text = self.told(TEXTS[detail / 2 % TEXTS.len()], true);
                self.delta(json!({ field: text }));
            }
            3..=7 => self.delta(json!({"tool_calls": [call(kind, detail)]})),
            8 => {
                self.delta(json!({"tool_calls": [call(kind, detail), call(kind + 3, detail / 2)]}))
            }
            9 => self.delta(json!({"refusal": TEXTS[detail % TEXTS.len()]})),
            10 => self.finish(detail),
            11 => self.usage(detail),
            12 => self.chunk(json!({"choices": []})),
            13 => self.body.push_str(": ping\n\n"),
            14 if detail.is_multiple_of(4) => {
                self.over = true;
                self.body.push_str("data: [DONE]\n\n");
            }
            14 => self.delta(json!({"content": null, "role": "assistant", "tool_calls": null})),
            _ if detail.is_multiple_of(8) => {
                self.chunk(json!({"error": {"message": "no", "code": detail}}));
            }
            _ => self.delta(json!({"annotations": [{"type": "url_citation", "url_citation":
                {"url": "https://example.com", "title": "t", "start_index": 0, "end_index": 1}}]})),
        }
    }

    /// Remembers what counts.
    fn told(&mut self, text: &'static str, reasoning: bool) -> &'static str {
        if !self.over {
            let all = if reasoning { &mut self.reasoning } else { &mut self.text };
            all.push_str(text);
        }
        text
    }

    fn delta(&mut self, delta: Value) {
        self.chunk(json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]}));
    }

    fn finish(&mut self, detail: usize) {
        let reasons = ["stop", "tool_calls", "length", "content_filter", "", "odd", "error"];
        let reason = reasons[detail % reasons.len()];
        self.chunk(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}));
    }

    fn usage(&mut self, detail: usize) {
        let usage = json!({"prompt_tokens": detail, "completion_tokens": detail / 2, "total_tokens": 7,
                           "completion_tokens_details": {"reasoning_tokens": detail / 3}});
        self.chunk(json!({"choices": [], "usage": usage}));
    }

    fn chunk(&mut self, chunk: Value) {
        self.body.push_str(&format!("data: {chunk}\n\n"));
    }
}

const TEXTS: [&str; 7] =
    ["a", "", "two words ", "\u{1f600}\"\\\n", "<b", "{\"x\":1}", "\u{0}\r\n\n"];

fn call(kind: usize, detail: usize) -> Value {
    let names =
        ["run", "run_all", "patch", "tool_search", "local_shell", "shell", "apply_patch", "nobody"];
    let pieces = ["", "{", "{}", "{\"a\":", "\"x\"}", "{\"input\":\"", "\\u00e9\"}", "null", "}"];
    let ids = ["call_a", "call_b", "call_a_1", ""];
    let mut function = json!({"arguments": pieces[detail % pieces.len()]});
    if detail & 3 == 1 || kind & 1 == 1 {
        function["name"] = names[detail / 4 % names.len()].into();
    }
    let mut call = json!({"function": function, "type": "function"});
    if kind & 4 == 0 {
        call["index"] = (detail % 3).into();
    }
    if kind & 2 == 0 {
        call["id"] = ids[detail / 8 % ids.len()].into();
    }
    call
}
