//! Items of the input become a conversation.

use std::borrow::Cow;
use std::fmt;

use crate::chat::request as chat;
use crate::dialect::Dialect;
use crate::error::ApiError;
use crate::json::document::{Bounds, Document, Kind, Value, names};
use crate::json::{self, JsonText, search};
use crate::responses::content::{Image, Part};
use crate::responses::item::{
    Call, CallResult, CalledName, CalledTool, CommandResult, HostedCall, Item, Reasoning, Role,
};
use crate::responses::request::Input;

use super::compaction;
use super::conversation::{self, Conversation};
use super::envelope::{Envelope, MARK};
use super::parts::{Parts, Place};
use super::text::{append_paragraph, append_part};
use super::tools::{ToolKind, Tools};
use super::treatment::{self, Report};

/// What the translation of items depends on.
pub(super) struct Reader<'c, 'd> {
    pub(super) dialect: &'c Dialect,
    pub(super) tools: &'c Tools<'d>,
    pub(super) bounds: Bounds,
}

impl<'d> Reader<'_, 'd> {
    /// The conversation that an input is.
    ///
    /// # Errors
    /// An item cannot be expressed and is not to be dropped.
    pub(super) fn conversation(
        &self,
        input: &Input<'d>,
        report: &mut Report,
    ) -> Result<Conversation<'d>, ApiError> {
        let mut conversation = Conversation::default();
        match input {
            Input::Text(text) => conversation.user(vec![chat::Part::Text(text.clone())]),
            Input::Items(items) => {
                for (index, item) in items.iter().enumerate() {
                    let last = index + 1 == items.len();
                    let at = At { index, last };
                    self.item(item, at, &mut conversation, report)?;
                }
            }
        }
        Ok(conversation)
    }

    fn item(
        &self,
        item: &Item<'d>,
        at: At,
        conversation: &mut Conversation<'d>,
        report: &mut Report,
    ) -> Result<(), ApiError> {
        match item {
            Item::Message(role, parts) => self.message(*role, parts, at, conversation, report)?,
            Item::Reasoning(reasoning) => {
                conversation.thought(&reasoning_text(reasoning), envelope(reasoning));
            }
            Item::Call(call) => conversation.called(self.call(call)),
            Item::CallOutput(output) => {
                let parts = self.result(&output.result, at, report)?;
                conversation.came_out(output.call_id.as_ref(), parts);
            }
            Item::Hosted(hosted, value) => {
                self.hosted(*hosted, *value, at, conversation, report)?
            }
            Item::AgentMessage(parts) => {
                conversation.user(self.parts(parts, Place::User, at, report)?);
            }
            Item::Compaction(sealed) => {
                conversation.user(vec![self.summary(sealed.as_ref(), at, report)?]);
            }
            Item::CompactionTrigger if at.last => {}
            Item::CompactionTrigger => report.drop(&treatment::COMPACTION_TRIGGER, at)?,
            Item::ItemReference => report.drop(&treatment::ITEM_REFERENCE, at)?,
            Item::Unknown => report.drop(&treatment::OTHER, at)?,
            // Both were read before the conversation.
            Item::AdditionalTools(_) | Item::ConfigurationUpdate(_) => {}
        }
        Ok(())
    }

    fn parts(
        &self,
        parts: &[Part<'d>],
        place: Place,
        at: At,
        report: &mut Report,
    ) -> Result<Vec<chat::Part<'d>>, ApiError> {
        Parts { dialect: self.dialect, place, param: &PartsOf(at, place) }.convert(parts, report)
    }

    fn message(
        &self,
        role: Role,
        parts: &[Part<'d>],
        at: At,
        conversation: &mut Conversation<'d>,
        report: &mut Report,
    ) -> Result<(), ApiError> {
        let place = if role == Role::User { Place::User } else { Place::Other };
        let parts = self.parts(parts, place, at, report)?;
        let blank =
            parts.iter().all(|part| matches!(part, chat::Part::Text(text) if text.is_empty()));
        if blank && self.dialect.drop_empty_text {
            return Ok(());
        }
        match role {
            Role::User => conversation.user(parts),
            Role::Assistant => conversation.said(&texts(parts, JsonText::append)),
            Role::Developer => conversation.system(true, texts(parts, append_part)),
            Role::System => conversation.system(false, texts(parts, append_part)),
        }
        Ok(())
    }

    fn call(&self, call: &Call<'d>) -> conversation::Call<'d> {
        let (name, arguments) = match &call.tool {
            CalledTool::Function(called, arguments) => {
                (self.name(ToolKind::Function, called), self.arguments(*arguments))
            }
            CalledTool::Custom(called, input) => {
                (self.name(ToolKind::Custom, called), wrapped("input", input))
            }
            CalledTool::ToolSearch(arguments) => (
                self.tools.name_of(ToolKind::ToolSearch, None, "tool_search"),
                self.arguments(*arguments),
            ),
            CalledTool::LocalShell(action) => (
                self.tools.name_of(ToolKind::LocalShell, None, "local_shell"),
                members(*action, &["type"]),
            ),
            CalledTool::Shell(action) => {
                (self.tools.name_of(ToolKind::Shell, None, "shell"), members(*action, &[]))
            }
            CalledTool::ApplyPatch(operation) => (
                self.tools.name_of(ToolKind::ApplyPatch, None, "apply_patch"),
                members(*operation, &[]),
            ),
            CalledTool::Computer(item) => (Cow::Borrowed("computer"), members(*item, BOOKKEEPING)),
        };
        conversation::Call { id: call.call_id.clone(), name, arguments, output: None }
    }

    fn name(&self, kind: ToolKind, called: &CalledName<'d>) -> Cow<'d, str> {
        let namespace = called.namespace.as_ref().map(JsonText::decode);
        self.tools.name_of(kind, namespace.as_deref(), &called.name.decode())
    }

    /// Arguments as they go into a history: one JSON object. Upstreams parse them, and refuse the
    /// conversation for ever where a call was cut or malformed.
    fn arguments(&self, arguments: Option<Value<'d>>) -> JsonText<'d> {
        let Some(value) = arguments else { return JsonText::encode("{}") };
        let Some(text) = value.text() else {
            return JsonText::encode(value.raw()).into_owned();
        };
        let decoded = text.decode();
        if decoded.trim().is_empty() || decoded.trim() == "null" {
            return JsonText::encode("{}");
        }
        let parsed = Document::parse(&decoded, self.bounds);
        if parsed.is_ok_and(|document| document.root().kind() == Kind::Object) {
            return text.clone();
        }
        wrapped("_raw", &text)
    }

    fn result(
        &self,
        result: &CallResult<'d>,
        at: At,
        report: &mut Report,
    ) -> Result<Vec<chat::Part<'d>>, ApiError> {
        match result {
            CallResult::Content(parts) => self.parts(parts, Place::ToolOutput, at, report),
            CallResult::Patch { failed, output } => {
                let mut text =
                    JsonText::encode(if *failed { "Failed." } else { "Done." }).into_owned();
                if let Some(output) = output {
                    append_part(&mut text, output);
                }
                Ok(vec![chat::Part::Text(text)])
            }
            CallResult::Shell(results) => Ok(results.iter().map(command_result).collect()),
            CallResult::Tools(tools) if tools.is_empty() => {
                Ok(vec![chat::Part::Text(JsonText::encode("No tools were found."))])
            }
            CallResult::Tools(tools) => {
                let list =
                    format!("These tools can be called from now on:{}", self.tools.list(tools));
                Ok(vec![chat::Part::Text(JsonText::encode(&list).into_owned())])
            }
        }
    }

    /// What a server did, as a note of the model.
    fn hosted(
        &self,
        hosted: HostedCall,
        value: Value<'d>,
        at: At,
        conversation: &mut Conversation<'d>,
        report: &mut Report,
    ) -> Result<(), ApiError> {
        match hosted {
            HostedCall::McpListTools => report.drop(&treatment::MCP_LIST_TOOLS, at)?,
            HostedCall::McpApprovalResponse | HostedCall::ProgramOutput => {
                conversation.user(vec![chat::Part::Text(note(hosted, value))]);
            }
            HostedCall::ImageGeneration => {
                conversation.said(&note(hosted, value));
                if let Some(image) = generated_image(value) {
                    let image = self.parts(&[Part::Image(image)], Place::User, at, report)?;
                    image.into_iter().for_each(|image| conversation.made(image));
                }
            }
            HostedCall::CodeInterpreter
            | HostedCall::FileSearch
            | HostedCall::McpApprovalRequest
            | HostedCall::McpCall
            | HostedCall::Program
            | HostedCall::WebSearch => conversation.said(&note(hosted, value)),
        }
        Ok(())
    }

    fn summary(
        &self,
        sealed: Option<&JsonText<'d>>,
        at: At,
        report: &mut Report,
    ) -> Result<chat::Part<'d>, ApiError> {
        let summary = sealed.and_then(|sealed| compaction::open_summary(&sealed.decode()));
        let text = match summary {
            Some(summary) => compaction::expand(&summary),
            None => {
                report.drop(&treatment::COMPACTION, at)?;
                FOREIGN_SUMMARY.to_owned()
            }
        };
        Ok(chat::Part::Text(JsonText::encode(&text).into_owned()))
    }
}

/// Where an item stands.
#[derive(Clone, Copy)]
struct At {
    index: usize,
    last: bool,
}

/// Where the parts of an item stand.
struct PartsOf(At, Place);

impl fmt::Display for PartsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, if self.1 == Place::ToolOutput { "output" } else { "content" })
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input[{}]", self.index)
    }
}

/// The text of parts that are nothing but text.
fn texts<'d>(
    parts: Vec<chat::Part<'d>>,
    append: impl Fn(&mut JsonText<'d>, &JsonText<'d>),
) -> JsonText<'d> {
    let mut parts = parts.into_iter().filter_map(|part| match part {
        chat::Part::Text(text) => Some(text),
        _ => None,
    });
    let mut whole = parts.next().unwrap_or_default();
    parts.for_each(|text| append(&mut whole, &text));
    whole
}

/// The thoughts themselves where they are known, else their summary.
fn reasoning_text<'d>(reasoning: &Reasoning<'d>) -> JsonText<'d> {
    let mut text = JsonText::EMPTY;
    for part in &reasoning.content {
        text.append(part);
    }
    if text.is_empty() {
        for paragraph in &reasoning.summary {
            append_paragraph(&mut text, paragraph);
        }
    }
    text
}

fn envelope(reasoning: &Reasoning<'_>) -> Envelope {
    // What is sealed elsewhere is long, and its first characters tell.
    let sealed = reasoning.encrypted_content.as_ref().filter(|sealed| sealed.begins_with(MARK));
    sealed.and_then(|sealed| Envelope::open(&sealed.decode())).unwrap_or_default()
}

/// Arguments with one member that holds a text: JSON inside a string.
fn wrapped<'d>(name: &'static str, text: &JsonText<'_>) -> JsonText<'d> {
    let mut object = Vec::with_capacity(text.len() + 16);
    json::object(&mut object, |o| o.text(name, text));
    JsonText::encode(&String::from_utf8_lossy(&object)).into_owned()
}

/// Arguments with the members of an object, without some of them: JSON inside a string.
fn members<'d>(object: Value<'_>, without: &[&str]) -> JsonText<'d> {
    JsonText::encode(&some_members(object, without)).into_owned()
}

fn some_members(object: Value<'_>, without: &[&str]) -> String {
    let wanted = |name: &str| !without.iter().any(|left_out| names(name, left_out));
    let members: Vec<String> = object
        .members()
        .filter(|(name, value)| wanted(name) && !value.is_null())
        .map(|(name, value)| format!("{name}:{}", value.raw()))
        .collect();
    format!("{{{}}}", search::join(&members, ","))
}

fn note<'d>(hosted: HostedCall, value: Value<'_>) -> JsonText<'d> {
    let note = format!("[{}: {}]", hosted.kind(), some_members(value, BOOKKEEPING));
    JsonText::encode(&note).into_owned()
}

fn generated_image<'d>(value: Value<'d>) -> Option<Image<'d>> {
    let result = value.get("result")?.text()?;
    let format = value.get("output_format").and_then(Value::text);
    let format = format.unwrap_or(JsonText::encode("png"));
    let mut url = JsonText::encode("data:image/").into_owned();
    url.push(&format);
    url.push_decoded(";base64,");
    url.push(&result);
    Some(Image { url: Some(url), detail: None })
}

fn command_result<'d>(result: &CommandResult<'d>) -> chat::Part<'d> {
    let mut text = result.stdout.clone();
    if !result.stderr.is_empty() {
        append_part(&mut text, &JsonText::encode("[stderr]"));
        append_part(&mut text, &result.stderr);
    }
    let outcome = match result.exit_code {
        Some(code) => format!("[exit code {}]", code.raw()),
        None => "[timed out]".to_owned(),
    };
    append_part(&mut text, &JsonText::encode(&outcome).into_owned());
    chat::Part::Text(text)
}

/// Members of items that say nothing to a model.
const BOOKKEEPING: &[&str] =
    &["type", "id", "call_id", "status", "result", "encrypted_content", "pending_safety_checks"];

const FOREIGN_SUMMARY: &str =
    "[The conversation before this point was replaced by a summary that cannot be read here.]";
