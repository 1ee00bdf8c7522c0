//! Well-formed Chat Completions answers, as a stream or as one document, whichever was asked for.

#![allow(clippy::indexing_slicing, reason = "a missing key of a serde_json::Value reads as null")]

use serde_json::{Value, json};

use crate::upstream::{Answer, Request};

/// An answer of a model.
#[derive(Clone, Default)]
pub struct Completion {
    reasoning: &'static str,
    text: String,
    refusal: &'static str,
    calls: Vec<Call>,
    finish: Option<&'static str>,
    tokens: [u64; 2],
}

#[derive(Clone)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

impl Completion {
    /// An answer that says this.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), tokens: [11, 4], ..Self::default() }
    }

    /// An answer that refuses.
    pub fn refusal(refusal: &'static str) -> Self {
        Self { refusal, ..Self::text("") }
    }

    /// An answer that calls this tool.
    pub fn calling(name: &str, arguments: Value) -> Self {
        Self::text("").call(name, arguments)
    }

    /// Calls one more tool; the `n`-th call has the id `call_n`.
    pub fn call(mut self, name: &str, arguments: Value) -> Self {
        self.calls.push(Call {
            id: format!("call_{}", self.calls.len() + 1),
            name: name.to_owned(),
            arguments: arguments.to_string(),
        });
        self
    }

    /// Gives the calls ids of their own, for conversations of several turns.
    pub fn ids(mut self, prefix: &str) -> Self {
        for (index, call) in self.calls.iter_mut().enumerate() {
            call.id = format!("call_{prefix}{index}");
        }
        self
    }

    /// Thinks this first.
    pub fn reasoning(mut self, reasoning: &'static str) -> Self {
        self.reasoning = reasoning;
        self
    }

    /// Stops for this reason instead of `stop` or `tool_calls`.
    pub fn finish(mut self, reason: &'static str) -> Self {
        self.finish = Some(reason);
        self
    }

    /// Says that prompt and answer were that long.
    pub fn tokens(mut self, prompt: u64, completion: u64) -> Self {
        self.tokens = [prompt, completion];
        self
    }

    /// The answer to this request: a stream if it asks for one.
    pub fn answer(&self, request: &Request) -> Answer {
        if request.json()["stream"] == true {
            Answer::sse().write(self.stream())
        } else {
            Answer::json(200, self.document().to_string())
        }
    }

    /// The whole stream.
    pub fn stream(&self) -> String {
        let finish =
            event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": self.reason()}]}));
        let usage = event(&json!({"choices": [], "usage": self.usage()}));
        format!("{}{finish}{usage}data: [DONE]\n\n", self.pieces().concat())
    }

    /// The events before the one with the finish reason.
    ///
    /// Arguments come in pieces of a few bytes and parallel calls take turns, so that what arrives
    /// whole at a client was put together again.
    pub fn pieces(&self) -> Vec<String> {
        let mut deltas = vec![json!({"role": "assistant", "content": ""})];
        deltas.extend(cut(self.reasoning).map(|piece| json!({"reasoning_content": piece})));
        deltas.extend(cut(&self.text).map(|piece| json!({"content": piece})));
        deltas.extend(cut(self.refusal).map(|piece| json!({"refusal": piece})));
        deltas.extend(self.calls.iter().enumerate().map(|(index, call)| {
            json!({"tool_calls": [{"index": index, "id": call.id, "type": "function",
                "function": {"name": call.name, "arguments": ""}}]})
        }));
        let mut arguments: Vec<_> = self.calls.iter().map(|call| cut(&call.arguments)).collect();
        loop {
            let round: Vec<_> = arguments
                .iter_mut()
                .enumerate()
                .filter_map(|(index, pieces)| Some((index, pieces.next()?)))
                .map(|(index, piece)| {
                    json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
                })
                .collect();
            if round.is_empty() {
                break;
            }
            deltas.extend(round);
        }
        deltas
            .into_iter()
            .map(|delta| {
                event(&json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]}))
            })
            .collect()
    }

    /// The whole document.
    pub fn document(&self) -> Value {
        let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let mut message = json!({"role": "assistant", "content": text(&self.text)});
        if !self.reasoning.is_empty() {
            message["reasoning_content"] = self.reasoning.into();
        }
        if !self.refusal.is_empty() {
            message["refusal"] = self.refusal.into();
        }
        if !self.calls.is_empty() {
            message["tool_calls"] = self
                .calls
                .iter()
                .map(|call| {
                    json!({"id": call.id, "type": "function",
                        "function": {"name": call.name, "arguments": call.arguments}})
                })
                .collect();
        }
        json!({
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_767_225_600,
            "model": "upstream-model",
            "choices": [{"index": 0, "message": message, "finish_reason": self.reason()}],
            "usage": self.usage(),
        })
    }

    fn reason(&self) -> &'static str {
        self.finish.unwrap_or(if self.calls.is_empty() { "stop" } else { "tool_calls" })
    }

    fn usage(&self) -> Value {
        let [prompt, completion] = self.tokens;
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        })
    }
}

/// An event of a stream: the members every chunk has, and these.
pub fn event(members: &Value) -> String {
    let mut chunk = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_767_225_600,
        "model": "upstream-model",
    });
    for (key, value) in members.as_object().into_iter().flatten() {
        chunk[key] = value.clone();
    }
    format!("data: {chunk}\n\n")
}

/// Pieces of a few characters.
fn cut(text: &str) -> impl Iterator<Item = String> {
    let characters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = characters.chunks(5).map(|piece| piece.iter().collect()).collect();
    pieces.into_iter()
}
