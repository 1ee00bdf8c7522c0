//! Items of the input become a conversation, in one walk over them.

use crate::dialect::Dialect;
use crate::error::Refused;
use crate::json::JsonText;
use crate::json::directory::Directory;
use crate::json::document::{Bounds, Document, Kind as JsonKind, Value};
use crate::json::kept::{JsonStr, Kept};
use crate::json::{self, nested};
use crate::responses::content::Part;
use crate::responses::item::{self, CallKind, Item, Kind, Role};
use crate::responses::read::{Fields, Path};
use crate::responses::request::Input;

use super::conversation::{Call, Conversation, Event};
use super::envelope::{Envelope, MARK};
use super::parts::{Parts, Place};
use super::text::is_blank;
use super::tools::{ToolKind, Tools};
use super::treatment::{self, Report};

/// What the translation of items depends on, and the conversation they become.
pub(super) struct Reader<'c, 'd> {
    pub(super) dialect: &'c Dialect,
    pub(super) tools: &'c Tools<'d>,
    pub(super) bounds: Bounds,
    pub(super) kept: &'c Kept<'d>,
    pub(super) report: &'c mut Report,
    pub(super) conversation: Conversation<'d>,
}

impl<'d> Reader<'_, 'd> {
    /// The conversation that an input is.
    ///
    /// # Errors
    /// An item cannot be read, or cannot be expressed and is not to be dropped.
    #[inline(never)]
    pub(super) fn read(mut self, input: &Input<'d>) -> Result<Conversation<'d>, Refused> {
        match input {
            Input::Text(text) => {
                self.conversation.parts.text(self.kept.text(text.clone()));
                self.user(0);
            }
            Input::Items(items) => {
                self.conversation = Conversation::with_capacity(items.len());
                let (input, mut directory) = (Path::of("input"), Directory::default());
                for (index, item) in items.iter().enumerate() {
                    let path = input.element(index);
                    self.item(
                        item,
                        index + 1 == items.len(),
                        &item.fields(&path, &mut directory),
                        &path,
                    )?;
                }
            }
        }
        Ok(self.conversation)
    }

    fn item(
        &mut self,
        item: &Item<'d>,
        is_last: bool,
        fields: &Fields<'d, '_>,
        path: &Path<'_>,
    ) -> Result<(), Refused> {
        match item.kind {
            Kind::Message => self.message(fields),
            Kind::Reasoning => self.reasoning(fields),
            Kind::Call(kind) => self.call(kind, fields),
            Kind::CallOutput => self.output(fields, &mut |reader, fields| {
                reader.content("output", Place::ToolOutput, fields)
            }),
            // Both were read before the conversation.
            Kind::AdditionalTools | Kind::ConfigurationUpdate => Ok(()),
            Kind::CompactionTrigger if is_last => Ok(()),
            Kind::CompactionTrigger => self.report.drop(&treatment::COMPACTION_TRIGGER, path),
            Kind::ItemReference => self.report.drop(&treatment::ITEM_REFERENCE, path),
            Kind::Unknown => self.report.drop(&treatment::OTHER, path),
            kind => self.record(kind, fields, path),
        }
    }

    /// What the parts behind the first `from` say, the user says.
    pub(super) fn user(&mut self, from: usize) {
        let span = self.conversation.parts.since(from);
        self.conversation.user(span);
    }

    /// Adds the content of an item to the parts of the conversation.
    pub(super) fn content(
        &mut self,
        name: &str,
        place: Place,
        fields: &Fields<'d, '_>,
    ) -> Result<(), Refused> {
        let (content, path) = (fields.required(name)?, fields.path(name));
        let parts = Parts { dialect: self.dialect, kept: self.kept, place };
        parts.all(content, &path, self.report, &mut self.conversation.parts)
    }

    #[inline(never)]
    fn message(&mut self, fields: &Fields<'d, '_>) -> Result<(), Refused> {
        let role = item::role(fields)?;
        let from = self.conversation.parts.len();
        let place = if role == Role::User { Place::User } else { Place::Other };
        self.content("content", place, fields)?;
        let span = self.conversation.parts.since(from);
        if self.dialect.drop_empty_text && is_blank(self.conversation.parts.of(span)) {
            return Ok(());
        }
        match role {
            Role::User => self.conversation.user(span),
            Role::Assistant => self.conversation.of_model(Event::Said(span)),
            Role::Developer => self.conversation.system(Event::Developer, span),
            Role::System => self.conversation.system(Event::System, span),
        }
        Ok(())
    }

    /// The thoughts themselves where they are known, else their summary.
    #[inline(never)]
    fn reasoning(&mut self, fields: &Fields<'d, '_>) -> Result<(), Refused> {
        let (kept, parts) = (self.kept, &mut self.conversation.parts);
        let from = parts.len();
        parts.text(JsonStr::EMPTY);
        item::paragraphs(fields, "content", &mut |text| parts.append(kept.text(text)))?;
        let is_known = !is_blank(parts.of(parts.since(from)));
        item::paragraphs(fields, "summary", &mut |text| {
            if !is_known {
                parts.append_paragraph(kept.text(text));
            }
        })?;
        let span = parts.since(from);
        self.conversation.of_model(Event::Thought(span));
        // What is sealed elsewhere is long, and its first characters tell.
        let sealed = fields.text("encrypted_content")?.filter(|sealed| sealed.begins_with(MARK));
        if let Some(envelope) = sealed.and_then(|sealed| Envelope::open(&sealed.decode())) {
            self.conversation.sealed(envelope);
        }
        Ok(())
    }

    #[inline(never)]
    fn call(&mut self, kind: CallKind, fields: &Fields<'d, '_>) -> Result<(), Refused> {
        let (name, arguments) = match kind {
            CallKind::Function => {
                fields.required("call_id")?;
                let name = self.called_name(ToolKind::Function, fields)?;
                (name, self.arguments(item::arguments(fields)?))
            }
            CallKind::Custom => {
                fields.required("call_id")?;
                let name = self.called_name(ToolKind::Custom, fields)?;
                (name, self.wrapped("input", &fields.required_text("input")?))
            }
            kind => self.built_in_call(kind, fields)?,
        };
        let id = self.kept.text(item::call_id(fields)?.unwrap_or_default());
        let decoded_id = self.kept.decoded(id.text());
        self.conversation.called(Call { id, decoded_id, name, arguments, output: None });
        Ok(())
    }

    fn called_name(&self, kind: ToolKind, fields: &Fields<'d, '_>) -> Result<&'d str, Refused> {
        let (name, namespace) = item::called_name(fields)?;
        let namespace = namespace.map(JsonText::into_decoded);
        Ok(self.tool_name(kind, namespace.as_deref(), self.kept.decoded(name)))
    }

    /// The name of the function that a tool is.
    pub(super) fn tool_name(
        &self,
        kind: ToolKind,
        namespace: Option<&str>,
        name: &'d str,
    ) -> &'d str {
        let function = self.tools.name_of(kind, namespace, name);
        if function == name { name } else { self.kept.string(function.into_owned().into()) }
    }

    /// Arguments as they go into a history: one JSON object. Upstreams parse them, and refuse the
    /// conversation for ever where a call was cut or malformed.
    pub(super) fn arguments(&self, arguments: Option<Value<'d>>) -> JsonStr<'d> {
        let Some(value) = arguments else { return NO_ARGUMENTS };
        let Some(text) = value.text() else { return self.kept.encoded(value.raw()) };
        if nested::is_object(text.escaped(), self.bounds) {
            return self.kept.text(text);
        }
        let decoded = text.decode();
        if matches!(decoded.trim(), "" | "null") {
            return NO_ARGUMENTS;
        }
        let parsed = Document::parse(&decoded, self.bounds);
        if parsed.is_ok_and(|document| document.root().kind() == JsonKind::Object) {
            drop(decoded);
            return self.kept.text(text);
        }
        self.wrapped("_raw", &text)
    }

    /// Arguments with one member that holds a text: JSON inside a string.
    fn wrapped(&self, name: &'static str, text: &JsonText<'_>) -> JsonStr<'d> {
        let mut object = Vec::with_capacity(text.len() + 16);
        json::object(&mut object, |o| o.text(name, text));
        self.kept.encoded(&String::from_utf8_lossy(&object))
    }

    /// What came of a call; `read` adds it to the parts. Without its call, which may have been cut from the
    /// history, it is something the user reports.
    #[inline(never)]
    pub(super) fn output(
        &mut self,
        fields: &Fields<'d, '_>,
        read: &mut dyn FnMut(&mut Self, &Fields<'d, '_>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let id = item::call_id(fields)?.map(|id| self.kept.decoded(id));
        let call = id.and_then(|id| self.conversation.oldest_waiting(id));
        let from = self.conversation.parts.len();
        if call.is_none() {
            self.conversation.parts.text(ORPHAN);
        }
        read(self, fields)?;
        match call {
            Some(call) => {
                let output = self.conversation.parts.since(from);
                self.conversation.came_out(call, output);
            }
            None => self.user(from),
        }
        Ok(())
    }

    /// Adds one part that is not content of an item.
    pub(super) fn part(
        &mut self,
        part: &Part<'d>,
        place: Place,
        path: &Path<'_>,
    ) -> Result<(), Refused> {
        let parts = Parts { dialect: self.dialect, kept: self.kept, place };
        parts.one(part, path, self.report, &mut self.conversation.parts)
    }
}

const NO_ARGUMENTS: JsonStr<'static> = JsonStr::of_escaped("{}");

const ORPHAN: JsonStr<'static> = JsonStr::of_escaped("[Output of an earlier tool call]\\n");
