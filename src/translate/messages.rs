//! A conversation as the messages one dialect takes, written one by one.

use crate::chat::request::{Assistant, Call, Content, Message, Part};
use crate::dialect::{ContentParts, Dialect, SystemMessages, ToolImages};
use crate::json::Array;
use crate::json::kept::{JsonStr, Kept};

use super::conversation::{Conversation, Event};
use super::text::{Pieces, Span, fold, is_blank, is_one_text};
use super::turn::Turn;

mod assistant;

/// What opens and closes a conversation besides what happened in it.
#[derive(Debug, Default)]
pub(super) struct Frame<'d> {
    /// `instructions`
    pub(super) instructions: JsonStr<'d>,
    /// What the translation itself has to tell the model.
    pub(super) note: JsonStr<'d>,
    /// The last user message, of the translation itself.
    pub(super) closing: JsonStr<'d>,
}

/// Writes the messages of a conversation, and says whether there were any.
#[inline(never)]
pub(super) fn write<'d>(
    conversation: &Conversation<'d>,
    frame: &Frame<'d>,
    dialect: &'d Dialect,
    kept: &Kept<'d>,
    list: &mut Array<'_>,
) -> bool {
    let mut messages = Messages {
        conversation,
        dialect,
        kept,
        list,
        last: Last::None,
        user: Pieces::default(),
        text: Pieces::default(),
        attached: Pieces::default(),
        calls: Vec::new(),
    };
    let mut rest = messages.open(frame);
    while let Some((event, behind)) = rest.split_first() {
        rest = behind;
        match event {
            Event::Developer(_) | Event::System(_) => messages.late_system(*event),
            Event::User(parts) => messages.user(conversation.parts.of(*parts)),
            _ => {
                let end = behind.iter().position(|event| event.ends_turn());
                let (turn, behind) = behind.split_at(end.unwrap_or(behind.len()));
                messages.turn(turn);
                rest = behind;
            }
        }
    }
    if !frame.closing.is_empty() {
        messages.user(&[Part::Text(frame.closing)]);
    }
    messages.close()
}

impl Event {
    fn ends_turn(&self) -> bool {
        matches!(self, Self::Developer(_) | Self::System(_) | Self::User(_) | Self::Turn)
    }

    fn is_system(&self) -> bool {
        matches!(self, Self::Developer(_) | Self::System(_))
    }
}

/// The last message that was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    None,
    Assistant,
    Tool,
    Other,
}

struct Messages<'c, 'l, 'o, 'd> {
    conversation: &'c Conversation<'d>,
    dialect: &'d Dialect,
    kept: &'c Kept<'d>,
    list: &'l mut Array<'o>,
    last: Last,
    /// The user message that is being put together.
    user: Pieces<'d>,
    /// The text of another message that is being put together.
    text: Pieces<'d>,
    /// What the messages of a turn cannot hold.
    attached: Pieces<'d>,
    /// The calls of a turn.
    calls: Vec<Call<'d>>,
}

impl<'c, 'd> Messages<'c, '_, '_, 'd> {
    /// Writes the leading system messages and gives back what follows them.
    #[inline(never)]
    fn open(&mut self, frame: &Frame<'d>) -> &'c [Event] {
        let events = self.conversation.events.as_slice();
        let count = events.iter().position(|event| !event.is_system()).unwrap_or(events.len());
        let (leading, rest) = events.split_at(count);
        // All system text goes to the front; everything else keeps its order.
        let late = match self.dialect.system_messages {
            SystemMessages::MergeFirst => rest,
            SystemMessages::Keep | SystemMessages::LateAsUser => &[],
        };
        let keeps = self.dialect.system_messages == SystemMessages::Keep;
        let mut note = frame.note;
        let mut by_developer = false;
        self.text.clear();
        self.text.text(frame.instructions);
        for event in leading.iter().chain(late) {
            let (Event::Developer(text) | Event::System(text)) = *event else { continue };
            if keeps && !is_blank(self.text.parts()) {
                self.text.append_paragraph(std::mem::take(&mut note));
                self.system(std::mem::take(&mut by_developer));
            }
            by_developer |= matches!(event, Event::Developer(_));
            self.append(text, Pieces::append_paragraph);
        }
        self.text.append_paragraph(note);
        if !is_blank(self.text.parts()) {
            self.system(by_developer);
        }
        rest
    }

    /// Appends parts that are one text to the one that is being put together.
    fn append(&mut self, parts: Span, join: fn(&mut Pieces<'d>, JsonStr<'d>)) {
        let parts = self.conversation.parts.of(parts);
        fold(parts, join, Pieces::append_part, &mut self.text);
    }

    /// Writes a system message with the text that was put together, and begins another text.
    fn system(&mut self, by_developer: bool) {
        self.flush_user();
        let content = self.text_content(self.text.parts());
        let developer = by_developer && self.dialect.developer_role;
        Message::System { developer, content }.write(self.list);
        self.last = Last::Other;
        self.text.clear();
        self.text.text(JsonStr::EMPTY);
    }

    #[inline(never)]
    fn late_system(&mut self, event: Event) {
        let (Event::Developer(text) | Event::System(text)) = event else { return };
        self.text.clear();
        self.text.text(JsonStr::EMPTY);
        self.append(text, Pieces::append);
        match self.dialect.system_messages {
            SystemMessages::Keep => self.system(matches!(event, Event::Developer(_))),
            SystemMessages::LateAsUser => {
                let text = std::mem::take(&mut self.text);
                self.user(text.parts());
                self.text = text;
            }
            // It stands in front already.
            SystemMessages::MergeFirst => {}
        }
    }

    /// Adds to the user message that is being put together: strict templates refuse two in a row.
    #[inline(never)]
    fn user(&mut self, parts: &[Part<'d>]) {
        let as_string = self.dialect.content_parts == ContentParts::String;
        if is_blank(self.user.parts()) {
            self.user.clear();
        }
        let (mut is_first, mut is_open) = (self.user.len() > 0, false);
        for part in parts {
            match *part {
                Part::Text(text) if is_open && as_string => self.user.append_part(text),
                // An empty text says nothing behind others.
                Part::Text(text) if is_first && text.is_empty() => is_first = as_string,
                Part::Text(text) if is_first && as_string && self.user.ends_with_text() => {
                    self.user.append_paragraph(text);
                    (is_first, is_open) = (false, true);
                }
                Part::Text(text) => {
                    self.user.text(text);
                    (is_first, is_open) = (false, true);
                }
                Part::More(text) => self.user.append(text),
                other => {
                    self.user.push(other);
                    (is_first, is_open) = (false, false);
                }
            }
        }
    }

    #[inline(never)]
    fn flush_user(&mut self) {
        let parts = self.user.parts();
        if !(parts.is_empty() || self.dialect.drop_empty_text && is_blank(parts)) {
            if self.dialect.assistant_after_tool && self.last == Last::Tool {
                Message::Assistant(Assistant {
                    content: self.text_content(&[Part::Text(BRIDGE)]),
                    reasoning: self.required_reasoning(),
                    calls: &[],
                })
                .write(self.list);
            }
            let is_text = is_one_text(parts);
            let content = if is_text { self.text_content(parts) } else { Content::Parts(parts) };
            Message::User(content).write(self.list);
            self.last = Last::Other;
        }
        self.user.clear();
    }

    /// The model's message, the outputs of its calls, and what these cannot hold.
    #[inline(never)]
    fn turn(&mut self, events: &'c [Event]) {
        let turn = Turn::of(events, self.conversation);
        let mut calls = std::mem::take(&mut self.calls);
        self.calls(&turn, &mut calls);
        if turn.has_text || !calls.is_empty() {
            self.flush_user();
            self.assistant(&turn, &calls);
        }
        for event in events {
            if let Event::Made(image) = event {
                let image = self.conversation.parts.of(*image);
                image.iter().for_each(|part| self.attached.push(*part));
            }
        }
        for (call, output) in calls.iter().zip(turn.outputs()) {
            self.tool(call.id, output);
        }
        calls.clear();
        self.calls = calls;
        if self.attached.len() > 0 {
            let mut attached = std::mem::take(&mut self.attached);
            self.user(attached.parts());
            attached.clear();
            self.attached = attached;
        }
    }

    /// Writes what came of a call.
    #[inline(never)]
    fn tool(&mut self, call_id: JsonStr<'d>, output: Option<&'c [Part<'d>]>) {
        let parts = output.unwrap_or(&[Part::Text(NO_OUTPUT)]);
        let is_text = |part: &&Part<'_>| matches!(part, Part::Text(_) | Part::More(_));
        let has_others = !parts.iter().all(|part| is_text(&part));
        let others = parts.iter().filter(|part| !is_text(part));
        self.text.clear();
        let content = if has_others && self.dialect.tool_images == ToolImages::Tool {
            parts.iter().filter(is_text).chain(others).for_each(|part| self.text.push(*part));
            Content::Parts(self.text.parts())
        } else {
            self.text.text(JsonStr::EMPTY);
            fold(parts, Pieces::append, Pieces::append_part, &mut self.text);
            if is_blank(self.text.parts()) {
                self.text.append(if has_others { ATTACHED } else { EMPTY_OUTPUT });
            }
            if has_others {
                self.attached.text(LABEL);
                self.attached.append(call_id);
                self.attached.append(JsonStr::of_escaped(":"));
                others.for_each(|part| self.attached.push(*part));
            }
            self.text_content(self.text.parts())
        };
        Message::Tool { call_id, content }.write(self.list);
        self.last = Last::Tool;
    }

    fn text_content<'p>(&self, pieces: &'p [Part<'p>]) -> Content<'p> {
        match self.dialect.content_parts {
            ContentParts::String => Content::Text(pieces),
            ContentParts::Parts => Content::Parts(pieces),
        }
    }

    fn close(mut self) -> bool {
        let ends_with_assistant = self.user.len() == 0 && self.last == Last::Assistant;
        if self.dialect.assistant_after_tool && ends_with_assistant {
            self.user.text(GO_ON);
        }
        self.flush_user();
        self.last != Last::None
    }
}

const ATTACHED: JsonStr<'static> = JsonStr::of_escaped("[attached below]");
const BRIDGE: JsonStr<'static> = JsonStr::of_escaped("Noted.");
const EMPTY_OUTPUT: JsonStr<'static> = JsonStr::of_escaped("[no output]");
const GO_ON: JsonStr<'static> = JsonStr::of_escaped("Continue.");
const LABEL: JsonStr<'static> = JsonStr::of_escaped("Attached to the output of the tool call ");
const NO_OUTPUT: JsonStr<'static> = JsonStr::of_escaped("[no output: the call was interrupted]");
