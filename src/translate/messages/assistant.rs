//! What the model said, thought and called, as one message.

use std::collections::BTreeMap;

use super::super::text::Pieces;
use super::super::turn::Turn;
use super::{Last, Messages};
use crate::chat::request::{Assistant, Call, Content, Message, Part, Reasoning};
use crate::dialect::call_ids::CallIds;
use crate::dialect::{NullContent, ReasoningReplay, UNSIGNED_CALL};
use crate::json::kept::JsonStr;

impl<'c, 'd> Messages<'c, '_, '_, 'd> {
    /// Writes the assistant message of a turn.
    #[inline(never)]
    pub(super) fn assistant(&mut self, turn: &Turn<'c, 'd>, calls: &[Call<'d>]) {
        let form = self.replay(turn);
        self.text.clear();
        match form {
            Some(Replay::Thinking) => {
                self.text.push(Part::Thinking(JsonStr::EMPTY));
                turn.thoughts(&mut self.text);
                if turn.has_text {
                    self.text.text(JsonStr::EMPTY);
                }
            }
            Some(Replay::Tags) => {
                self.text.text(JsonStr::of_escaped("<think>\\n"));
                turn.thoughts(&mut self.text);
                self.text.append(JsonStr::of_escaped("\\n</think>\\n\\n"));
            }
            Some(Replay::Member(_) | Replay::Details) | None => self.text.text(JsonStr::EMPTY),
        }
        turn.text(&mut self.text);
        let said = self.text.len();
        let mut details = Vec::new();
        match form {
            Some(Replay::Member(_)) => {
                self.text.text(JsonStr::EMPTY);
                turn.thoughts(&mut self.text);
            }
            Some(Replay::Details) => details = self.details(turn),
            _ => {}
        }
        let (said, thought) = self.text.parts().split_at(said);
        let content = match (form, self.dialect.null_content) {
            (Some(Replay::Thinking), _) => Content::Parts(said),
            (Some(Replay::Tags), _) => self.text_content(said),
            _ if turn.has_text => self.text_content(said),
            (_, NullContent::EmptyString) => Content::Text(&[]),
            (_, NullContent::Null) => Content::Null,
            (_, NullContent::Omit) => Content::Omitted,
        };
        let reasoning = match form {
            Some(Replay::Member(name)) => Some((name, Reasoning::Text(thought))),
            Some(Replay::Details) => Some(("reasoning_details", Reasoning::Details(&details))),
            Some(Replay::Thinking | Replay::Tags) => None,
            None => self.required_reasoning(),
        };
        Message::Assistant(Assistant { content, reasoning, calls }).write(self.list);
        self.last = Last::Assistant;
    }

    /// The calls of a turn, under ids that differ.
    #[inline(never)]
    pub(super) fn calls(&self, turn: &Turn<'c, 'd>, calls: &mut Vec<Call<'d>>) {
        if turn.calls.is_empty() {
            return;
        }
        let replay = self.dialect.reasoning_replay;
        let extras = if replay == ReasoningReplay::None { BTreeMap::new() } else { turn.extras() };
        let unsigned = if replay == ReasoningReplay::ThoughtSignature { UNSIGNED_CALL } else { "" };
        let mut ids = CallIds::new(self.dialect.tool_call_id);
        for call in turn.calls {
            let id = match turn.calls {
                [only] => CallIds::only(self.dialect.tool_call_id, &only.id.text()),
                _ => ids.next(&call.id.text()),
            };
            let extra = extras.get(call.decoded_id).filter(|extra| !extra.is_empty());
            let unsigned = if calls.is_empty() { unsigned } else { "" };
            calls.push(Call {
                id: self.kept.text(id),
                name: call.name,
                arguments: call.arguments,
                extra: extra.map_or(unsigned, |extra| self.kept.string(extra.to_string().into())),
            });
        }
    }

    /// Earlier reasoning in the form this upstream takes back.
    #[inline(never)]
    fn replay(&self, turn: &Turn<'c, 'd>) -> Option<Replay> {
        let form = match self.dialect.reasoning_replay {
            ReasoningReplay::Auto if turn.has_details => Replay::Details,
            // A field no upstream is known to use means that the envelope was not ours.
            ReasoningReplay::Auto => Replay::in_field(turn.field?)?,
            ReasoningReplay::ContentThinking => Replay::Thinking,
            ReasoningReplay::Reasoning => Replay::Member("reasoning"),
            ReasoningReplay::ReasoningContent => Replay::Member("reasoning_content"),
            ReasoningReplay::ReasoningDetails => Replay::Details,
            ReasoningReplay::ThinkTags => Replay::Tags,
            ReasoningReplay::None | ReasoningReplay::ThoughtSignature => return None,
        };
        let is_known = turn.has_thoughts || matches!(form, Replay::Details) && turn.has_details;
        is_known.then_some(form)
    }

    /// Opaque pieces of the reasoning, or one that holds its text. JSON.
    #[inline(never)]
    fn details(&self, turn: &Turn<'c, 'd>) -> Vec<&'c str> {
        if turn.has_details {
            let details = turn.envelopes().flat_map(|envelope| &envelope.details);
            return details.map(String::as_str).collect();
        }
        let mut text = Pieces::default();
        text.text(JsonStr::EMPTY);
        turn.thoughts(&mut text);
        let text: String = text.parts().iter().map(Part::piece).collect();
        let detail = format!(r#"{{"type":"reasoning.text","text":"{text}"}}"#);
        vec![self.kept.string(detail.into())]
    }

    /// The empty field for upstreams that insist on it. They look for its presence only.
    pub(super) fn required_reasoning(&self) -> Option<(&'static str, Reasoning<'static>)> {
        let name = match self.dialect.reasoning_replay {
            ReasoningReplay::ReasoningContent => "reasoning_content",
            ReasoningReplay::Reasoning => "reasoning",
            _ => return None,
        };
        self.dialect.reasoning_required.then_some((name, Reasoning::Text(&[])))
    }
}

/// Forms of reasoning on its way back.
#[derive(Clone, Copy)]
enum Replay {
    /// In a member of the message, as text.
    Member(&'static str),
    /// In `reasoning_details`.
    Details,
    /// As a part of the content.
    Thinking,
    /// In the text, between tags.
    Tags,
}

impl Replay {
    /// The form for an upstream that sent its reasoning in this field.
    fn in_field(field: &str) -> Option<Self> {
        Some(match field {
            "content_thinking" => Self::Thinking,
            "reasoning" => Self::Member("reasoning"),
            "reasoning_content" => Self::Member("reasoning_content"),
            "reasoning_details" => Self::Details,
            "reasoning_text" => Self::Member("reasoning_text"),
            "think_tags" => Self::Tags,
            "thinking" => Self::Member("thinking"),
            _ => return None,
        })
    }
}
