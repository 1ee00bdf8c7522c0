//! The one way to read an answer in these tests.

use responses_filter::chat::{FinishReason, Usage};
use responses_filter::dialect::deltas::Reader;
use responses_filter::dialect::{Delta, Dialect, ToolCallDelta};
use responses_filter::error::{ApiError, Class};
use responses_filter::json::JsonText;
use responses_filter::sse::{Decoder, Frame};
use serde_json::{Value, json};

/// The tools that every request of these tests declares.
pub const TOOLS: [&str; 4] = ["exec_command", "read_file", "list_dir", "mcp__fs__list_directory"];

/// An answer, put together from its deltas.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    pub text: String,
    pub reasoning: String,
    pub field: Option<&'static str>,
    pub refusal: String,
    pub calls: Vec<Call>,
    pub details: Vec<Value>,
    pub annotations: Vec<Value>,
    pub images: Vec<String>,
    pub logprobs: Vec<Value>,
    pub models: Vec<String>,
    pub tiers: Vec<String>,
    pub usage: Option<Usage>,
    pub finishes: Vec<FinishReason>,
    pub failed: Option<ApiError>,
    /// The kind of each delta, neighbours of the same kind once.
    pub order: Vec<&'static str>,
    /// Each piece of text and reasoning.
    pub pieces: Vec<String>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Call {
    pub id: Option<String>,
    pub name: String,
    /// How often the name was given.
    pub names: usize,
    pub arguments: String,
    pub extra: Option<Value>,
}

impl Answer {
    /// The calls as `id name arguments`.
    pub fn calls(&self) -> Vec<String> {
        let call = |call: &Call| {
            format!("{} {} {}", call.id.as_deref().unwrap_or("-"), call.name, call.arguments)
        };
        self.calls.iter().map(call).collect()
    }

    /// The class of the failure.
    pub fn class(&self) -> Option<Class> {
        self.failed.as_ref().map(|error| error.class)
    }

    fn add_call(&mut self, piece: ToolCallDelta<'_>) {
        assert!(piece.slot <= self.calls.len(), "slot {} is out of order", piece.slot);
        if piece.slot == self.calls.len() {
            self.calls.push(Call::default());
        }
        let call = &mut self.calls[piece.slot];
        if let Some(id) = piece.id {
            assert!(call.id.is_none(), "a second id");
            call.id = Some(id.decode().into_owned());
        }
        if let Some(name) = piece.name {
            call.name = name;
            call.names += 1;
        }
        call.arguments.push_str(&piece.arguments.decode());
        if let Some(extra) = piece.extra {
            call.extra = Some(serde_json::from_str(extra).expect(extra));
        }
    }

    fn add(&mut self, delta: Delta<'_>) {
        assert!(self.failed.is_none(), "{delta:?} after a failure");
        let plain = |text: &JsonText<'_>| text.decode().into_owned();
        let json = |json: &str| serde_json::from_str::<Value>(json).expect(json);
        let kind = match delta {
            Delta::Text(text) => {
                assert!(!text.is_empty(), "empty text");
                self.text.push_str(&plain(&text));
                self.pieces.push(plain(&text));
                "text"
            }
            Delta::Reasoning(text) => {
                assert!(!text.is_empty(), "empty reasoning");
                assert!(self.field.is_some(), "reasoning before its field");
                self.reasoning.push_str(&plain(&text));
                self.pieces.push(plain(&text));
                "reasoning"
            }
            Delta::Refusal(text) => {
                self.refusal.push_str(&plain(&text));
                "refusal"
            }
            Delta::ToolCall(piece) => {
                self.add_call(piece);
                "call"
            }
            Delta::ReasoningDetail(detail) => {
                self.details.push(json(detail));
                "detail"
            }
            Delta::ReasoningField(field) => {
                assert_eq!(self.field.replace(field), None, "a second field");
                return;
            }
            Delta::Annotation(annotation) => {
                self.annotations.push(json(annotation));
                "annotation"
            }
            Delta::Logprobs(logprobs) => {
                self.logprobs.push(json(logprobs));
                "logprobs"
            }
            Delta::Image(url) => {
                self.images.push(plain(&url));
                "image"
            }
            Delta::Model(model) => return self.models.push(plain(&model)),
            Delta::ServiceTier(tier) => return self.tiers.push(plain(&tier)),
            Delta::Finish(reason) => {
                self.finishes.push(reason);
                "finish"
            }
            Delta::Usage(usage) => {
                self.usage = Some(usage);
                "usage"
            }
            Delta::Failed(error) => {
                self.failed = Some(error);
                "failed"
            }
        };
        if self.order.last() != Some(&kind) {
            self.order.push(kind);
        }
    }
}

/// The generic dialect with these fields changed.
pub fn dialect(overrides: &Value) -> Dialect {
    let overrides = if overrides.is_object() { overrides.to_string() } else { "{}".to_owned() };
    Dialect::new("generic", &overrides).expect("a dialect")
}

/// Reads a body whole and in pieces of many sizes, which must not make a difference.
#[track_caller]
pub fn read_as(overrides: &Value, body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let dialect = dialect(overrides);
    let whole = read_in_pieces(&dialect, body, body.len().max(1));
    for size in [1, 2, 3, 7, 31, 64, 200] {
        assert_eq!(read_in_pieces(&dialect, body, size), whole, "in pieces of {size} bytes");
    }
    whole
}

/// The same with the generic dialect.
#[track_caller]
pub fn read(body: impl AsRef<[u8]>) -> Answer {
    read_as(&json!({}), body)
}

/// Reads a body in pieces of `size` bytes.
pub fn read_in_pieces(dialect: &Dialect, body: &[u8], size: usize) -> Answer {
    let mut answer = Answer::default();
    let mut reader = Reader::new(dialect, TOOLS.map(str::to_owned).to_vec());
    let mut decoder = Decoder::new(1 << 20);
    let mut frame = |frame: Frame<'_>| {
        let sink = &mut |delta: Delta<'_>| answer.add(delta);
        match frame {
            Frame::Data { event, data } => reader.read(event, data, sink),
            Frame::Document(document) => reader.read(b"", document, sink),
            Frame::Done => reader.finish(sink),
            Frame::Comment => {}
        }
    };
    for piece in body.chunks(size) {
        decoder.push(piece, &mut frame).expect("no event too large");
    }
    decoder.finish(&mut frame).expect("no event too large");
    reader.finish(&mut |delta| answer.add(delta));
    answer
}

/// The events of a stream with these data, and `[DONE]`.
pub fn events(data: &[Value]) -> String {
    let events: String = data.iter().map(|data| format!("data: {data}\n\n")).collect();
    events + "data: [DONE]\n\n"
}

/// A chunk with this delta.
pub fn chunk(delta: Value) -> Value {
    json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]})
}

/// A chunk with this finish reason.
pub fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

/// A stream of these deltas that stops.
pub fn stream(deltas: &[Value]) -> String {
    let mut data: Vec<Value> = deltas.iter().cloned().map(chunk).collect();
    data.push(finish("stop"));
    events(&data)
}

/// A whole completion with this message.
pub fn completion(message: Value) -> String {
    json!({"object": "chat.completion", "choices": [{"message": message, "finish_reason": "stop"}]})
        .to_string()
}
