//! The output items.

use super::event::Carried;
use crate::json::{self, JsonText, Object, line};

/// How far an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemStatus {
    /// Still growing.
    InProgress,
    /// Whole.
    Completed,
    /// Cut; it is the last item of an incomplete response.
    Incomplete,
}

impl ItemStatus {
    /// The word of the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
        }
    }
}

/// An output item. Fields of type `&[u8]` hold JSON in one line; lists come without their brackets.
#[derive(Debug)]
pub enum OutputItem<'a> {
    /// Operations on files, executed by the client.
    ApplyPatchCall {
        /// The call.
        call: CallMembers<'a>,
        /// The operation: an object, in any number of lines.
        operation: &'a str,
    },
    /// A summary that stands for the conversation before it.
    Compaction {
        /// `cmp_…`
        id: &'a str,
        /// The sealed summary.
        encrypted_content: &'a str,
    },
    /// A call of a tool that takes free text.
    CustomToolCall {
        /// The call.
        call: CallMembers<'a>,
        /// The tool's name.
        name: &'a str,
        /// The tool's namespace.
        namespace: Option<&'a str>,
        /// The text.
        input: &'a JsonText<'a>,
    },
    /// A call of a function.
    FunctionCall {
        /// The call.
        call: CallMembers<'a>,
        /// The function's name.
        name: &'a str,
        /// The function's namespace.
        namespace: Option<&'a str>,
        /// JSON text, as the model wrote it.
        arguments: &'a JsonText<'a>,
    },
    /// A generated image.
    ImageGenerationCall {
        /// `ig_…`
        id: &'a str,
        /// How far it is.
        status: ItemStatus,
        /// The image in base64, once there is one.
        result: Option<&'a JsonText<'a>>,
    },
    /// A command, executed by the client (legacy form).
    LocalShellCall {
        /// The call.
        call: CallMembers<'a>,
        /// The action: an object, in any number of lines.
        action: &'a str,
    },
    /// Text or a refusal for the user.
    Message {
        /// `msg_…`
        id: &'a str,
        /// How far it is.
        status: ItemStatus,
        /// Its parts.
        content: &'a [u8],
    },
    /// What the model thought.
    Reasoning {
        /// `rs_…`
        id: &'a str,
        /// How far it is.
        status: ItemStatus,
        /// Summary parts. Codex drops a reasoning item without this list (measured).
        summary: &'a [u8],
        /// Raw reasoning parts, for clients that were promised them.
        content: Option<&'a [u8]>,
        /// What must come back with the item, sealed.
        encrypted_content: Option<&'a str>,
    },
    /// Commands, executed by the client.
    ShellCall {
        /// The call.
        call: CallMembers<'a>,
        /// The action: an object, in any number of lines.
        action: &'a str,
    },
    /// A search for tools, executed by the client.
    ToolSearchCall {
        /// The call.
        call: CallMembers<'a>,
        /// The query: an object in any number of lines, not JSON text (measured with Codex).
        arguments: &'a str,
    },
}

/// What all calls have.
#[derive(Clone, Copy, Debug)]
pub struct CallMembers<'a> {
    /// `fc_…`, `ctc_…` and the like.
    pub id: &'a str,
    /// What the output of the call will refer to.
    pub call_id: &'a JsonText<'a>,
    /// How far it is.
    pub status: ItemStatus,
}

impl Carried for OutputItem<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        json::object(out, |item| self.members(item));
    }
}

impl OutputItem<'_> {
    fn members(&self, item: &mut Object<'_>) {
        match self {
            Self::ApplyPatchCall { call, operation } => {
                call.write("apply_patch_call", item);
                write_object("operation", operation, item);
            }
            Self::Compaction { id, encrypted_content } => {
                item.str("id", id);
                item.str("type", "compaction");
                item.str("encrypted_content", encrypted_content);
            }
            Self::CustomToolCall { call, name, namespace, input } => {
                call.write("custom_tool_call", item);
                write_name(name, *namespace, item);
                item.text("input", input);
            }
            Self::FunctionCall { call, name, namespace, arguments } => {
                call.write("function_call", item);
                write_name(name, *namespace, item);
                item.text("arguments", arguments);
            }
            Self::ImageGenerationCall { id, status, result } => {
                write_head("image_generation_call", id, *status, item);
                match result {
                    Some(result) => item.text("result", result),
                    None => item.null("result"),
                }
            }
            Self::LocalShellCall { call, action } => {
                call.write("local_shell_call", item);
                write_object("action", action, item);
            }
            Self::Message { id, status, content } => {
                write_head("message", id, *status, item);
                item.members(br#""role":"assistant""#);
                item.array("content", |list| write_list(content, list));
            }
            Self::Reasoning { id, status, summary, content, encrypted_content } => {
                write_head("reasoning", id, *status, item);
                item.array("summary", |list| write_list(summary, list));
                if let Some(content) = content {
                    item.array("content", |list| write_list(content, list));
                }
                if let Some(sealed) = encrypted_content {
                    item.str("encrypted_content", sealed);
                }
            }
            Self::ShellCall { call, action } => {
                call.write("shell_call", item);
                write_object("action", action, item);
            }
            Self::ToolSearchCall { call, arguments } => {
                call.write("tool_search_call", item);
                item.str("execution", "client");
                write_object("arguments", arguments, item);
            }
        }
    }
}

impl CallMembers<'_> {
    fn write(&self, kind: &str, item: &mut Object<'_>) {
        write_head(kind, self.id, self.status, item);
        item.text("call_id", self.call_id);
    }
}

fn write_head(kind: &str, id: &str, status: ItemStatus, item: &mut Object<'_>) {
    item.plain("id", id);
    item.plain("type", kind);
    item.plain("status", status.word());
}

fn write_name(name: &str, namespace: Option<&str>, item: &mut Object<'_>) {
    item.str("name", name);
    if let Some(namespace) = namespace {
        item.str("namespace", namespace);
    }
}

fn write_object(name: &'static str, json: &str, item: &mut Object<'_>) {
    let out = item.member(name);
    let start = out.len();
    out.extend_from_slice(json.as_bytes());
    line::put_in_one(out.get_mut(start..).unwrap_or_default());
}

fn write_list(elements: &[u8], list: &mut json::Array<'_>) {
    if !elements.is_empty() {
        list.raw(elements);
    }
}

/// A content part. Fields of type `&[u8]` hold elements of JSON lists, in one line.
#[derive(Debug)]
pub enum OutputPart<'a> {
    /// A refusal for the user.
    Refusal {
        /// The text.
        refusal: &'a JsonText<'a>,
    },
    /// Reasoning.
    Reasoning {
        /// `summary_text` or `reasoning_text`.
        kind: &'a str,
        /// The text.
        text: &'a JsonText<'a>,
    },
    /// Text for the user.
    Text {
        /// The text.
        text: &'a JsonText<'a>,
        /// Annotations of it.
        annotations: &'a [u8],
        /// Log probabilities of its tokens.
        logprobs: &'a [u8],
    },
}

impl Carried for OutputPart<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        json::object(out, |part| match self {
            Self::Refusal { refusal } => {
                part.members(br#""type":"refusal""#);
                part.text("refusal", refusal);
            }
            Self::Reasoning { kind, text } => {
                part.plain("type", kind);
                part.text("text", text);
            }
            Self::Text { text, annotations, logprobs } => {
                part.members(br#""type":"output_text""#);
                part.text("text", text);
                if annotations.is_empty() && logprobs.is_empty() {
                    return part.members(br#""annotations":[],"logprobs":[]"#);
                }
                part.array("annotations", |list| write_list(annotations, list));
                part.array("logprobs", |list| write_list(logprobs, list));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_many_lines_becomes_one() {
        let call_id = &JsonText::EMPTY;
        let call = CallMembers { id: "sh_1", call_id, status: ItemStatus::Completed };
        let object = "{\r\n\t\"a\": \"\\n\"\n}";
        for item in [
            OutputItem::ApplyPatchCall { call, operation: object },
            OutputItem::LocalShellCall { call, action: object },
            OutputItem::ShellCall { call, action: object },
            OutputItem::ToolSearchCall { call, arguments: object },
        ] {
            let mut out = Vec::new();
            item.write(&mut out);
            assert!(line::is_one(&out), "{item:?}");
            let written: serde_json::Value = serde_json::from_slice(&out).unwrap();
            let object: serde_json::Value = serde_json::from_str(object).unwrap();
            assert!(written.as_object().unwrap().values().any(|member| *member == object));
        }
    }
}
