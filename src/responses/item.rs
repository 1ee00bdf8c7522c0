//! Items of the input: the conversation so far.

use crate::error::ApiError;
use crate::json::JsonText;
use crate::json::document::{Kind, Value};

use super::content::Part;
use super::read::{Fields, Path};
use super::tool::Tool;

/// An item of the input.
#[derive(Clone, Debug)]
pub enum Item<'d> {
    /// `additional_tools`: tools beside those of the request.
    AdditionalTools(Vec<Tool<'d>>),
    /// `agent_message`: what one agent of the client writes to another.
    AgentMessage(Vec<Part<'d>>),
    /// A tool call that the client ran or is to run.
    Call(Call<'d>),
    /// What came of a call.
    CallOutput(CallOutput<'d>),
    /// `compaction`: a summary that replaced a part of the conversation.
    Compaction(Option<JsonText<'d>>),
    /// `compaction_trigger`: the wish for a summary.
    CompactionTrigger,
    /// `configuration_update`: a reasoning effort from here on.
    ConfigurationUpdate(Option<JsonText<'d>>),
    /// Something that a server did, as it recorded it.
    Hosted(HostedCall, Value<'d>),
    /// `item_reference`: an item that a server is to remember.
    ItemReference,
    /// `message`
    Message(Role, Vec<Part<'d>>),
    /// `reasoning`
    Reasoning(Reasoning<'d>),
    /// A type this filter does not know.
    Unknown,
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

/// A tool call that the client ran or is to run.
#[derive(Clone, Debug)]
pub struct Call<'d> {
    /// Pairs the call with its output. Opaque: may be empty, may repeat.
    pub call_id: JsonText<'d>,
    /// The tool, and what it was called with.
    pub tool: CalledTool<'d>,
}

/// A called tool and what it was called with.
#[derive(Clone, Debug)]
pub enum CalledTool<'d> {
    /// `apply_patch_call`, with its `operation`.
    ApplyPatch(Value<'d>),
    /// `computer_call`: the item.
    Computer(Value<'d>),
    /// `custom_tool_call`
    Custom(CalledName<'d>, JsonText<'d>),
    /// `function_call`; the arguments are a string with JSON in it, from some clients an object.
    Function(CalledName<'d>, Option<Value<'d>>),
    /// `local_shell_call`, with its `action`.
    LocalShell(Value<'d>),
    /// `shell_call`, with its `action`.
    Shell(Value<'d>),
    /// `tool_search_call`; the arguments are an object.
    ToolSearch(Option<Value<'d>>),
}

/// The name of a called tool.
#[derive(Clone, Debug)]
pub struct CalledName<'d> {
    /// The name within the namespace.
    pub name: JsonText<'d>,
    /// The namespace.
    pub namespace: Option<JsonText<'d>>,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub struct CallOutput<'d> {
    /// The call; absent where the client does not say.
    pub call_id: Option<JsonText<'d>>,
    /// What came of it.
    pub result: CallResult<'d>,
}

/// What came of a call, by the kind of call.
#[derive(Clone, Debug)]
pub enum CallResult<'d> {
    /// `function_call_output`, `custom_tool_call_output`, `local_shell_call_output`,
    /// `computer_call_output`
    Content(Vec<Part<'d>>),
    /// `apply_patch_call_output`: whether it failed, and what was said.
    Patch {
        /// `status: "failed"`
        failed: bool,
        /// The output.
        output: Option<JsonText<'d>>,
    },
    /// `shell_call_output`: one result per command.
    Shell(Vec<CommandResult<'d>>),
    /// `tool_search_output`: the tools that were found.
    Tools(Vec<Tool<'d>>),
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

/// Thoughts of the model.
#[derive(Clone, Debug)]
pub struct Reasoning<'d> {
    /// Paragraphs of the summary.
    pub summary: Vec<JsonText<'d>>,
    /// The thoughts themselves, where the server gave them out.
    pub content: Vec<JsonText<'d>>,
    /// What only the server can read.
    pub encrypted_content: Option<JsonText<'d>>,
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

impl HostedCall {
    /// Its `type`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::CodeInterpreter => "code_interpreter_call",
            Self::FileSearch => "file_search_call",
            Self::ImageGeneration => "image_generation_call",
            Self::McpApprovalRequest => "mcp_approval_request",
            Self::McpApprovalResponse => "mcp_approval_response",
            Self::McpCall => "mcp_call",
            Self::McpListTools => "mcp_list_tools",
            Self::Program => "program",
            Self::ProgramOutput => "program_output",
            Self::WebSearch => "web_search_call",
        }
    }

    fn of(kind: &str) -> Option<Self> {
        ALL_HOSTED.iter().find(|hosted| hosted.kind() == kind).copied()
    }
}

const ALL_HOSTED: &[HostedCall] = &[
    HostedCall::CodeInterpreter,
    HostedCall::FileSearch,
    HostedCall::ImageGeneration,
    HostedCall::McpApprovalRequest,
    HostedCall::McpApprovalResponse,
    HostedCall::McpCall,
    HostedCall::McpListTools,
    HostedCall::Program,
    HostedCall::ProgramOutput,
    HostedCall::WebSearch,
];

impl<'d> Item<'d> {
    /// One item.
    ///
    /// # Errors
    /// Names what is missing or of the wrong kind. Unknown types and members are none.
    pub fn read(value: Value<'d>, path: &Path<'_>) -> Result<Self, ApiError> {
        let fields = Fields::of(value, path)?;
        let Some(kind) = fields.word("type")? else { return untyped(&fields) };
        // The kinds of which long conversations consist come first.
        Ok(match &*kind {
            "message" => message(&fields)?,
            "reasoning" => Self::Reasoning(Reasoning {
                summary: texts(&fields, "summary")?,
                content: texts(&fields, "content")?,
                encrypted_content: fields.text("encrypted_content")?,
            }),
            "function_call" => {
                fields.required("call_id")?;
                called(&fields, CalledTool::Function(called_name(&fields)?, arguments(&fields)?))?
            }
            "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => {
                came_out(&fields, CallResult::Content(content(&fields, "output")?))?
            }
            "custom_tool_call" => {
                fields.required("call_id")?;
                let name = called_name(&fields)?;
                called(&fields, CalledTool::Custom(name, fields.required_text("input")?))?
            }
            "tool_search_call" => called(&fields, CalledTool::ToolSearch(arguments(&fields)?))?,
            "local_shell_call" => {
                called(&fields, CalledTool::LocalShell(object(&fields, "action")?))?
            }
            "shell_call" => called(&fields, CalledTool::Shell(object(&fields, "action")?))?,
            "apply_patch_call" => {
                called(&fields, CalledTool::ApplyPatch(object(&fields, "operation")?))?
            }
            "computer_call" => called(&fields, CalledTool::Computer(value))?,
            "computer_call_output" => {
                let part = Part::read(fields.required("output")?, &fields.path("output"))?;
                came_out(&fields, CallResult::Content(vec![part]))?
            }
            "tool_search_output" => came_out(&fields, CallResult::Tools(tools(&fields)?))?,
            "shell_call_output" => came_out(&fields, CallResult::Shell(command_results(&fields)?))?,
            "apply_patch_call_output" => {
                let failed = fields.any("status").is_some_and(|status| status.is("failed"));
                came_out(&fields, CallResult::Patch { failed, output: fields.text("output")? })?
            }
            "additional_tools" => Self::AdditionalTools(tools(&fields)?),
            "agent_message" => Self::AgentMessage(content(&fields, "content")?),
            "compaction" | "compaction_summary" | "context_compaction" => {
                Self::Compaction(fields.text("encrypted_content")?)
            }
            "compaction_trigger" => Self::CompactionTrigger,
            "configuration_update" => Self::ConfigurationUpdate(effort(&fields)?),
            "item_reference" => Self::ItemReference,
            kind => match HostedCall::of(kind) {
                Some(hosted) => Self::Hosted(hosted, value),
                None => Self::Unknown,
            },
        })
    }
}

/// An item without `type` is a message, or else a reference.
fn untyped<'d>(fields: &Fields<'d, '_>) -> Result<Item<'d>, ApiError> {
    if fields.any("role").is_some() {
        return message(fields);
    }
    match fields.text("id")? {
        Some(_) => Ok(Item::ItemReference),
        None => Err(fields.path("type").missing()),
    }
}

fn message<'d>(fields: &Fields<'d, '_>) -> Result<Item<'d>, ApiError> {
    let role = match &*fields.required_word("role")? {
        "assistant" => Role::Assistant,
        "developer" => Role::Developer,
        "system" => Role::System,
        "user" => Role::User,
        _ => {
            let takes = "`user`, `assistant`, `system` or `developer`";
            return Err(fields.path("role").impossible(takes));
        }
    };
    Ok(Item::Message(role, content(fields, "content")?))
}

fn called<'d>(fields: &Fields<'d, '_>, tool: CalledTool<'d>) -> Result<Item<'d>, ApiError> {
    Ok(Item::Call(Call { call_id: call_id(fields)?.unwrap_or(JsonText::EMPTY), tool }))
}

fn came_out<'d>(fields: &Fields<'d, '_>, result: CallResult<'d>) -> Result<Item<'d>, ApiError> {
    Ok(Item::CallOutput(CallOutput { call_id: call_id(fields)?, result }))
}

fn object<'d>(fields: &Fields<'d, '_>, name: &str) -> Result<Value<'d>, ApiError> {
    let value = fields.required(name)?;
    match value.kind() {
        Kind::Object => Ok(value),
        _ => Err(fields.path(name).mismatch("an object", value)),
    }
}

fn called_name<'d>(fields: &Fields<'d, '_>) -> Result<CalledName<'d>, ApiError> {
    Ok(CalledName { name: fields.required_text("name")?, namespace: fields.text("namespace")? })
}

fn arguments<'d>(fields: &Fields<'d, '_>) -> Result<Option<Value<'d>>, ApiError> {
    match fields.any("arguments") {
        Some(value) if !matches!(value.kind(), Kind::String | Kind::Object) => {
            Err(fields.path("arguments").mismatch("a string", value))
        }
        found => Ok(found),
    }
}

fn command_results<'d>(fields: &Fields<'d, '_>) -> Result<Vec<CommandResult<'d>>, ApiError> {
    let path = fields.path("output");
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
    fields.list("output")?.enumerate().map(result).collect()
}

/// The id that pairs calls with outputs. Some items have only an `id`, which then does so.
fn call_id<'d>(fields: &Fields<'d, '_>) -> Result<Option<JsonText<'d>>, ApiError> {
    // Both are looked at: an `id` that is no string is an error all the same.
    Ok(fields.text("call_id")?.or(fields.text("id")?))
}

fn content<'d>(fields: &Fields<'d, '_>, name: &str) -> Result<Vec<Part<'d>>, ApiError> {
    Part::list(fields.required(name)?, &fields.path(name))
}

fn tools<'d>(fields: &Fields<'d, '_>) -> Result<Vec<Tool<'d>>, ApiError> {
    Tool::list(fields.list("tools")?, &fields.path("tools"))
}

fn texts<'d>(fields: &Fields<'d, '_>, name: &str) -> Result<Vec<JsonText<'d>>, ApiError> {
    let path = fields.path(name);
    let parts = fields.list(name)?.enumerate().map(|(i, part)| Part::read(part, &path.element(i)));
    parts
        .filter_map(|part| match part {
            Ok(Part::Text(text)) => Some(Ok(text)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .collect()
}

fn effort<'d>(fields: &Fields<'d, '_>) -> Result<Option<JsonText<'d>>, ApiError> {
    let path = fields.path("reasoning");
    match fields.any("reasoning") {
        Some(reasoning) => Fields::of(reasoning, &path)?.text("effort"),
        None => Ok(None),
    }
}
