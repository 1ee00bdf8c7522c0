//! Shapes: which keys an object of the Responses API has and what they hold.
//!
//! The tables follow the published OpenAPI file and, where it asks for more, the Open Responses
//! specification. Keys that are not listed are allowed; keys that are listed must be there.

use std::fmt;

use serde_json::{Map, Value};

/// A rule of the API that an answer breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule, as one stable word or two.
    pub rule: &'static str,
    /// Where and how it is broken.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.rule, self.detail)
    }
}

impl std::error::Error for Violation {}

/// The outcome of a check.
pub type Checked<T = ()> = Result<T, Violation>;

/// Fails with `rule` unless `holds`.
pub fn ensure(holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation { rule, detail: detail() }) }
}

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Any,
    Array,
    Bool,
    /// Without a fraction, not even `.0`: Codex refuses `1.0` as a token count.
    Integer,
    Number,
    Object,
    Text,
    /// Text that is not empty.
    Filled,
    /// One of these words.
    Word(&'static [&'static str]),
    OrNull(&'static Kind),
}

impl Kind {
    fn admits(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Array => value.is_array(),
            Self::Bool => value.is_boolean(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Object => value.is_object(),
            Self::Text => value.is_string(),
            Self::Filled => value.as_str().is_some_and(|text| !text.is_empty()),
            Self::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::OrNull(kind) => value.is_null() || kind.admits(value),
        }
    }
}

/// Keys and what they hold.
pub type Fields = &'static [(&'static str, Kind)];

use Kind::{Any, Array, Bool, Filled, Integer, Number, Object, OrNull, Text, Word};

const STATUS: Kind = Word(&["completed", "failed", "in_progress", "incomplete"]);
const ITEM_STATUS: Kind = Word(&["completed", "in_progress", "incomplete"]);

const RESPONSE: Fields = &[
    ("background", Bool),
    ("completed_at", OrNull(&Integer)),
    ("created_at", Integer),
    ("error", OrNull(&Object)),
    ("frequency_penalty", Number),
    ("id", Filled),
    ("incomplete_details", OrNull(&Object)),
    ("instructions", OrNull(&Text)),
    ("max_output_tokens", OrNull(&Integer)),
    ("max_tool_calls", OrNull(&Integer)),
    ("metadata", OrNull(&Object)),
    ("model", Filled),
    ("object", Word(&["response"])),
    ("output", Array),
    ("parallel_tool_calls", Bool),
    ("presence_penalty", Number),
    ("previous_response_id", OrNull(&Text)),
    ("prompt_cache_key", OrNull(&Text)),
    ("reasoning", OrNull(&Object)),
    ("safety_identifier", OrNull(&Text)),
    ("service_tier", Filled),
    ("status", STATUS),
    ("store", Bool),
    ("temperature", Number),
    ("text", Object),
    ("tool_choice", Any),
    ("tools", Array),
    ("top_logprobs", Integer),
    ("top_p", Number),
    ("truncation", Word(&["auto", "disabled"])),
    ("usage", OrNull(&Object)),
];

const USAGE: Fields = &[
    ("input_tokens", Integer),
    ("input_tokens_details", Object),
    ("output_tokens", Integer),
    ("output_tokens_details", Object),
    ("total_tokens", Integer),
];

const ITEMS: &[(&str, Fields)] = &[
    ("apply_patch_call", &[("call_id", Filled), ("operation", Object), ("status", ITEM_STATUS)]),
    ("compaction", &[("encrypted_content", Text)]),
    (
        "custom_tool_call",
        &[("call_id", Filled), ("name", Filled), ("input", Text), ("status", ITEM_STATUS)],
    ),
    (
        "function_call",
        &[("call_id", Filled), ("name", Filled), ("arguments", Text), ("status", ITEM_STATUS)],
    ),
    ("image_generation_call", &[("status", Filled), ("result", OrNull(&Text))]),
    ("local_shell_call", &[("call_id", Filled), ("action", Object), ("status", ITEM_STATUS)]),
    ("message", &[("role", Word(&["assistant"])), ("content", Array), ("status", ITEM_STATUS)]),
    ("reasoning", &[("summary", Array)]),
    ("shell_call", &[("call_id", Filled), ("action", Object), ("status", ITEM_STATUS)]),
    // Codex wants the arguments as an object and the execution named (measured).
    (
        "tool_search_call",
        &[
            ("call_id", Filled),
            ("arguments", Object),
            ("execution", Word(&["client"])),
            ("status", ITEM_STATUS),
        ],
    ),
];

const PARTS: &[(&str, Fields)] = &[
    ("output_text", &[("text", Text), ("annotations", Array), ("logprobs", Array)]),
    ("reasoning_text", &[("text", Text)]),
    ("refusal", &[("refusal", Text)]),
    ("summary_text", &[("text", Text)]),
];

const ITEM_AT: Fields = &[("item_id", Filled), ("output_index", Integer)];
const CONTENT_AT: Fields =
    &[("item_id", Filled), ("output_index", Integer), ("content_index", Integer)];
const SUMMARY_AT: Fields =
    &[("item_id", Filled), ("output_index", Integer), ("summary_index", Integer)];

/// Every event a client may meet: its name, where it points, what it carries.
const EVENTS: &[(&str, Fields, Fields)] = &[
    (
        "error",
        &[],
        &[("code", Filled), ("message", Filled), ("param", OrNull(&Text)), ("error", Object)],
    ),
    ("response.completed", &[], &[("response", Object)]),
    ("response.content_part.added", CONTENT_AT, &[("part", Object)]),
    ("response.content_part.done", CONTENT_AT, &[("part", Object)]),
    ("response.created", &[], &[("response", Object)]),
    ("response.custom_tool_call_input.delta", ITEM_AT, &[("delta", Filled)]),
    ("response.custom_tool_call_input.done", ITEM_AT, &[("input", Text)]),
    ("response.failed", &[], &[("response", Object)]),
    ("response.function_call_arguments.delta", ITEM_AT, &[("delta", Filled)]),
    ("response.function_call_arguments.done", ITEM_AT, &[("name", Filled), ("arguments", Text)]),
    ("response.image_generation_call.completed", ITEM_AT, &[]),
    ("response.image_generation_call.generating", ITEM_AT, &[]),
    ("response.image_generation_call.in_progress", ITEM_AT, &[]),
    ("response.in_progress", &[], &[("response", Object)]),
    ("response.incomplete", &[], &[("response", Object)]),
    ("response.output_item.added", &[("output_index", Integer)], &[("item", Object)]),
    ("response.output_item.done", &[("output_index", Integer)], &[("item", Object)]),
    (
        "response.output_text.annotation.added",
        CONTENT_AT,
        &[("annotation_index", Integer), ("annotation", Object)],
    ),
    ("response.output_text.delta", CONTENT_AT, &[("delta", Filled), ("logprobs", Array)]),
    ("response.output_text.done", CONTENT_AT, &[("text", Text), ("logprobs", Array)]),
    ("response.reasoning_summary_part.added", SUMMARY_AT, &[("part", Object)]),
    ("response.reasoning_summary_part.done", SUMMARY_AT, &[("part", Object)]),
    ("response.reasoning_summary_text.delta", SUMMARY_AT, &[("delta", Filled)]),
    ("response.reasoning_summary_text.done", SUMMARY_AT, &[("text", Text)]),
    ("response.reasoning_text.delta", CONTENT_AT, &[("delta", Filled)]),
    ("response.reasoning_text.done", CONTENT_AT, &[("text", Text)]),
    ("response.refusal.delta", CONTENT_AT, &[("delta", Filled)]),
    ("response.refusal.done", CONTENT_AT, &[("refusal", Text)]),
];

fn object<'a>(at: &str, value: &'a Value) -> Checked<&'a Map<String, Value>> {
    value
        .as_object()
        .ok_or_else(|| Violation { rule: "shape", detail: format!("{at} is no object: {value}") })
}

fn fields(at: &str, value: &Value, fields: Fields) -> Checked {
    let object = object(at, value)?;
    for (key, kind) in fields {
        let Some(held) = object.get(*key) else {
            return ensure(false, "shape", || format!("{at} has no {key}"));
        };
        ensure(kind.admits(held), "shape", || format!("{at}.{key} should be {kind:?}: {held}"))?;
    }
    Ok(())
}

fn each(at: &str, list: &Value, check: impl Fn(&str, &Value) -> Checked) -> Checked {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().enumerate().try_for_each(|(n, value)| check(&format!("{at}[{n}]"), value))
}

/// The type of an event, item, part or tool.
pub fn kind_of(value: &Value) -> &str {
    value["type"].as_str().unwrap_or_default()
}

/// One event: a known type with every field that the clients ask for.
pub fn event(event: &Value) -> Checked {
    let kind = kind_of(event);
    let Some((_, place, carries)) = EVENTS.iter().find(|(name, ..)| *name == kind) else {
        // openai-node throws on an event it does not know.
        return ensure(false, "known event", || format!("`{kind}` is no event of the API"));
    };
    fields(kind, event, &[("sequence_number", Integer)])?;
    fields(kind, event, place)?;
    fields(kind, event, carries)?;
    if kind == "error" {
        nested_error(event)?;
    }
    Ok(())
}

/// OpenAI documents `error` flat, Open Responses nested, and clients exist for both: it must be both.
fn nested_error(event: &Value) -> Checked {
    let nested = &event["error"];
    fields("error.error", nested, &[("type", Filled)])?;
    for key in ["code", "message", "param"] {
        let (flat, nested) = (&event[key], nested.get(key));
        ensure(nested == Some(flat), "error event", || {
            format!("error.{key} is {nested:?} when nested, {flat} when flat")
        })?;
    }
    Ok(())
}

/// An output item of a known type with its fields, parts included.
pub fn item(at: &str, item: &Value) -> Checked {
    let kind = kind_of(item);
    let Some((_, own)) = ITEMS.iter().find(|(name, _)| *name == kind) else {
        return ensure(false, "known item", || format!("{at}: `{kind}` is no output item"));
    };
    fields(at, item, &[("id", Filled)])?;
    fields(at, item, own)?;
    // Codex drops the id of a replayed item that does not read `<x>_<y>`.
    let id = item["id"].as_str().unwrap_or_default();
    let halves = id.split_once('_');
    ensure(halves.is_some_and(|(x, y)| !x.is_empty() && !y.is_empty()), "item id", || {
        format!("{at}.id is `{id}`, not `<x>_<y>`")
    })?;
    let optional: &[(&str, Kind)] = &[
        ("namespace", OrNull(&Text)),
        ("phase", OrNull(&Text)),
        ("encrypted_content", OrNull(&Text)),
        ("status", ITEM_STATUS),
    ];
    for (key, kind) in optional {
        let Some(held) = item.get(*key) else { continue };
        let image = *key == "status" && item["type"] == "image_generation_call";
        ensure(image || kind.admits(held), "shape", || format!("{at}.{key} is {held}"))?;
    }
    let admitted: &[&str] =
        if kind == "message" { &["output_text", "refusal"] } else { &["reasoning_text"] };
    each(&format!("{at}.content"), &item["content"], |at, value| part(at, value, admitted))?;
    each(&format!("{at}.summary"), &item["summary"], |at, value| part(at, value, &["summary_text"]))
}

/// A content or summary part of one of the admitted types.
pub fn part(at: &str, part: &Value, admitted: &[&str]) -> Checked {
    let kind = kind_of(part);
    let known = PARTS.iter().find(|(name, _)| *name == kind && admitted.contains(name));
    let Some((_, own)) = known else {
        return ensure(false, "known part", || format!("{at}: `{kind}` does not belong here"));
    };
    fields(at, part, own)?;
    each(&format!("{at}.annotations"), &part["annotations"], annotation)?;
    each(&format!("{at}.logprobs"), &part["logprobs"], logprob)
}

/// An annotation of the text.
pub fn annotation(at: &str, annotation: &Value) -> Checked {
    fields(at, annotation, &[("type", Filled)])?;
    if kind_of(annotation) != "url_citation" {
        return Ok(());
    }
    let own: Fields =
        &[("url", Filled), ("title", Text), ("start_index", Integer), ("end_index", Integer)];
    fields(at, annotation, own)
}

/// The log probability of one token.
pub fn logprob(at: &str, logprob: &Value) -> Checked {
    fields(
        at,
        logprob,
        &[("token", Text), ("logprob", Number), ("bytes", OrNull(&Array)), ("top_logprobs", Array)],
    )?;
    each(&format!("{at}.top_logprobs"), &logprob["top_logprobs"], |at, top| {
        fields(at, top, &[("token", Text), ("logprob", Number)])
    })
}

/// Token counts: all of them, as integers, the details too.
pub fn usage(usage: &Value) -> Checked {
    fields("usage", usage, USAGE)?;
    fields(
        "usage.input_tokens_details",
        &usage["input_tokens_details"],
        &[("cached_tokens", Integer), ("cache_write_tokens", Integer)],
    )?;
    fields(
        "usage.output_tokens_details",
        &usage["output_tokens_details"],
        &[("reasoning_tokens", Integer)],
    )?;
    let reasoning = usage["output_tokens_details"]["reasoning_tokens"].as_u64();
    ensure(reasoning <= usage["output_tokens"].as_u64(), "usage", || {
        format!("more tokens of reasoning than of output: {usage}")
    })
}

/// A Response object with every key, whatever its status.
pub fn response(response: &Value) -> Checked {
    fields("response", response, RESPONSE)?;
    for unwanted in ["output_text", "end_turn", "headers"] {
        ensure(response.get(unwanted).is_none(), "shape", || {
            format!("response.{unwanted} must not be sent")
        })?;
    }
    ensure(response.get("user") != Some(&Value::Null), "shape", || {
        "response.user is left out rather than null".into()
    })?;
    text(&response["text"])?;
    if !response["reasoning"].is_null() {
        fields(
            "response.reasoning",
            &response["reasoning"],
            &[("effort", OrNull(&Text)), ("summary", OrNull(&Text))],
        )?;
    }
    if !response["error"].is_null() {
        fields("response.error", &response["error"], &[("code", Filled), ("message", Filled)])?;
    }
    if !response["usage"].is_null() {
        usage(&response["usage"])?;
    }
    tool_choice(&response["tool_choice"])?;
    each("response.tools", &response["tools"], tool)?;
    each("response.output", &response["output"], item)
}

fn text(text: &Value) -> Checked {
    fields("response.text", text, &[("format", Object)])?;
    let format = &text["format"];
    let kinds = Word(&["json_object", "json_schema", "text"]);
    ensure(kinds.admits(&format["type"]), "shape", || format!("response.text.format: {format}"))?;
    if kind_of(format) == "json_schema" {
        fields("response.text.format", format, &[("name", Filled), ("schema", Object)])?;
    }
    Ok(())
}

fn tool_choice(choice: &Value) -> Checked {
    let word = Word(&["auto", "none", "required"]).admits(choice);
    let named = match kind_of(choice) {
        "" => false,
        "function" | "custom" => choice["name"].is_string(),
        "allowed_tools" => choice["tools"].is_array() && choice["mode"].is_string(),
        _ => true,
    };
    ensure(word || named, "shape", || format!("response.tool_choice is {choice}"))
}

fn tool(at: &str, tool: &Value) -> Checked {
    fields(at, tool, &[("type", Filled)])?;
    match kind_of(tool) {
        "function" => fields(
            at,
            tool,
            &[
                ("name", Filled),
                ("description", OrNull(&Text)),
                ("parameters", OrNull(&Object)),
                ("strict", OrNull(&Bool)),
            ],
        ),
        "custom" | "namespace" => fields(at, tool, &[("name", Filled)]),
        _ => Ok(()),
    }
}

/// What `POST /responses/compact` answers: items that stand for a conversation.
pub fn compaction(body: &Value) -> Checked {
    let own: Fields = &[
        ("id", Filled),
        ("object", Word(&["response.compaction"])),
        ("created_at", Integer),
        ("output", Array),
        ("usage", Object),
    ];
    fields("compaction", body, own)?;
    usage(&body["usage"])?;
    each("compaction.output", &body["output"], item)?;
    let output = body["output"].as_array().map(Vec::as_slice).unwrap_or_default();
    let compactions = output.iter().filter(|item| kind_of(item) == "compaction").count();
    ensure(compactions == 1, "compaction", || format!("{compactions} compaction items"))
}

/// The body of an HTTP error: all four keys, the code a string.
pub fn error_body(body: &Value) -> Checked {
    fields("body", body, &[("error", Object)])?;
    fields(
        "error",
        &body["error"],
        &[
            ("message", Filled),
            ("type", Filled),
            ("param", OrNull(&Text)),
            // The strictest client drops the message when the code is null.
            ("code", Filled),
        ],
    )
}
