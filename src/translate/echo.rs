//! What a Response object repeats of its request.
//!
//! Every member is there, whatever the request left out: the schema of the API wants numbers to be
//! numbers and objects to be whole. Tools are repeated as the client sent them, never under the names
//! they have upstream.

use crate::json::document::Value;
use crate::json::{self, Array, Object, line};
use crate::responses::read::Fields;

/// The members of a Response object that repeat the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    /// The members as JSON in one line, separated by commas, without the braces around them.
    pub json: Vec<u8>,
    /// `service_tier` as long as the upstream has not named one; never `auto`.
    pub service_tier: String,
}

impl Echo {
    /// Repeats a request.
    #[inline(never)]
    pub(super) fn of(request: &Fields<'_, '_>) -> Self {
        let carried = ["instructions", "tools"].map(|name| request.any(name).map(Value::raw));
        let carried: usize = carried.iter().flatten().map(|raw| raw.len()).sum();
        let mut json = Vec::with_capacity(carried + 1024);
        json::members(&mut json, |o| members(o, request));
        if !request.value().is_in_one_line() {
            line::put_in_one(&mut json);
        }
        let tier = request.any("service_tier").and_then(Value::text);
        let tier = tier.map(|tier| tier.decode().into_owned()).filter(|tier| tier != "auto");
        Self { json, service_tier: tier.unwrap_or_else(|| "default".to_owned()) }
    }
}

/// Declares [`REPEATED`], each row with its name and what stands there when the request left it out.
macro_rules! repeated {
    ($(($name:literal, $absent:literal),)*) => {
        [$(($name, concat!("\"", $name, "\":", $absent))),*]
    };
}

/// Members that are repeated as they were sent, and the whole member for one that was not.
static REPEATED: [(&str, &str); 14] = repeated![
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("prompt_cache_key", "null"),
    ("safety_identifier", "null"),
    ("temperature", "1"),
    ("top_p", "1"),
    ("presence_penalty", "0"),
    ("frequency_penalty", "0"),
    ("top_logprobs", "0"),
    ("truncation", "\"disabled\""),
    ("tool_choice", "\"auto\""),
];

fn members(o: &mut Object<'_>, request: &Fields<'_, '_>) {
    for (name, absent) in &REPEATED {
        match request.any(name) {
            Some(sent) => o.raw(name, sent.raw()),
            None => o.members(absent.as_bytes()),
        }
    }
    if let Some(user) = request.any("user") {
        o.raw("user", user.raw());
    }
    o.members(br#""background":false,"store":false,"previous_response_id":null"#);
    text(o, request.any("text"));
    reasoning(o, request.any("reasoning"));
    o.array("tools", |list| {
        request.any("tools").into_iter().flat_map(Value::elements).for_each(|t| tool(list, t));
    });
}

#[inline(never)]
fn text(o: &mut Object<'_>, text: Option<Value<'_>>) {
    if text.is_none() {
        return o.members(br#""text":{"format":{"type":"text"}}"#);
    }
    let sent = |name| text.and_then(|text| text.get(name)).filter(|value| !value.is_null());
    o.object("text", |o| {
        o.raw("format", sent("format").map_or(r#"{"type":"text"}"#, Value::raw));
        if let Some(verbosity) = sent("verbosity") {
            o.raw("verbosity", verbosity.raw());
        }
    });
}

#[inline(never)]
fn reasoning(o: &mut Object<'_>, reasoning: Option<Value<'_>>) {
    let Some(reasoning) = reasoning else { return o.null("reasoning") };
    let sent = |name| reasoning.get(name).filter(|value| !value.is_null());
    o.object("reasoning", |o| {
        o.raw("effort", sent("effort").map_or("null", Value::raw));
        let summary = sent("summary").or(sent("generate_summary"));
        o.raw("summary", summary.map_or("null", Value::raw));
    });
}

/// A function is repeated with all the members that the schema of the API wants.
#[inline(never)]
fn tool(list: &mut Array<'_>, tool: Value<'_>) {
    const WANTED: [&str; 3] = ["description", "parameters", "strict"];
    let (mut is_function, mut sent) = (false, [false; 3]);
    for (name, value) in tool.named_members() {
        match &*name {
            "type" => is_function = value.is("function"),
            "description" => sent[0] = true,
            "parameters" => sent[1] = true,
            "strict" => sent[2] = true,
            _ => {}
        }
    }
    if !is_function || sent == [true; 3] {
        return list.raw(tool.raw().as_bytes());
    }
    list.object(|o| {
        let inside = tool.raw().strip_prefix('{').and_then(|raw| raw.strip_suffix('}'));
        o.members(inside.unwrap_or_default().trim().as_bytes());
        let missing = WANTED.into_iter().zip(sent).filter(|(_, sent)| !sent);
        missing.for_each(|(name, _)| o.null(name));
    });
}
