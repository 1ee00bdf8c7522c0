//! One tool call while it arrives, from its first piece to the item that the client executes.
//!
//! Clients execute a call at its `output_item.done` (measured with Codex), so [`Call::close`] may only
//! run when the arguments are known to be whole; [`super::stream`] knows when that is.

use super::arguments::{Completeness, Unwrapper, object, unwrap_whole};
use super::items::Live;
use super::sink::Sink;
use super::tools::{Tool, ToolKind, ToolTable};
use crate::dialect::ToolCallDelta;
use crate::error::{ApiError, Class};
use crate::ids::Ids;
use crate::json::document::{Bounds, Document};
use crate::json::fields::Fields;
use crate::json::{self, JsonText};
use crate::responses::event::{self, Carried, Repeated};
use crate::responses::output::{CallMembers, ItemStatus, OutputItem};

/// A call under construction.
#[derive(Debug)]
pub struct Call {
    slot: usize,
    call_id: JsonText<'static>,
    name: String,
    arguments: JsonText<'static>,
    completeness: Completeness,
    /// Bytes of the arguments that `completeness` has read.
    scanned: usize,
    unwrapper: Unwrapper,
    /// What has come out of the wrapper of a custom tool.
    input: JsonText<'static>,
    opened: Option<Opened>,
    extra: Option<String>,
}

/// What is known of a call once `output_item.added` has been sent.
#[derive(Debug)]
struct Opened {
    id: String,
    output_index: usize,
    tool: Tool,
    /// Bytes of the arguments, or of the input, that have been sent as deltas.
    sent: usize,
    /// The event that carries pieces of the arguments.
    repeated: Option<Repeated>,
}

/// What a finished or cut call leaves behind.
pub struct Closed {
    /// The item, as it stands in the final output.
    pub item: Vec<u8>,
    /// Its index.
    pub output_index: usize,
}

impl Call {
    /// A call in `slot` whose id for the client will be `call_id`.
    pub fn new(slot: usize, call_id: JsonText<'static>) -> Self {
        Self {
            slot,
            call_id,
            name: String::new(),
            arguments: JsonText::EMPTY,
            completeness: Completeness::default(),
            scanned: 0,
            unwrapper: Unwrapper::default(),
            input: JsonText::EMPTY,
            opened: None,
            extra: None,
        }
    }

    /// The upstream's number of this call.
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// What the client will answer to.
    pub fn call_id(&self) -> &JsonText<'static> {
        &self.call_id
    }

    /// Whether the client knows of this call.
    pub fn is_opened(&self) -> bool {
        self.opened.is_some()
    }

    /// Takes the opaque members that must come back with this call, if there are any.
    pub fn take_extra(&mut self) -> Option<String> {
        self.extra.take()
    }

    /// Takes in a piece. Nothing is sent.
    pub fn push(&mut self, piece: ToolCallDelta<'_>) {
        if let Some(name) = piece.name
            && self.opened.is_none()
        {
            self.name = name;
        }
        if let Some(extra) = piece.extra {
            self.extra = Some(extra.to_owned());
        }
        if !piece.arguments.is_empty() {
            let kind = self.opened.as_ref().map(|opened| opened.tool.kind);
            if kind.is_none_or(|kind| kind == ToolKind::Custom) {
                self.unwrapper.push(&piece.arguments, &mut self.input);
            }
            self.arguments.push(&piece.arguments);
        }
    }

    /// The arguments, if the next piece of them is carried by an event like the last one.
    pub(super) fn live(&mut self) -> Option<Live<'_>> {
        // Once something has been sent, the arguments cannot become `null` any more.
        let opened = self.opened.as_mut()?;
        let is_sent = opened.sent > 0 && opened.sent == self.arguments.len();
        if !is_sent || opened.tool.kind != ToolKind::Function {
            return None;
        }
        let repeated = opened.repeated.as_mut()?;
        Some(Live { text: &mut self.arguments, repeated, sent: Some(&mut opened.sent) })
    }

    /// Whether the arguments so far are one whole JSON object. Reads what is new since the last time: few
    /// calls are ever asked.
    pub fn is_object(&mut self) -> bool {
        if let Some(new) = self.arguments.after(self.scanned) {
            self.completeness.push(&new);
        }
        self.scanned = self.arguments.len();
        self.completeness.is_object(&self.arguments)
    }

    /// Sends what can be sent now: the opening of the item as soon as the name is certain, and the
    /// arguments since the last time.
    pub fn advance(&mut self, tools: &ToolTable, index: usize, ids: &mut Ids, sink: &mut Sink<'_>) {
        if self.can_open(tools)
            && let Some(tool) = tools.resolve(&self.name)
        {
            self.open(tool.clone(), index, ids, sink);
        }
        self.send_pieces(sink);
    }

    /// Whether the client may hear of this call now: its name is certain, and it is of a kind that
    /// can grow in front of the client. Calls that carry an object are told as a whole.
    pub fn can_open(&self, tools: &ToolTable) -> bool {
        self.opened.is_none()
            && tools.resolve(&self.name).is_some_and(|tool| {
                matches!(tool.kind, ToolKind::Function | ToolKind::Custom)
                    && (!self.arguments.is_empty() || is_certain(&self.name, tools))
            })
    }

    fn open(&mut self, tool: Tool, output_index: usize, ids: &mut Ids, sink: &mut Sink<'_>) {
        let id = ids.next(match tool.kind {
            ToolKind::Function => "fc",
            ToolKind::Custom => "ctc",
            ToolKind::ToolSearch => "tsc",
            ToolKind::LocalShell => "lsh",
            ToolKind::Shell => "sh",
            ToolKind::ApplyPatch => "apc",
        });
        let opened = Opened { id, output_index, tool, sent: 0, repeated: None };
        let mut item = Vec::new();
        self.write_item(&opened, ItemStatus::InProgress, &JsonText::EMPTY, &mut item);
        sink.emit(&event::OutputItemAdded { output_index, item: &item });
        self.opened = Some(opened);
    }

    fn send_pieces(&mut self, sink: &mut Sink<'_>) {
        let Some(opened) = &mut self.opened else { return };
        let carried = match opened.tool.kind {
            ToolKind::Custom => &self.input,
            _ if is_null_so_far(&self.arguments) => return,
            _ => &self.arguments,
        };
        opened.send(carried, sink);
    }

    /// Finishes the call: its arguments are whole.
    ///
    /// # Errors
    /// Without a name, or with a custom tool's wrapper cut in half, it is no call anybody may run.
    pub fn close(
        mut self,
        tools: &ToolTable,
        index: usize,
        ids: &mut Ids,
        sink: &mut Sink<'_>,
    ) -> Result<Closed, ApiError> {
        if self.name.is_empty() {
            return Err(ApiError::new(
                Class::Server,
                "The upstream sent a tool call without a name.",
            ));
        }
        if self.arguments.is_empty() || is_null(&self.arguments) {
            self.arguments = JsonText::encode("{}");
        }
        if self.opened.is_none() {
            let tool = self.tool(tools);
            self.open(tool, index, ids, sink);
        }
        let Some(mut opened) = self.opened.take() else {
            return Err(ApiError::new(
                Class::Server,
                "A tool call was closed before it was opened.",
            ));
        };
        let carried = match opened.tool.kind {
            ToolKind::Custom => self.whole_input()?,
            _ => self.arguments.clone(),
        };
        opened.finish(&carried, sink);
        let mut item = Vec::new();
        self.write_item(&opened, ItemStatus::Completed, &carried, &mut item);
        let output_index = opened.output_index;
        sink.emit(&event::OutputItemDone { output_index, item: &item });
        Ok(Closed { item, output_index })
    }

    /// The call as it was cut, without any further event: nobody may run it. `None` when the client
    /// has never heard of it.
    pub fn cut(self) -> Option<Closed> {
        let opened = self.opened.as_ref()?;
        let carried = match opened.tool.kind {
            // What might have become `null` has not been told.
            _ if opened.sent == 0 => &JsonText::EMPTY,
            ToolKind::Custom => &self.input,
            _ => &self.arguments,
        };
        let mut item = Vec::new();
        self.write_item(opened, ItemStatus::Incomplete, carried, &mut item);
        Some(Closed { item, output_index: opened.output_index })
    }

    /// The tool this call is for. Tools that nobody declared pass as functions: the client says best
    /// what it does not know. Calls that must carry an object and do not pass the same way.
    fn tool(&self, tools: &ToolTable) -> Tool {
        let function = |name: &str| Tool {
            chat_name: self.name.clone(),
            kind: ToolKind::Function,
            name: name.to_owned(),
            namespace: None,
        };
        match tools.resolve(&self.name) {
            None => function(&self.name),
            Some(tool) => match tool.kind {
                ToolKind::Function | ToolKind::Custom => tool.clone(),
                ToolKind::ToolSearch
                | ToolKind::LocalShell
                | ToolKind::Shell
                | ToolKind::ApplyPatch => {
                    if object(&self.arguments).is_some() {
                        tool.clone()
                    } else {
                        function(&tool.name)
                    }
                }
            },
        }
    }

    /// The input of a custom tool whose arguments are whole.
    fn whole_input(&self) -> Result<JsonText<'static>, ApiError> {
        if !self.unwrapper.is_wrapped() {
            return Ok(unwrap_whole(&self.arguments));
        }
        if self.unwrapper.is_closed() {
            return Ok(self.input.clone());
        }
        Err(ApiError::new(Class::Server, "The upstream ended in the middle of a tool call."))
    }

    /// Appends the item. `carried` is the arguments or the input, empty while it has just been opened.
    fn write_item(
        &self,
        opened: &Opened,
        status: ItemStatus,
        carried: &JsonText<'_>,
        out: &mut Vec<u8>,
    ) {
        let call = CallMembers { id: &opened.id, call_id: &self.call_id, status };
        let name = opened.tool.name.as_str();
        let namespace = opened.tool.namespace.as_deref();
        let object = || object(carried).unwrap_or_else(|| "{}".to_owned());
        match opened.tool.kind {
            ToolKind::Function => {
                OutputItem::FunctionCall { call, name, namespace, arguments: carried }.write(out);
            }
            ToolKind::Custom => {
                OutputItem::CustomToolCall { call, name, namespace, input: carried }.write(out);
            }
            ToolKind::ToolSearch => {
                OutputItem::ToolSearchCall { call, arguments: &object() }.write(out);
            }
            ToolKind::LocalShell => {
                OutputItem::LocalShellCall { call, action: &exec_action(&object()) }.write(out);
            }
            ToolKind::Shell => OutputItem::ShellCall { call, action: &object() }.write(out),
            ToolKind::ApplyPatch => {
                OutputItem::ApplyPatchCall { call, operation: &object() }.write(out);
            }
        }
    }
}

impl Opened {
    /// Sends the part of `carried` that has not been sent.
    fn send(&mut self, carried: &JsonText<'_>, sink: &mut Sink<'_>) {
        let Some(delta) = carried.after(self.sent).filter(|delta| !delta.is_empty()) else {
            return;
        };
        let (item_id, output_index, empty) =
            (self.id.as_str(), self.output_index, &JsonText::EMPTY);
        let repeated = &mut self.repeated;
        match self.tool.kind {
            ToolKind::Function => sink.repeat(repeated, &delta, || {
                event::FunctionCallArgumentsDelta { item_id, output_index, delta: empty }
            }),
            ToolKind::Custom => sink.repeat(repeated, &delta, || event::CustomToolCallInputDelta {
                item_id,
                output_index,
                delta: empty,
            }),
            ToolKind::ToolSearch
            | ToolKind::LocalShell
            | ToolKind::Shell
            | ToolKind::ApplyPatch => {}
        }
        self.sent = carried.len();
    }

    fn finish(&mut self, carried: &JsonText<'_>, sink: &mut Sink<'_>) {
        self.send(carried, sink);
        let (item_id, output_index) = (self.id.as_str(), self.output_index);
        match self.tool.kind {
            ToolKind::Function => sink.emit(&event::FunctionCallArgumentsDone {
                item_id,
                output_index,
                name: &self.tool.name,
                arguments: carried,
            }),
            ToolKind::Custom => {
                sink.emit(&event::CustomToolCallInputDone { item_id, output_index, input: carried })
            }
            ToolKind::ToolSearch
            | ToolKind::LocalShell
            | ToolKind::Shell
            | ToolKind::ApplyPatch => {}
        }
    }
}

/// Whether `name` is declared and cannot grow into another declared name.
fn is_certain(name: &str, tools: &ToolTable) -> bool {
    !tools.chat_names().any(|other| other.len() > name.len() && other.starts_with(name))
}

/// `null` instead of arguments means that there are none.
fn is_null(arguments: &JsonText<'_>) -> bool {
    arguments.escaped().trim() == "null"
}

/// Whether these arguments may still turn out to be `null`, which leaves as `{}`.
fn is_null_so_far(arguments: &JsonText<'_>) -> bool {
    arguments.len() <= 4 && "null".starts_with(arguments.escaped())
}

/// The action of a `local_shell_call`: the arguments with the members the API requires.
fn exec_action(arguments: &str) -> String {
    let document = Document::parse(arguments, Bounds::USUAL).ok();
    let mut members = document.as_ref().map_or_else(Fields::default, |d| Fields::of("", d.root()));
    members.cut("type");
    let mut action = Vec::new();
    json::object(&mut action, |action| {
        action.str("type", "exec");
        for (name, member) in members.each() {
            action.named_member(name).extend_from_slice(member.json().as_bytes());
        }
        if !members.has("env") {
            action.raw("env", "{}");
        }
    });
    String::from_utf8(action).unwrap_or_default()
}
