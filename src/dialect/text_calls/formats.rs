//! The formats: how they mark blocks, and how blocks are read.

use std::borrow::Cow;

use super::TextCall;
use crate::chat::lenient::members;
use crate::dialect::tool_names::ToolNames;
use crate::dialect::{TextToolCalls, value};
use crate::json;
use crate::json::document::Value;
use crate::json::search;

/// How one format marks its blocks.
#[derive(Debug)]
pub struct Marker {
    /// The format.
    pub format: TextToolCalls,
    /// What begins a block.
    pub open: &'static str,
    /// What ends a block; without it a block ends with its JSON value.
    pub close: Option<&'static str>,
    /// Reads what is between, for these tools.
    pub read: fn(&str, &ToolNames) -> Block,
}

/// What is in a block.
pub enum Block {
    /// Calls; their names are not checked yet.
    Calls(Vec<TextCall>),
    /// What closed the block was a part of a string in it.
    Unfinished,
    /// Something else.
    Text,
}

/// The marks of all formats but Harmony.
pub static MARKERS: [Marker; 9] = [
    marker(TextToolCalls::Hermes, "<tool_call>", Some("</tool_call>"), read_tool_call),
    marker(TextToolCalls::Qwen, "<tool_call>", Some("</tool_call>"), read_tool_call),
    marker(TextToolCalls::Qwen, "<function=", Some("</function>"), read_function),
    marker(
        TextToolCalls::Kimi,
        "<|tool_calls_section_begin|>",
        Some("<|tool_calls_section_end|>"),
        read_kimi,
    ),
    marker(TextToolCalls::Kimi, "<|tool_call_begin|>", Some(KIMI_CALL_END), read_kimi_call),
    marker(
        TextToolCalls::Minimax,
        "<minimax:tool_call>",
        Some("</minimax:tool_call>"),
        read_minimax,
    ),
    marker(TextToolCalls::Mistral, "[TOOL_CALLS]", None, read_mistral),
    marker(
        TextToolCalls::Deepseek,
        "<｜DSML｜function_calls>",
        Some("</｜DSML｜function_calls>"),
        read_dsml,
    ),
    marker(
        TextToolCalls::Deepseek,
        "<｜tool▁calls▁begin｜>",
        Some("<｜tool▁calls▁end｜>"),
        read_deepseek,
    ),
];

/// What ends one call of Kimi's.
pub const KIMI_CALL_END: &str = "<|tool_call_end|>";

const fn marker(
    format: TextToolCalls,
    open: &'static str,
    close: Option<&'static str>,
    read: fn(&str, &ToolNames) -> Block,
) -> Marker {
    Marker { format, open, close, read }
}

members! {
    /// The parts of a call in JSON.
    struct JsonCall {
        id,
        name,
        arguments,
        parameters,
    }
}

/// One call in JSON, or a list of them.
fn read_json(body: &str) -> Block {
    let body = body.trim();
    let document = match value::read(body) {
        Ok(document) => document,
        Err(fault) if fault.offset == body.len() => return Block::Unfinished,
        Err(_) => return Block::Text,
    };
    let call = |call| {
        let call = value::object::<JsonCall<'_>>(Some(call))?;
        Some(TextCall {
            id: value::word(call.id).map(Cow::into_owned),
            name: value::word(call.name)?.into_owned(),
            arguments: arguments_of(call.arguments.or(call.parameters)?)?,
        })
    };
    let root = document.root();
    let calls: Option<Vec<_>> = match root.kind() {
        value::Kind::Array => root.elements().map(call).collect(),
        _ => call(root).map(|call| vec![call]),
    };
    calls.map_or(Block::Text, Block::Calls)
}

/// Arguments as an object, or as a string that holds one.
fn arguments_of(raw: Value<'_>) -> Option<String> {
    match raw.kind() {
        value::Kind::Object => Some(value::compact(raw.raw()).into_owned()),
        value::Kind::String => object(&value::word(Some(raw))?),
        _ => None,
    }
}

/// `text`, if it is one JSON object.
pub fn object(text: &str) -> Option<String> {
    let text = text.trim();
    let parsed = value::document(text).is_some();
    (parsed && text.starts_with('{')).then(|| value::compact(text).into_owned())
}

/// `<tool_call>…</tool_call>` holds JSON with Hermes, a function element with Qwen3-Coder.
fn read_tool_call(body: &str, tools: &ToolNames) -> Block {
    match body.trim_start().strip_prefix("<function=") {
        Some(rest) => match rest.trim_end().strip_suffix("</function>") {
            Some(function) => read_function(function, tools),
            None => Block::Text,
        },
        None => read_json(body),
    }
}

/// `<function=name>` with `<parameter=key>value</parameter>`, or with JSON in it.
fn read_function(body: &str, tools: &ToolNames) -> Block {
    let Some((name, rest)) = body.split_once('>') else { return Block::Text };
    let arguments = if rest.trim_start().starts_with('{') {
        object(rest)
    } else {
        parameters(rest, ("<parameter=", ">"), tools.text_parameters(name.trim()))
    };
    match arguments {
        Some(arguments) => {
            Block::Calls(vec![TextCall { id: None, name: name.trim().to_owned(), arguments }])
        }
        None => Block::Text,
    }
}

/// `<|tool_call_begin|>id<|tool_call_argument_begin|>{…}<|tool_call_end|>`, any number of them.
fn read_kimi(body: &str, tools: &ToolNames) -> Block {
    let mut calls = Vec::new();
    for part in search::pieces(body.trim(), KIMI_CALL_END) {
        let Some(call) = part.trim_start().strip_prefix("<|tool_call_begin|>") else {
            return Block::Text;
        };
        match read_kimi_call(call, tools) {
            Block::Calls(call) => calls.extend(call),
            other => return other,
        }
    }
    Block::Calls(calls)
}

fn read_kimi_call(body: &str, _: &ToolNames) -> Block {
    let call =
        search::split_once(body, "<|tool_call_argument_begin|>").and_then(|(id, arguments)| {
            // T6: the id holds the name; the model knows the call by it.
            let id = id.trim().to_owned();
            Some(TextCall { name: id.clone(), id: Some(id), arguments: object(arguments)? })
        });
    call.map_or(Block::Text, |call| Block::Calls(vec![call]))
}

/// `<invoke name="…">` with `<parameter name="key">value</parameter>`, any number of them.
fn read_minimax(body: &str, tools: &ToolNames) -> Block {
    every(body, "</invoke>", &|part| {
        let part = part.trim_start().strip_prefix("<invoke name=\"")?;
        let (name, rest) = search::split_once(part, "\">")?;
        let arguments =
            parameters(rest, ("<parameter name=\"", "\">"), tools.text_parameters(name))?;
        Some(TextCall { id: None, name: name.to_owned(), arguments })
    })
}

/// `name[ARGS]{…}`, or a list of calls in JSON.
fn read_mistral(body: &str, _: &ToolNames) -> Block {
    let Some(at) = json_at(body) else { return Block::Text };
    let (head, arguments) = body.split_at_checked(at).unwrap_or((body, ""));
    if head.trim().is_empty() {
        return read_json(body);
    }
    let head = head.trim().strip_suffix("[ARGS]").unwrap_or(head);
    let (name, id) = match search::split_once(head, "[CALL_ID]") {
        Some((name, id)) => (name, Some(id.trim().to_owned())),
        None => (head, None),
    };
    match object(arguments) {
        Some(arguments) => {
            Block::Calls(vec![TextCall { id, name: name.trim().to_owned(), arguments }])
        }
        None => Block::Text,
    }
}

/// `<｜DSML｜invoke name="…">` with parameters that say whether they are strings.
fn read_dsml(body: &str, _: &ToolNames) -> Block {
    every(body, "</｜DSML｜invoke>", &|part| {
        let part = part.trim_start().strip_prefix("<｜DSML｜invoke name=\"")?;
        let (name, elements) = search::split_once(part, "\">")?;
        let mut members = Vec::new();
        for element in search::pieces(elements.trim(), "</｜DSML｜parameter>") {
            let element = element.trim_start().strip_prefix("<｜DSML｜parameter name=\"")?;
            let (key, rest) = element.split_once('"')?;
            let (attributes, value) = rest.split_once('>')?;
            members.push((key, value, search::contains(attributes, "string=\"false\"")));
        }
        let arguments = arguments_object(&members)?;
        Some(TextCall { id: None, name: name.to_owned(), arguments })
    })
}

/// `<｜tool▁call▁begin｜>name<｜tool▁sep｜>{…}<｜tool▁call▁end｜>`, any number of them. Older models
/// write a kind before the separator, and the arguments as a block of code behind the name.
fn read_deepseek(body: &str, _: &ToolNames) -> Block {
    every(body, "<｜tool▁call▁end｜>", &|part| {
        let part = part.trim_start().strip_prefix("<｜tool▁call▁begin｜>")?;
        let (head, rest) = search::split_once(part, "<｜tool▁sep｜>")?;
        let (name, arguments) = match search::split_once(rest, "```json") {
            Some((name, code)) if !name.contains('{') => (name, code.trim().strip_suffix("```")?),
            _ => (head, rest),
        };
        let name = name.trim().to_owned();
        Some(TextCall { id: None, name, arguments: object(arguments)? })
    })
}

/// The calls in the pieces of a block that `end` ends, if `read` can read all of them.
fn every(body: &str, end: &str, read: &dyn Fn(&str) -> Option<TextCall>) -> Block {
    let mut calls = Vec::new();
    for part in search::pieces(body.trim(), end) {
        match read(part) {
            Some(call) => calls.push(call),
            None => return Block::Text,
        }
    }
    Block::Calls(calls)
}

/// Where the JSON value in a block of Mistral's begins; its other tokens are in brackets, too.
pub fn json_at(body: &str) -> Option<usize> {
    let blanks = body.len() - body.trim_start().len();
    let mut list = body.trim_start().chars();
    if list.next() == Some('[') && list.find(|char| !char.is_whitespace()) == Some('{') {
        return Some(blanks);
    }
    body.find('{')
}

/// Parameter elements as one JSON object. The formats do not say of which type a value is: what the tool
/// declares as a string is one, and anything else that reads as a number, a boolean, null, an object or a
/// list is taken for that.
fn parameters(elements: &str, (open, open_end): (&str, &str), texts: &[String]) -> Option<String> {
    let mut members = Vec::new();
    for element in search::pieces(elements.trim(), "</parameter>") {
        let element = element.trim_start().strip_prefix(open)?;
        let (key, value) = search::split_once(element, open_end)?;
        members.push((key, value, !texts.iter().any(|text| text == key.trim())));
    }
    arguments_object(&members)
}

/// Keys, values, and whether a value may be something else than a string.
fn arguments_object(members: &[(&str, &str, bool)]) -> Option<String> {
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        for (key, value, may_be_json) in members {
            let literal = value::document(value.trim())
                .filter(|literal| *may_be_json && literal.root().kind() != value::Kind::String);
            let argument = object.named_member(key.trim());
            match literal {
                Some(literal) => argument.extend_from_slice(literal.root().raw().as_bytes()),
                None => {
                    let value = value.strip_prefix('\n').unwrap_or(value);
                    json::write_str(argument, value.strip_suffix('\n').unwrap_or(value));
                }
            }
        }
    });
    String::from_utf8(out).ok()
}
