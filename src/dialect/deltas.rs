//! From what an upstream sends to [`Delta`]s: the one place where answers lose their dialect.
//!
//! Events are parsed once, into borrowed raw values; each polymorphic field is one `match` on its
//! kind. Text moves on in its escaped form, and is decoded only where a rule has to look into it.
//! The rules are those of the dialect catalogue: reasoning (S), tool calls (T), leaked control text
//! (L), finish reasons (F), usage (U), wire (W), errors (E), whole messages (N).

mod irregular;
mod parts;

use super::chunk::{Chunk, Groq};
use super::growth::Growth;
use super::outlet::{Outlet, Sink};
use super::reasoning::{self, Reasoning};
use super::steady::{Steady, Watch};
use super::think::Think;
use super::tool_calls::ToolCalls;
use super::tool_names::ToolNames;
use super::value::{self, Kind};
use super::{Delta, Dialect, Snapshots, errors, finish, usage};
use crate::chat;
use crate::chat::lenient::Raw;
use crate::chat::response::{Audio, Choice, Function, Logprobs, Message};
use crate::error::ApiError;
use crate::json::JsonText;
use crate::json::document::Value;

/// What may be held back at most, in bytes: text without the tag it waits for, half a call.
const HELD_BYTES_MAX: usize = 1 << 20;

/// Envelopes and lists around an answer are opened no deeper than this.
const DEPTH_MAX: u8 = 3;

/// Reads the answer to one request. It holds back only what is not certain yet: text that may be
/// the beginning of a tag or of a call, and names that may go on.
#[derive(Debug)]
pub struct Reader {
    pub(super) outlet: Outlet,
    pub(super) think: Think,
    pub(super) text_growth: Growth,
    pub(super) reasoning_growth: Growth,
    /// What the last event brought, if that can repeat.
    pub(super) steady: Option<Steady>,
    /// How many texts and lists of calls the last event had, whatever became of them.
    pieces: usize,
    /// All that was said came in whole messages.
    by_message: bool,
    /// Something was said in a piece of a stream.
    by_delta: bool,
    model: JsonText<'static>,
    service_tier: JsonText<'static>,
    usage: Option<chat::Usage>,
    finish: Option<chat::FinishReason>,
    failed: bool,
    warned: bool,
}

impl Reader {
    /// A reader for one answer of an upstream of this dialect, to a request that declared these
    /// tools, by the names that the upstream knows.
    pub fn new(dialect: &Dialect, tool_names: impl Into<ToolNames>) -> Self {
        let calls = ToolCalls::new(tool_names.into());
        Self {
            outlet: Outlet::new(dialect, calls, HELD_BYTES_MAX),
            think: Think::new(dialect.inline_think, HELD_BYTES_MAX),
            text_growth: Growth::new(dialect.snapshots),
            reasoning_growth: Growth::new(dialect.snapshots),
            steady: None,
            pieces: 0,
            by_message: false,
            by_delta: false,
            model: JsonText::EMPTY,
            service_tier: JsonText::EMPTY,
            usage: None,
            finish: None,
            failed: false,
            warned: false,
        }
    }

    /// Whether anything was said in a piece of a stream, so that one that is whole does not make the answer
    /// whole.
    pub fn has_read_pieces(&self) -> bool {
        self.by_delta
    }

    /// Reads the data of one event, line or document: a chunk, a completion, an error, or noise.
    ///
    /// After [`Delta::Failed`] nothing follows.
    pub fn read(&mut self, event: &[u8], data: &[u8], sink: &mut Sink<'_>) {
        let mut watch = Watch::default();
        self.pieces = 0;
        self.read_within(DEPTH_MAX, event, data, &mut |delta| {
            watch.see(&delta);
            sink(delta);
        });
        let one = watch.one().filter(|_| self.pieces == 1);
        self.steady = one.filter(|steady| self.passes(steady.channel));
    }

    /// The answer has ended, with `[DONE]` or the body: gives out what was held back. May be
    /// called again when more was read.
    pub fn finish(&mut self, sink: &mut Sink<'_>) {
        if !self.failed {
            self.flush(sink);
        }
    }

    fn read_within(&mut self, depth: u8, event: &[u8], data: &[u8], sink: &mut Sink<'_>) {
        let Some(depth) = depth.checked_sub(1).filter(|_| !self.failed) else { return };
        if data.trim_ascii_start().first() == Some(&b'{')
            && let Some(document) = std::str::from_utf8(data).ok().and_then(value::document)
        {
            self.read_chunk(depth, event, document.root(), sink);
        } else {
            self.read_irregular(depth, event, data, sink);
        }
    }

    fn read_chunk(&mut self, depth: u8, event: &[u8], root: Value<'_>, sink: &mut Sink<'_>) {
        let Some(chunk) = value::object::<Chunk<'_>>(Some(root)) else { return };
        if errors::is_error(event, &chunk) {
            return self.fail(errors::in_stream(root.raw().as_bytes()), sink);
        }
        if let Some(model) = news(&mut self.model, chunk.model) {
            sink(Delta::Model(model));
        }
        if let Some(tier) = news(&mut self.service_tier, chunk.service_tier) {
            sink(Delta::ServiceTier(tier));
        }
        let choice = Choice::first(chunk.choices);
        match &choice {
            Some(choice) => self.read_choice(choice, chunk.object, sink),
            None if !chunk.is_completion() => self.read_native(depth, root, &chunk, sink),
            None => {}
        }
        if chunk.search_results.is_some() || chunk.citations.is_some() {
            self.outlet.annotations(chunk.search_results, sink);
            self.outlet.annotations(chunk.citations, sink);
        }
        let in_choice = choice.and_then(|choice| choice.usage);
        let in_groq = value::object::<Groq<'_>>(chunk.x_groq).and_then(|groq| groq.usage);
        self.read_usage(chunk.usage.or(in_groq).or(in_choice), sink);
    }

    fn read_choice(&mut self, choice: &Choice<'_>, object: Raw<'_>, sink: &mut Sink<'_>) {
        let logprobs = value::object::<Logprobs<'_>>(choice.logprobs);
        if let Some(logprobs) = logprobs.and_then(|logprobs| logprobs.content)
            && logprobs.kind() == Kind::Array
            && value::is_news(Some(logprobs))
            && !self.think.is_inside()
        {
            sink(Delta::Logprobs(logprobs.raw()));
        }
        let mut whole = false;
        match (value::object(choice.delta), choice.message) {
            (Some(delta), message) => {
                self.by_delta = true;
                self.read_message(&delta, false, sink);
                // W5: a message beside a delta repeats what was said, unless nothing was.
                if !self.outlet.spoke
                    && choice.finish_reason.is_some()
                    && let Some(message) = value::object(message)
                {
                    self.read_message(&message, true, sink);
                }
            }
            (None, Some(message)) => {
                whole = !is_streamed(object);
                self.read_copy(&value::object(Some(message)).unwrap_or_default(), sink);
            }
            (None, None) => self.read_content(choice.text, sink),
        }
        if let Some(error) = choice.error.filter(|_| value::is_news(choice.error)) {
            return self.fail(errors::in_stream(error.raw().as_bytes()), sink);
        }
        match value::word(choice.finish_reason) {
            Some(word) => self.read_finish(&word, sink),
            // N1: a whole body is its own proof of completeness.
            None if whole => self.say_finish(chat::FinishReason::Stop, sink),
            None => {}
        }
    }

    /// Reads a whole message in place of a piece. After pieces it repeats them (W5); after another
    /// message it repeats that one and may go on.
    fn read_copy(&mut self, message: &Message<'_>, sink: &mut Sink<'_>) {
        if !self.outlet.spoke {
            self.by_message = true;
            self.text_growth = Growth::new(Snapshots::On);
            self.reasoning_growth = Growth::new(Snapshots::On);
        }
        if self.by_message {
            self.read_message(message, true, sink);
        }
    }

    fn read_message(&mut self, message: &Message<'_>, whole: bool, sink: &mut Sink<'_>) {
        if let Some(reasoning) = reasoning::find(message) {
            self.read_reasoning(&reasoning, sink);
        }
        if message.reasoning_details.is_some() {
            let snapshots = self.reasoning_growth.is_snapshots();
            let details = &mut self.outlet.details;
            details.read(message.reasoning_details, snapshots);
            if details.bytes() > HELD_BYTES_MAX {
                // Only what has been given out is counted, and ends the answer when it is too much.
                details.flush(&mut |detail| sink(Delta::ReasoningDetail(detail)));
            }
        }
        self.read_content(message.content, sink);
        if let Some(text) = value::text(message.refusal) {
            self.interrupt(sink);
            self.outlet.refusal(text, sink);
        }
        if let Some(audio) = value::object::<Audio<'_>>(message.audio)
            && !value::is_news(message.content)
        {
            self.read_content(audio.transcript, sink);
        }
        self.read_calls(message.tool_calls, message.function_call, whole, sink);
        for image in value::elements(message.images) {
            self.read_image(Some(image), sink);
        }
        if message.annotations.is_some() {
            self.outlet.annotations(message.annotations, sink);
        }
    }

    fn read_calls(&mut self, calls: Raw<'_>, legacy: Raw<'_>, whole: bool, sink: &mut Sink<'_>) {
        let legacy = value::object::<Function<'_>>(legacy);
        if value::objects(calls).next().is_some() || legacy.is_some() {
            self.pieces += 1;
            self.interrupt(sink);
            self.outlet.read_calls(calls, legacy.as_ref(), whole, sink);
        }
    }

    fn read_reasoning(&mut self, reasoning: &Reasoning<'_>, sink: &mut Sink<'_>) {
        self.pieces += 1;
        // S6: the same thoughts are being read from between tags.
        if self.outlet.by_tags && self.think.is_inside() {
            return;
        }
        self.outlet.by_field = true;
        self.outlet.reasoning_field(reasoning.field);
        let Self { outlet, reasoning_growth, .. } = self;
        reasoning.texts(&mut |text| {
            reasoning_growth.push(text, &mut |text| outlet.reasoning(text, sink));
        });
    }

    fn read_text(&mut self, text: JsonText<'_>, sink: &mut Sink<'_>) {
        self.pieces += 1;
        let Self { outlet, think, text_growth, reasoning_growth, .. } = self;
        outlet.spoke = true;
        reasoning_growth.finish(&mut |text| outlet.reasoning(text, sink));
        text_growth.push(text, &mut |text| {
            think.push(text, &mut |segment| outlet.segment(segment, sink));
        });
    }

    /// W3: an answer in the form of an upstream's other endpoint, or in an envelope.
    fn read_native(&mut self, depth: u8, root: Value<'_>, chunk: &Chunk<'_>, sink: &mut Sink<'_>) {
        if let Some(result) = chunk.result.filter(|result| result.kind() == Kind::Object) {
            self.read_within(depth, b"", result.raw().as_bytes(), sink);
            if self.finish.is_none() && self.outlet.spoke && !self.failed {
                self.say_finish(chat::FinishReason::Stop, sink);
            }
            return;
        }
        if let Some(message) = value::object(chunk.message) {
            self.read_message(&message, false, sink);
        }
        self.read_content(chunk.response, sink);
        self.read_calls(chunk.tool_calls, None, false, sink);
        if chunk.done.is_some_and(|done| done.raw() == "true") {
            let word = value::word(chunk.done_reason);
            self.read_finish(word.as_deref().unwrap_or("stop"), sink);
            self.read_usage(Some(root), sink);
        }
    }

    fn read_finish(&mut self, word: &str, sink: &mut Sink<'_>) {
        match finish::read(word) {
            Ok(reason) => self.say_finish(reason, sink),
            Err(error) => self.fail(error, sink),
        }
    }

    fn say_finish(&mut self, reason: chat::FinishReason, sink: &mut Sink<'_>) {
        self.outlet.calls.settle(&mut |call| sink(Delta::ToolCall(call)));
        self.finish = Some(reason);
        sink(Delta::Finish(reason));
    }

    pub(super) fn read_usage(&mut self, raw: Raw<'_>, sink: &mut Sink<'_>) {
        let Some(usage) = usage::read(raw) else { return };
        // Zeros say that nothing was counted; they do not take back what was.
        let counted = usage.total_tokens > 0 || self.usage.is_none();
        if counted && self.usage != Some(usage) {
            self.usage = Some(usage);
            sink(Delta::Usage(usage));
        }
    }

    /// Something that is no text follows: text that waits goes out before it.
    fn interrupt(&mut self, sink: &mut Sink<'_>) {
        self.end_growth(sink);
        let Self { outlet, think, .. } = self;
        think.interrupt(&mut |segment| outlet.segment(segment, sink));
    }

    fn flush(&mut self, sink: &mut Sink<'_>) {
        self.end_growth(sink);
        let Self { outlet, think, .. } = self;
        think.finish(&mut |segment| outlet.segment(segment, sink));
        outlet.finish(self.finish == Some(chat::FinishReason::Stop), sink);
    }

    /// What looked like a second snapshot was a piece.
    fn end_growth(&mut self, sink: &mut Sink<'_>) {
        let Self { outlet, think, text_growth, reasoning_growth, .. } = self;
        reasoning_growth.finish(&mut |text| outlet.reasoning(text, sink));
        text_growth.finish(&mut |text| {
            think.push(text, &mut |segment| outlet.segment(segment, sink));
        });
    }

    fn fail(&mut self, error: ApiError, sink: &mut Sink<'_>) {
        // Text behind a call would make the call look whole; it is not, for all we know.
        if self.outlet.calls.is_empty() {
            self.flush(sink);
        }
        self.failed = true;
        sink(Delta::Failed(error));
    }
}

/// True for a chunk of a stream; a message in it may be a piece.
fn is_streamed(object: Raw<'_>) -> bool {
    value::word(object).is_some_and(|object| object.ends_with("chunk"))
}

/// The text of a value, if there is any and it is not the one known.
fn news<'a>(known: &mut JsonText<'static>, raw: Raw<'a>) -> Option<JsonText<'a>> {
    let text = value::text(raw).filter(|text| *text != *known)?;
    *known = text.clone().into_owned();
    Some(text)
}
