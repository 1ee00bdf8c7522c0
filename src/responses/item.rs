//! Items of the input: the conversation so far.
//!
//! An [`Item`] is its type and where its members stand. Whoever wants one of them asks for it by a function
//! of this file, which says what clients send there, or what is wrong with it.

use crate::error::Refused;
use crate::json::JsonText;
use crate::json::directory::Directory;
use crate::json::document::{Kind as JsonKind, Value};

use super::content::Part;
use super::read::{Fields, Path};
use super::tool::Tool;

/// An item of the input, of which only the type has been read.
#[derive(Clone, Copy, Debug)]
pub struct Item<'d> {
    /// Its type.
    pub kind: Kind,
    value: Value<'d>,
}

/// Types of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `additional_tools`: tools beside those of the request.
    AdditionalTools,
    /// `agent_message`: what one agent of the client writes to another.
    AgentMessage,
    /// A tool call that the client ran or is to run.
    Call(CallKind),
    /// `function_call_output`, `custom_tool_call_output`, `local_shell_call_output`
    CallOutput,
    /// `compaction`: a summary that replaced a part of the conversation.
    Compaction,
    /// `compaction_trigger`: the wish for a summary.
    CompactionTrigger,
    /// `computer_call_output`
    ComputerOutput,
    /// `configuration_update`: a reasoning effort from here on.
    ConfigurationUpdate,
    /// Something that a server did, as it recorded it.
    Hosted(HostedCall),
    /// `item_reference`: an item that a server is to remember.
    ItemReference,
    /// `message`
    Message,
    /// `apply_patch_call_output`
    PatchOutput,
    /// `reasoning`
    Reasoning,
    /// `shell_call_output`
    ShellOutput,
    /// `tool_search_output`
    ToolSearchOutput,
    /// A type this filter does not know.
    Unknown,
}

/// Types of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// `apply_patch_call`
    ApplyPatch,
    /// `computer_call`
    Computer,
    /// `custom_tool_call`
    Custom,
    /// `function_call`
    Function,
    /// `local_shell_call`
    LocalShell,
    /// `shell_call`
    Shell,
    /// `tool_search_call`
    ToolSearch,
}

/// Things that servers do, and record as items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostedCall {
    /// `code_interpreter_call`
    CodeInterpreter,
    /// `file_search_call`
    FileSearch,
    /// `image_generation_call`
    ImageGeneration,
    /// `mcp_approval_request`
    McpApprovalRequest,
    /// `mcp_approval_response`
    McpApprovalResponse,
    /// `mcp_call`
    McpCall,
    /// `mcp_list_tools`
    McpListTools,
    /// `program`
    Program,
    /// `program_output`
    ProgramOutput,
    /// `web_search_call`
    WebSearch,
}

/// Every `type` of an item. Those of which long conversations consist come first.
const KINDS: &[(&str, Kind)] = &[
    ("message", Kind::Message),
    ("function_call_output", Kind::CallOutput),
    ("function_call", Kind::Call(CallKind::Function)),
    ("reasoning", Kind::Reasoning),
    ("custom_tool_call", Kind::Call(CallKind::Custom)),
    ("custom_tool_call_output", Kind::CallOutput),
    ("additional_tools", Kind::AdditionalTools),
    ("agent_message", Kind::AgentMessage),
    ("apply_patch_call", Kind::Call(CallKind::ApplyPatch)),
    ("apply_patch_call_output", Kind::PatchOutput),
    ("code_interpreter_call", Kind::Hosted(HostedCall::CodeInterpreter)),
    ("compaction", Kind::Compaction),
    ("compaction_summary", Kind::Compaction),
    ("compaction_trigger", Kind::CompactionTrigger),
    ("computer_call", Kind::Call(CallKind::Computer)),
    ("computer_call_output", Kind::ComputerOutput),
    ("configuration_update", Kind::ConfigurationUpdate),
    ("context_compaction", Kind::Compaction),
    ("file_search_call", Kind::Hosted(HostedCall::FileSearch)),
    ("image_generation_call", Kind::Hosted(HostedCall::ImageGeneration)),
    ("item_reference", Kind::ItemReference),
    ("local_shell_call", Kind::Call(CallKind::LocalShell)),
    ("local_shell_call_output", Kind::CallOutput),
    ("mcp_approval_request", Kind::Hosted(HostedCall::McpApprovalRequest)),
    ("mcp_approval_response", Kind::Hosted(HostedCall::McpApprovalResponse)),
    ("mcp_call", Kind::Hosted(HostedCall::McpCall)),
    ("mcp_list_tools", Kind::Hosted(HostedCall::McpListTools)),
    ("program", Kind::Hosted(HostedCall::Program)),
    ("program_output", Kind::Hosted(HostedCall::ProgramOutput)),
    ("shell_call", Kind::Call(CallKind::Shell)),
    ("shell_call_output", Kind::ShellOutput),
    ("tool_search_call", Kind::Call(CallKind::ToolSearch)),
    ("tool_search_output", Kind::ToolSearchOutput),
    ("web_search_call", Kind::Hosted(HostedCall::WebSearch)),
];

impl<'d> Item<'d> {
    /// One item.
    ///
    /// # Errors
    /// It is no object, or its type is missing or no string. Unknown types are none.
    pub fn of(value: Value<'d>, path: &Path<'_>) -> Result<Self, Refused> {
        let fields = Fields::of(value, path)?;
        let kind = match fields.of_kind("type", JsonKind::String)? {
            Some(written) => {
                let written = written.decoded().unwrap_or_default();
                let known = KINDS.iter().find(|(word, _)| *word == written);
                known.map_or(Kind::Unknown, |(_, kind)| *kind)
            }
            None => untyped(&fields)?,
        };
        Ok(Self { kind, value })
    }

    /// Its members; `path` is where it stands, and `directory` becomes theirs.
    #[inline]
    pub fn fields<'p>(
        &self,
        path: &'p Path<'p>,
        directory: &'p mut Directory<'d>,
    ) -> Fields<'d, 'p> {
        directory.list(self.value);
        Fields::listed(self.value, path, directory)
    }
}

impl HostedCall {
    /// Its `type`.
    pub fn kind(self) -> &'static str {
        let known = KINDS.iter().find(|(_, kind)| *kind == Kind::Hosted(self));
        known.map_or("", |(word, _)| word)
    }
}

/// An item without `type` is a message, or else a reference.
#[inline(never)]
fn untyped(fields: &Fields<'_, '_>) -> Result<Kind, Refused> {
    if fields.any("role").is_some() {
        return Ok(Kind::Message);
    }
    match fields.text("id")? {
        Some(_) => Ok(Kind::ItemReference),
        None => Err(fields.path("type").missing()),
    }
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The model.
    Assistant,
    /// The author of the application.
    Developer,
    /// The operator.
    System,
    /// The user.
    User,
}

/// Every `role`.
const ROLES: &[(&str, Role)] = &[
    ("user", Role::User),
    ("assistant", Role::Assistant),
    ("system", Role::System),
    ("developer", Role::Developer),
];

/// `role` of a message.
///
/// # Errors
/// It is missing, or none.
pub fn role(message: &Fields<'_, '_>) -> Result<Role, Refused> {
    let written = message.required_word("role")?;
    match ROLES.iter().find(|(word, _)| *word == written) {
        Some((_, role)) => Ok(*role),
        None => {
            let takes = "`user`, `assistant`, `system` or `developer`";
            Err(message.path("role").impossible(takes))
        }
    }
}

/// The id that pairs calls with outputs, which is opaque: it may be empty, and may repeat. Some items have
/// only an `id`, which then does so.
///
/// # Errors
/// One of them is no string. Both are looked at.
pub fn call_id<'d>(item: &Fields<'d, '_>) -> Result<Option<JsonText<'d>>, Refused> {
    let call_id = item.text("call_id")?;
    let id = item.text("id")?;
    Ok(call_id.or(id))
}

/// The name of a called tool within its namespace, and the namespace.
///
/// # Errors
/// The name is missing, or one of them no string.
pub fn called_name<'d>(
    call: &Fields<'d, '_>,
) -> Result<(JsonText<'d>, Option<JsonText<'d>>), Refused> {
    Ok((call.required_text("name")?, call.text("namespace")?))
}

/// `arguments` of a call: a string with JSON in it, from some clients an object.
///
/// # Errors
/// They are something else.
pub fn arguments<'d>(call: &Fields<'d, '_>) -> Result<Option<Value<'d>>, Refused> {
    match call.any("arguments") {
        Some(value) if !matches!(value.kind(), JsonKind::String | JsonKind::Object) => {
            Err(call.path("arguments").mismatch("a string", value))
        }
        found => Ok(found),
    }
}

/// A member that is an object.
///
/// # Errors
/// It is missing, or something else.
pub fn object<'d>(item: &Fields<'d, '_>, name: &str) -> Result<Value<'d>, Refused> {
    let value = item.required(name)?;
    match value.kind() {
        JsonKind::Object => Ok(value),
        _ => Err(item.path(name).mismatch("an object", value)),
    }
}

/// `tools` of an item.
///
/// # Errors
/// One of them cannot be read.
pub fn tools<'d>(item: &Fields<'d, '_>) -> Result<Vec<Tool<'d>>, Refused> {
    Tool::list(item.list("tools")?, &item.path("tools"))
}

/// `effort` in `reasoning` of a `configuration_update`.
///
/// # Errors
/// One of them is of the wrong kind.
pub fn effort<'d>(update: &Fields<'d, '_>) -> Result<Option<JsonText<'d>>, Refused> {
    let path = update.path("reasoning");
    match update.any("reasoning") {
        Some(reasoning) => Fields::of(reasoning, &path)?.text("effort"),
        None => Ok(None),
    }
}

/// What came of one command of a `shell_call`.
#[derive(Clone, Debug)]
pub struct CommandResult<'d> {
    /// Its standard output.
    pub stdout: JsonText<'d>,
    /// Its standard error.
    pub stderr: JsonText<'d>,
    /// Its exit code, or `None` when it ran out of time.
    pub exit_code: Option<Value<'d>>,
}

/// `output` of a `shell_call_output`: one result per command.
///
/// # Errors
/// One of them cannot be read.
pub fn command_results<'d>(item: &Fields<'d, '_>) -> Result<Vec<CommandResult<'d>>, Refused> {
    let path = item.path("output");
    let result = |(index, value)| {
        let path = path.element(index);
        let fields = Fields::of(value, &path)?;
        let outcome = fields.any("outcome");
        Ok(CommandResult {
            stdout: fields.text("stdout")?.unwrap_or(JsonText::EMPTY),
            stderr: fields.text("stderr")?.unwrap_or(JsonText::EMPTY),
            exit_code: outcome.and_then(|outcome| outcome.get("exit_code")),
        })
    };
    item.list("output")?.enumerate().map(result).collect()
}

/// Gives the paragraphs of `summary` or `content` of a `reasoning` item to `each`.
///
/// # Errors
/// One of them cannot be read.
pub fn paragraphs<'d>(
    reasoning: &Fields<'d, '_>,
    name: &str,
    each: &mut dyn FnMut(JsonText<'d>),
) -> Result<(), Refused> {
    let path = reasoning.path(name);
    for (index, part) in reasoning.list(name)?.enumerate() {
        if let Part::Text(text) = Part::read(part, &path.element(index))? {
            each(text);
        }
    }
    Ok(())
}
