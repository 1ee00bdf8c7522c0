//! A conversation as the messages one dialect takes.

use crate::chat::request::{Assistant, AssistantContent, Call, Content, Message, Part, Reasoning};
use crate::dialect::call_ids::CallIds;
use crate::dialect::{
    ContentParts, Dialect, NullContent, ReasoningReplay, SystemMessages, ToolImages, UNSIGNED_CALL,
};
use crate::json::JsonText;

use super::conversation::{self, Entry, Turn};
use super::text::{append_paragraph, append_part};

/// What opens and closes a conversation besides its entries.
#[derive(Debug, Default)]
pub(super) struct Frame<'d> {
    /// `instructions`
    pub(super) instructions: Option<JsonText<'d>>,
    /// What the translation itself has to tell the model.
    pub(super) note: Option<String>,
    /// The last user message, of the translation itself.
    pub(super) closing: Option<&'static str>,
}

/// The messages of a conversation. None when there is nothing to say.
pub(super) fn messages<'d>(
    entries: Vec<Entry<'d>>,
    frame: Frame<'d>,
    dialect: &'d Dialect,
) -> Vec<Message<'d>> {
    let mut messages = Messages { dialect, list: Vec::new(), user: Vec::new() };
    let rest = messages.open(entries, frame.instructions, frame.note);
    for entry in rest {
        match entry {
            Entry::System { developer, text } => messages.late_system(developer, text),
            Entry::User(parts) => messages.user(parts),
            Entry::Turn(turn) => messages.turn(turn),
        }
    }
    if let Some(closing) = frame.closing {
        messages.user(vec![Part::Text(JsonText::encode(closing))]);
    }
    messages.close()
}

struct Messages<'d> {
    dialect: &'d Dialect,
    list: Vec<Message<'d>>,
    /// The user message that is being put together.
    user: Vec<Part<'d>>,
}

impl<'d> Messages<'d> {
    /// Writes the leading system message and gives back what follows it.
    fn open(
        &mut self,
        mut entries: Vec<Entry<'d>>,
        instructions: Option<JsonText<'d>>,
        note: Option<String>,
    ) -> Vec<Entry<'d>> {
        if self.dialect.system_messages == SystemMessages::MergeFirst {
            // All system text goes to the front; everything else keeps its order.
            let is_system = |entry: &Entry<'_>| matches!(entry, Entry::System { .. });
            let (mut system, others): (Vec<_>, _) = entries.into_iter().partition(is_system);
            system.extend::<Vec<_>>(others);
            entries = system;
        }
        let first_other = |entry: &Entry<'_>| !matches!(entry, Entry::System { .. });
        let count = entries.iter().position(first_other).unwrap_or(entries.len());
        let rest = entries.split_off(count);
        let instructions = instructions.filter(|text| !text.is_empty());
        let mut leading: Vec<(bool, JsonText<'d>)> =
            instructions.map(|text| (false, text)).into_iter().collect();
        leading.extend(entries.into_iter().filter_map(|entry| match entry {
            Entry::System { developer, text } => Some((developer, text)),
            _ => None,
        }));
        if self.dialect.system_messages != SystemMessages::Keep {
            leading = joined(leading);
        }
        if let Some(note) = note {
            let note = JsonText::encode(&note).into_owned();
            match leading.first_mut() {
                Some((_, text)) => append_paragraph(text, &note),
                None => leading.push((false, note)),
            }
        }
        for (developer, text) in leading {
            self.system(developer, text);
        }
        rest
    }

    fn system(&mut self, developer: bool, text: JsonText<'d>) {
        let developer = developer && self.dialect.developer_role;
        let content = self.text_content(text);
        self.push(Message::System { developer, content });
    }

    fn late_system(&mut self, developer: bool, text: JsonText<'d>) {
        match self.dialect.system_messages {
            SystemMessages::Keep => self.system(developer, text),
            SystemMessages::LateAsUser | SystemMessages::MergeFirst => {
                self.user(vec![Part::Text(text)]);
            }
        }
    }

    /// Adds to the user message that is being put together: strict templates refuse two in a row.
    fn user(&mut self, parts: Vec<Part<'d>>) {
        let mut parts = match self.dialect.content_parts {
            ContentParts::String => folded(parts),
            ContentParts::Parts => parts,
        }
        .into_iter();
        if self.is_blank() {
            self.user.clear();
        }
        if let Some(first) = parts.next() {
            match (self.user.last_mut(), first) {
                (Some(_), Part::Text(text)) if text.is_empty() => {}
                (Some(Part::Text(last)), Part::Text(text))
                    if self.dialect.content_parts == ContentParts::String =>
                {
                    append_paragraph(last, &text);
                }
                (_, first) => self.user.push(first),
            }
        }
        self.user.extend(parts);
    }

    fn is_blank(&self) -> bool {
        self.user.iter().all(|part| matches!(part, Part::Text(text) if text.is_empty()))
    }

    fn flush_user(&mut self) {
        let parts = std::mem::take(&mut self.user);
        let blank = parts.iter().all(|part| matches!(part, Part::Text(text) if text.is_empty()));
        if parts.is_empty() || (blank && self.dialect.drop_empty_text) {
            return;
        }
        if self.dialect.assistant_after_tool
            && matches!(self.list.last(), Some(Message::Tool { .. }))
        {
            let content = AssistantContent::Some(self.text_content(JsonText::encode(BRIDGE)));
            self.list.push(Message::Assistant(Assistant {
                content,
                reasoning: self.required_reasoning(),
                calls: Vec::new(),
            }));
        }
        let content = match <[Part<'d>; 1]>::try_from(parts) {
            Ok([Part::Text(text)]) => self.text_content(text),
            Ok(parts) => Content::Parts(parts.into()),
            Err(parts) => Content::Parts(parts),
        };
        self.list.push(Message::User(content));
    }

    fn push(&mut self, message: Message<'d>) {
        self.flush_user();
        self.list.push(message);
    }

    /// The model's message, the outputs of its calls, and what these cannot hold.
    fn turn(&mut self, turn: Turn<'d>) {
        let mut ids = CallIds::new(self.dialect.tool_call_id);
        let ids: Vec<JsonText<'d>> = turn.calls.iter().map(|call| ids.next(&call.id)).collect();
        if !turn.text.is_empty() || !turn.calls.is_empty() {
            let assistant = self.assistant(&turn, &ids);
            self.push(Message::Assistant(assistant));
        }
        let mut attachments = turn.images;
        for (call, id) in turn.calls.into_iter().zip(ids) {
            self.tool(call, id, &mut attachments);
        }
        if !attachments.is_empty() {
            self.user(attachments);
        }
    }

    fn assistant(&self, turn: &Turn<'d>, ids: &[JsonText<'d>]) -> Assistant<'d> {
        let mut text = turn.text.clone();
        let mut reasoning = None;
        let mut thinking = None;
        match self.replay(turn) {
            Some(Replay::Member(name, value)) => reasoning = Some((name, value)),
            Some(Replay::Thinking(thought)) => thinking = Some(Part::Thinking(thought)),
            Some(Replay::Tags(thought)) => text = tagged(&thought, &text),
            None => reasoning = self.required_reasoning(),
        }
        let content = match (thinking, text.is_empty()) {
            (Some(thinking), empty) => {
                let text = (!empty).then_some(Part::Text(text));
                let parts = std::iter::once(thinking).chain(text).collect();
                AssistantContent::Some(Content::Parts(parts))
            }
            (None, false) => AssistantContent::Some(self.text_content(text)),
            (None, true) => match self.dialect.null_content {
                NullContent::EmptyString => AssistantContent::Some(Content::Text(JsonText::EMPTY)),
                NullContent::Null => AssistantContent::Null,
                NullContent::Omit => AssistantContent::Omitted,
            },
        };
        Assistant { content, reasoning, calls: self.calls(turn, ids) }
    }

    fn calls(&self, turn: &Turn<'d>, ids: &[JsonText<'d>]) -> Vec<Call<'d>> {
        let mut calls: Vec<Call<'d>> = Vec::with_capacity(turn.calls.len());
        for (call, id) in turn.calls.iter().zip(ids) {
            let extra = match self.dialect.reasoning_replay {
                ReasoningReplay::None => None,
                _ => extra_members(turn, call),
            };
            let extra = extra.or_else(|| {
                let wants = self.dialect.reasoning_replay == ReasoningReplay::ThoughtSignature;
                (wants && calls.is_empty()).then(|| UNSIGNED_CALL.to_owned())
            });
            calls.push(Call {
                id: id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
                extra,
            });
        }
        calls
    }

    /// Earlier reasoning in the form this upstream takes back.
    fn replay(&self, turn: &Turn<'d>) -> Option<Replay<'d>> {
        let form = match (self.dialect.reasoning_replay, turn.field.as_deref()) {
            (ReasoningReplay::Auto, _) if !turn.details.is_empty() => "reasoning_details",
            (ReasoningReplay::Auto, field) => field?,
            (ReasoningReplay::ContentThinking, _) => "content_thinking",
            (ReasoningReplay::Reasoning, _) => "reasoning",
            (ReasoningReplay::ReasoningContent, _) => "reasoning_content",
            (ReasoningReplay::ReasoningDetails, _) => "reasoning_details",
            (ReasoningReplay::ThinkTags, _) => "think_tags",
            (ReasoningReplay::None | ReasoningReplay::ThoughtSignature, _) => return None,
        };
        let text = Some(turn.reasoning.clone()).filter(|text| !text.is_empty());
        let member = |name| Some(Replay::Member(name, Reasoning::Text(text.clone()?)));
        match form {
            "content_thinking" => text.map(Replay::Thinking),
            "reasoning" => member("reasoning"),
            "reasoning_content" => member("reasoning_content"),
            "reasoning_details" => {
                let details = match turn.details.as_slice() {
                    [] => vec![detail(&text?)],
                    details => details.to_vec(),
                };
                Some(Replay::Member("reasoning_details", Reasoning::Details(details)))
            }
            "reasoning_text" => member("reasoning_text"),
            "think_tags" => text.map(Replay::Tags),
            "thinking" => member("thinking"),
            // A field no upstream is known to use: the envelope was not ours.
            _ => None,
        }
    }

    /// The empty field for upstreams that insist on it. They look for its presence only.
    fn required_reasoning(&self) -> Option<(&'d str, Reasoning<'d>)> {
        let name = match self.dialect.reasoning_replay {
            ReasoningReplay::ReasoningContent => "reasoning_content",
            ReasoningReplay::Reasoning => "reasoning",
            _ => return None,
        };
        self.dialect.reasoning_required.then_some((name, Reasoning::Text(JsonText::EMPTY)))
    }

    fn tool(
        &mut self,
        call: conversation::Call<'d>,
        id: JsonText<'d>,
        attachments: &mut Vec<Part<'d>>,
    ) {
        let Some(output) = call.output else {
            let content = self.text_content(JsonText::encode(NO_OUTPUT));
            return self.push(Message::Tool { call_id: id, content });
        };
        let (texts, others): (Vec<_>, Vec<_>) =
            output.into_iter().partition(|part| matches!(part, Part::Text(_)));
        if !others.is_empty() && self.dialect.tool_images == ToolImages::Tool {
            let parts = texts.into_iter().chain(others).collect();
            return self.push(Message::Tool { call_id: id, content: Content::Parts(parts) });
        }
        let text = match folded(texts).pop() {
            Some(Part::Text(text)) if !text.is_empty() => text,
            _ if others.is_empty() => JsonText::encode(EMPTY_OUTPUT),
            _ => JsonText::encode(ATTACHED),
        };
        let content = self.text_content(text);
        if !others.is_empty() {
            let mut label =
                JsonText::encode("Attached to the output of the tool call ").into_owned();
            label.push(&id);
            label.push_decoded(":");
            attachments.push(Part::Text(label));
            attachments.extend(others);
        }
        self.push(Message::Tool { call_id: id, content });
    }

    fn text_content(&self, text: JsonText<'d>) -> Content<'d> {
        match self.dialect.content_parts {
            ContentParts::String => Content::Text(text),
            ContentParts::Parts => Content::Parts(vec![Part::Text(text)]),
        }
    }

    fn close(mut self) -> Vec<Message<'d>> {
        let ends_with_assistant =
            self.user.is_empty() && matches!(self.list.last(), Some(Message::Assistant(_)));
        if self.dialect.assistant_after_tool && ends_with_assistant {
            self.user.push(Part::Text(JsonText::encode(GO_ON)));
        }
        self.flush_user();
        self.list
    }
}

/// Reasoning on its way back.
enum Replay<'d> {
    /// In a member of the message.
    Member(&'d str, Reasoning<'d>),
    /// As a part of the content.
    Thinking(JsonText<'d>),
    /// In the text, between tags.
    Tags(JsonText<'d>),
}

/// All texts as one; the developer's if one of them is.
fn joined<'d>(texts: Vec<(bool, JsonText<'d>)>) -> Vec<(bool, JsonText<'d>)> {
    let mut texts = texts.into_iter();
    let Some((mut developer, mut whole)) = texts.next() else { return Vec::new() };
    for (by_developer, text) in texts {
        developer |= by_developer;
        append_paragraph(&mut whole, &text);
    }
    vec![(developer, whole)]
}

/// Parts with texts in a row joined.
fn folded<'d>(parts: Vec<Part<'d>>) -> Vec<Part<'d>> {
    if parts.len() < 2 {
        return parts;
    }
    let mut folded: Vec<Part<'d>> = Vec::with_capacity(parts.len());
    for part in parts {
        match (folded.last_mut(), part) {
            (Some(Part::Text(last)), Part::Text(text)) => append_part(last, &text),
            (_, part) => folded.push(part),
        }
    }
    folded
}

fn tagged<'d>(thought: &JsonText<'_>, text: &JsonText<'_>) -> JsonText<'d> {
    let mut whole = JsonText::encode("<think>\n").into_owned();
    whole.push(thought);
    whole.push_decoded("\n</think>\n\n");
    whole.push(text);
    whole
}

fn detail(text: &JsonText<'_>) -> String {
    format!(r#"{{"type":"reasoning.text","text":"{}"}}"#, text.escaped())
}

/// The members that the upstream put beside a call, such as a signature.
fn extra_members(turn: &Turn<'_>, call: &conversation::Call<'_>) -> Option<String> {
    let id = call.id.decode();
    let extra = turn.extras.get(&*id)?;
    let members = extra.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    (!members.is_empty()).then(|| members.to_owned())
}

const ATTACHED: &str = "[attached below]";
const BRIDGE: &str = "Noted.";
const EMPTY_OUTPUT: &str = "[no output]";
const GO_ON: &str = "Continue.";
const NO_OUTPUT: &str = "[no output: the call was interrupted]";
