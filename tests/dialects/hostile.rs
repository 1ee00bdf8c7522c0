//! Answers that no upstream means to send: they read the same however they are cut, and quickly.

use serde_json::{Value, json};

use crate::read::{chunk, dialect, events, finish, read_in_pieces, stream};

/// Everything that may hold something back, at once.
fn watchful() -> Value {
    json!({"text_tool_calls": ["hermes", "qwen", "kimi", "minimax", "mistral", "harmony"]})
}

/// Streams that between them touch every rule.
fn seeds() -> Vec<Vec<u8>> {
    let call = json!({"tool_calls": [{"index": 0, "id": "a", "function":
        {"name": "exec_command", "arguments": "{\"cmd\":\"ls\"}"}}]});
    let texts = [
        "<think>\nA é</think>\n\nB <tool_call>{\"name\":\"list_dir\",\"arguments\":{}}</tool_call> C",
        "<|channel|>analysis<|message|>A<|end|><|channel|>commentary to=list_dir<|message|>{}<|call|>",
        "[TOOL_CALLS]list_dir[ARGS]{\"a\":[1]}<function=list_dir><parameter=a>1</parameter></function>",
        "analysisWe look.assistantcommentary to=functions.list_dir json{\"a\":1}assistantfinalDone",
        "```\n<tool_call>\n```\n<minimax:tool_call><invoke name=\"list_dir\"></invoke></minimax:tool_call>",
    ];
    let mut seeds: Vec<String> = texts
        .iter()
        .map(|text| stream(&[json!({"reasoning": "R"}), json!({"content": text}), call.clone()]))
        .collect();
    let mixed = [
        chunk(json!({"reasoning_details": [{"type": "reasoning.text", "text": "A", "index": 0}]})),
        json!({"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}}], "usage": {}}),
        finish("length"),
        json!({"error": {"message": "try again in 3s", "code": 429}}),
    ];
    seeds.push(events(&mixed));
    seeds.push(mixed.each_ref().map(Value::to_string).join("\n"));
    seeds.push(serde_json::to_string_pretty(&mixed[1]).unwrap());
    seeds.into_iter().map(String::into_bytes).collect()
}

/// A small generator of numbers (xorshift); the seed makes a failure repeatable.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn mutate(&mut self, body: &mut Vec<u8>) {
        const BYTES: &[u8] = b"\"\\{}[]<>|:,\n\r \xff\x00`dTe0";
        for _ in 0..=self.below(6) {
            let at = self.below(body.len());
            match self.below(4) {
                0 => body[at] = BYTES[self.below(BYTES.len())],
                1 => body.insert(at, BYTES[self.below(BYTES.len())]),
                2 => drop(body.drain(at..(at + 1 + self.below(12)).min(body.len()))),
                _ => {
                    let piece = body[at..(at + self.below(60)).min(body.len())].to_vec();
                    let to = self.below(body.len());
                    body.splice(to..to, piece);
                }
            }
            if body.is_empty() {
                body.push(b'{');
            }
        }
    }
}

#[test]
fn mutated_answers_read_the_same_however_they_are_cut() {
    let dialects = [watchful(), json!({}), json!({"inline_think": "prefix", "snapshots": "on"})];
    let dialects = dialects.map(|overrides| dialect(&overrides));
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for seed in seeds() {
        for round in 0..400 {
            let mut body = seed.clone();
            let start = random.0;
            random.mutate(&mut body);
            let size = 1 + random.below(40);
            for dialect in &dialects {
                let whole = read_in_pieces(dialect, &body, body.len());
                let cut = read_in_pieces(dialect, &body, size);
                let body = String::from_utf8_lossy(&body);
                assert_eq!(cut, whole, "seed {start:#x}, round {round}, pieces of {size}: {body}");
            }
        }
    }
}

/// Texts that wait for an end that never comes, in pieces of a few bytes: the time must not grow
/// with the square of the length.
#[test]
fn what_waits_is_not_read_again_and_again() {
    for (overrides, head, piece) in [
        (json!({"inline_think": "prefix"}), "", "word "),
        (json!({"inline_think": "auto"}), "<think>", " \n"),
        (watchful(), "<tool_call>{\"name\":\"list_dir\",\"arguments\":{\"a\":\"", "word "),
        (watchful(), "[TOOL_CALLS]list_dir[ARGS]{\"a\":\"", "word "),
        (watchful(), "[TOOL_CALLS]", "word "),
        (watchful(), "<|channel|>commentary to=list_dir<|message|>{\"a\":\"", "word "),
        (watchful(), "commentary to=list_dir {\"a\":\"", "word "),
        (watchful(), "commentary to=", "word "),
        (watchful(), "", " \n"),
    ] {
        let mut deltas = vec![json!({"content": head})];
        deltas.resize(40_000, json!({"content": piece}));
        let body = stream(&deltas);
        let answer = read_in_pieces(&dialect(&overrides), body.as_bytes(), body.len());
        assert_eq!(answer.calls.len(), 0, "{head}");
    }
    let name = |id: usize| {
        json!({"tool_calls": [{"index": 0, "id": format!("{id}"), "function":
            {"name": "exec_command", "arguments": if id == 0 { "{\"a\":\"" } else { "word " }}}]})
    };
    let body = stream(&(0..40_000).map(name).collect::<Vec<_>>());
    let answer = read_in_pieces(&dialect(&json!({})), body.as_bytes(), body.len());
    assert_eq!(answer.calls.len(), 1);
}
