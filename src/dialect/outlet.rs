//! What every piece passes on its way out: the order of things, whatever was held back.

use super::annotations::Annotations;
use super::reasoning::Details;
use super::text_calls::{Found, TextCalls};
use super::think::Segment;
use super::tool_calls::ToolCalls;
use super::{Delta, Dialect, TextToolCalls, ToolCallDelta};
use crate::chat::lenient::{Raw, objects};
use crate::chat::response::Function;
use crate::json::JsonText;

/// Where [`Delta`]s go.
pub type Sink<'s> = dyn FnMut(Delta<'_>) + 's;

/// Gives out the news of one answer, after what had to wait for it.
#[derive(Debug)]
pub struct Outlet {
    /// The tool calls so far.
    pub calls: ToolCalls,
    /// Opaque reasoning; goes out before anything but reasoning does.
    pub details: Details,
    annotations: Annotations,
    text_calls: TextCalls,
    /// Kimi writes calls into its reasoning, too.
    reasoning_calls: TextCalls,
    /// Whether anything of the answer itself has come, given out or not.
    pub spoke: bool,
    /// Whether text has gone out.
    has_text: bool,
    /// Where reasoning came from first.
    field: Option<&'static str>,
    field_said: bool,
    /// Reasoning came in a field.
    pub by_field: bool,
    /// Reasoning came between tags in the text.
    pub by_tags: bool,
}

impl Outlet {
    /// An outlet for one answer.
    pub fn new(dialect: &Dialect, calls: ToolCalls, held_bytes_max: usize) -> Self {
        let formats = &dialect.text_tool_calls[..];
        let in_reasoning: &[TextToolCalls] =
            if formats.contains(&TextToolCalls::Kimi) { &[TextToolCalls::Kimi] } else { &[] };
        Self {
            calls,
            details: Details::default(),
            annotations: Annotations::default(),
            text_calls: TextCalls::new(formats, held_bytes_max),
            reasoning_calls: TextCalls::new(in_reasoning, held_bytes_max),
            spoke: false,
            has_text: false,
            field: None,
            field_said: false,
            by_field: false,
            by_tags: false,
        }
    }

    /// True when nothing waits and nothing is looked for, so that a piece of what has come before
    /// passes as it is.
    pub fn is_idle(&self) -> bool {
        self.text_calls.is_off()
            && self.reasoning_calls.is_off()
            && self.calls.is_settled()
            && self.details.is_empty()
            && self.annotations.is_empty()
    }

    /// A piece of text, told apart from tagged reasoning.
    pub fn segment(&mut self, segment: Segment<'_>, sink: &mut Sink<'_>) {
        match segment {
            Segment::Text(text) => self.text(text, sink),
            // S6: some upstreams send the same reasoning in a field; the tagged copy is dropped.
            Segment::Thought(_) if self.by_field => {}
            Segment::Thought(text) => {
                self.by_tags = true;
                self.reasoning_field("think_tags");
                self.reasoning(text, sink);
            }
        }
    }

    fn text(&mut self, text: JsonText<'_>, sink: &mut Sink<'_>) {
        if text.is_empty() {
            return;
        }
        if self.text_calls.is_off() {
            self.say_text(text, sink);
        } else {
            let found = self.text_calls.push(&text.decode(), self.calls.names());
            self.say_found(found, sink);
        }
    }

    /// A piece of reasoning comes from `field`.
    pub fn reasoning_field(&mut self, field: &'static str) {
        self.field.get_or_insert(field);
    }

    /// A piece of reasoning.
    pub fn reasoning(&mut self, text: JsonText<'_>, sink: &mut Sink<'_>) {
        if text.is_empty() {
            return;
        }
        self.spoke = true;
        if self.reasoning_calls.is_off() {
            self.say_reasoning(text, sink);
            return;
        }
        for found in self.reasoning_calls.push(&text.decode(), self.calls.names()) {
            match found {
                Found::Text(text) | Found::Thought(text) => {
                    self.say_reasoning(JsonText::encode(&text), sink);
                }
                call => self.say_found(vec![call], sink),
            }
        }
    }

    /// A piece of a refusal.
    pub fn refusal(&mut self, text: JsonText<'_>, sink: &mut Sink<'_>) {
        self.spoke = true;
        self.before_news(sink);
        sink(Delta::Refusal(text));
    }

    /// A generated image.
    pub fn image(&mut self, url: JsonText<'_>, sink: &mut Sink<'_>) {
        self.spoke = true;
        self.before_news(sink);
        sink(Delta::Image(url));
    }

    /// The calls of a message, or of a piece of one.
    pub fn read_calls(
        &mut self,
        calls: Raw<'_>,
        legacy: Option<&Function<'_>>,
        whole: bool,
        sink: &mut Sink<'_>,
    ) {
        self.before_calls(sink);
        let sink = &mut |call: ToolCallDelta<'_>| sink(Delta::ToolCall(call));
        let calls = objects(calls);
        match legacy.filter(|_| calls.clone().next().is_none()) {
            Some(call) => self.calls.read_legacy(call, sink),
            None if whole => self.calls.read_whole(calls, sink),
            None => self.calls.read_pieces(calls, sink),
        }
    }

    /// Citations of the text; those that come before it wait for it.
    pub fn annotations(&mut self, list: Raw<'_>, sink: &mut Sink<'_>) {
        self.annotations.read(list);
        if self.has_text {
            self.annotations.flush(&mut |annotation| sink(Delta::Annotation(annotation)));
        }
    }

    /// No piece of the answer follows. `stopped`: the model ended it by itself.
    pub fn finish(&mut self, stopped: bool, sink: &mut Sink<'_>) {
        for found in self.reasoning_calls.finish(self.calls.names(), stopped) {
            match found {
                Found::Text(text) | Found::Thought(text) => {
                    self.say_reasoning(JsonText::encode(&text), sink);
                }
                call => self.say_found(vec![call], sink),
            }
        }
        let found = self.text_calls.finish(self.calls.names(), stopped);
        self.say_found(found, sink);
        self.before_news(sink);
        self.annotations.flush(&mut |annotation| sink(Delta::Annotation(annotation)));
    }

    /// Gives out what must not come after news that are no reasoning.
    pub fn before_news(&mut self, sink: &mut Sink<'_>) {
        self.calls.settle(&mut |call| sink(Delta::ToolCall(call)));
        self.details.flush(&mut |detail| sink(Delta::ReasoningDetail(detail)));
    }

    fn before_calls(&mut self, sink: &mut Sink<'_>) {
        let found = self.text_calls.interrupt();
        self.say_found(found, sink);
        self.spoke = true;
        self.details.flush(&mut |detail| sink(Delta::ReasoningDetail(detail)));
    }

    fn say_text(&mut self, text: JsonText<'_>, sink: &mut Sink<'_>) {
        self.before_news(sink);
        sink(Delta::Text(text));
        self.has_text = true;
        self.annotations.flush(&mut |annotation| sink(Delta::Annotation(annotation)));
    }

    fn say_reasoning(&mut self, text: JsonText<'_>, sink: &mut Sink<'_>) {
        self.calls.settle(&mut |call| sink(Delta::ToolCall(call)));
        if let Some(field) = self.field.filter(|_| !self.field_said) {
            self.field_said = true;
            sink(Delta::ReasoningField(field));
        }
        sink(Delta::Reasoning(text));
    }

    fn say_found(&mut self, found: Vec<Found>, sink: &mut Sink<'_>) {
        for found in found {
            match found {
                Found::Text(text) => self.say_text(JsonText::encode(&text), sink),
                // Harmony's own channel; its models take it back as `reasoning`.
                Found::Thought(text) => {
                    self.reasoning_field("reasoning");
                    self.say_reasoning(JsonText::encode(&text), sink);
                }
                Found::Call(call) => {
                    self.before_news(sink);
                    let sink = &mut |call: ToolCallDelta<'_>| sink(Delta::ToolCall(call));
                    self.calls.add_whole(call.id.as_deref(), &call.name, &call.arguments, sink);
                }
            }
        }
    }
}
