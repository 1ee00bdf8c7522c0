//! JSON schemas for upstreams that take a part of JSON Schema only.
//!
//! One keyword too many makes such an upstream refuse the whole request, so the keywords it does not
//! know are rewritten to ones it knows or left out. The order of properties stays.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::{Schema, value};

/// A schema in the form an upstream takes. Text that is no JSON object is given back as it is.
pub fn adapt(schema: &str, form: Schema) -> Cow<'_, str> {
    let adapted = match form {
        Schema::Plain => return Cow::Borrowed(schema),
        Schema::Gemini => {
            let form = |root: &Map<String, Value>, defs: &Value| {
                Gemini::new(defs, schema.len()).schema(root, &mut Vec::new())
            };
            rewrite(schema, form)
        }
        Schema::Kimi => rewrite(schema, |root, _| kimi(root)),
    };
    adapted.map_or(Cow::Borrowed(schema), Cow::Owned)
}

/// The names of the properties that take a string and nothing else, as far as they say so themselves.
pub fn text_properties(schema: &str) -> Vec<String> {
    let Some(document) = value::document(schema) else { return Vec::new() };
    let Some(properties) = document.root().get("properties") else { return Vec::new() };
    properties
        .named_members()
        .filter(|(_, property)| property.get("type").is_some_and(|types| types.is("string")))
        .map(|(name, _)| name.into_owned())
        .collect()
}

fn rewrite(
    schema: &str,
    form: impl FnOnce(&Map<String, Value>, &Value) -> Value,
) -> Option<String> {
    let root: Value = serde_json::from_str(schema).ok()?;
    Some(form(root.as_object()?, &root).to_string())
}

/// The keywords of Gemini's schema, which is that of OpenAPI 3.0 without references.
struct Gemini<'a> {
    /// The document that references point into.
    defs: &'a Value,
    /// Bytes that may still be written.
    room: Cell<usize>,
    /// Schemas around the one that is being written.
    depth: Cell<usize>,
}

/// References may fan out at every level, and each may bring a long text, so what a schema grows to is
/// bounded: by so many times its own length and so many bytes besides.
const GROWTH_MAX: usize = 4;
const GROWTH_BYTES_MIN: usize = 32 << 10;

/// Schemas within each other. References lead deeper than the limit on nesting of the request, and what is
/// too deep for the stack ends the VM.
const DEPTH_MAX: usize = 64;

/// What a schema takes at least.
const SCHEMA_BYTES: usize = r#""":{"type":"object"},"#.len();

/// Keywords that Gemini takes as they are.
const GEMINI_KEPT: &[&str] = &[
    "default",
    "description",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "nullable",
    "pattern",
    "title",
];

/// Formats that Gemini knows; any other one is refused.
const GEMINI_FORMATS: &[&str] = &["date-time", "double", "enum", "float", "int32", "int64"];

impl<'a> Gemini<'a> {
    fn new(defs: &'a Value, length: usize) -> Self {
        let room = Cell::new(GROWTH_MAX * length + GROWTH_BYTES_MIN);
        Self { defs, room, depth: Cell::new(0) }
    }

    /// Takes room for what a schema says itself, without the schemas within; false when there is none.
    fn has_room(&self, schema: &Map<String, Value>) -> bool {
        let room = self.room.get().checked_sub(SCHEMA_BYTES + own_bytes(schema));
        self.room.set(room.unwrap_or_default());
        room.is_some()
    }

    fn value(&self, value: &Value, refs: &mut Vec<String>) -> Value {
        match value {
            Value::Object(schema) => self.schema(schema, refs),
            // `true` and `false`: anything and nothing.
            _ => json!({}),
        }
    }

    fn schema(&self, schema: &Map<String, Value>, refs: &mut Vec<String>) -> Value {
        if self.depth.get() >= DEPTH_MAX || !self.has_room(schema) {
            return json!({"type": "object"});
        }
        self.depth.set(self.depth.get() + 1);
        let written = self.written(schema, refs);
        self.depth.set(self.depth.get() - 1);
        written
    }

    fn written(&self, schema: &Map<String, Value>, refs: &mut Vec<String>) -> Value {
        if let Some(Value::String(reference)) = schema.get("$ref") {
            return self.reference(reference, schema, refs);
        }
        let mut out = Map::new();
        self.kind(schema, &mut out);
        for (keyword, value) in schema {
            match keyword.as_str() {
                kept if GEMINI_KEPT.contains(&kept) => {
                    out.insert(keyword.clone(), value.clone());
                }
                "format" if GEMINI_FORMATS.iter().any(|format| value == format) => {
                    out.insert(keyword.clone(), value.clone());
                }
                "items" => {
                    out.insert(keyword.clone(), self.items(value, refs));
                }
                "properties" => {
                    out.insert(keyword.clone(), self.properties(value, refs));
                }
                "anyOf" | "oneOf" => self.branches(value, &mut out, refs),
                "allOf" => self.merge(value, &mut out, refs),
                _ => {}
            }
        }
        match (schema.get("enum"), schema.get("const")) {
            (Some(Value::Array(options)), _) => self.options(options, &mut out),
            (_, Some(option)) => self.options(std::slice::from_ref(option), &mut out),
            _ => {}
        }
        self.required(schema, &mut out);
        Value::Object(out)
    }

    /// `type`, which is one word here; `null` beside it becomes `nullable`.
    fn kind(&self, schema: &Map<String, Value>, out: &mut Map<String, Value>) {
        match schema.get("type") {
            Some(Value::Array(kinds)) => {
                let named: Vec<&Value> = kinds.iter().filter(|kind| *kind != "null").collect();
                if named.len() < kinds.len() {
                    out.insert("nullable".to_owned(), Value::Bool(true));
                }
                match named.as_slice() {
                    [] => {}
                    [kind] => {
                        out.insert("type".to_owned(), (*kind).clone());
                    }
                    several => {
                        let branches = several.iter().map(|kind| json!({"type": kind})).collect();
                        out.insert("anyOf".to_owned(), branches);
                    }
                }
            }
            Some(kind) => {
                out.insert("type".to_owned(), kind.clone());
            }
            None if schema.contains_key("properties") => {
                out.insert("type".to_owned(), json!("object"));
            }
            None if schema.contains_key("items") => {
                out.insert("type".to_owned(), json!("array"));
            }
            None => {}
        }
    }

    /// `enum`, which holds strings only. Other options are said in the description.
    fn options(&self, options: &[Value], out: &mut Map<String, Value>) {
        if options.iter().all(Value::is_string) {
            out.entry("type").or_insert_with(|| json!("string"));
            out.insert("enum".to_owned(), options.into());
            return;
        }
        let listed: Vec<String> = options.iter().map(Value::to_string).collect();
        let said = format!("One of: {}", listed.join(", "));
        let description = match out.get("description").and_then(Value::as_str) {
            Some(description) => format!("{description} {said}"),
            None => said,
        };
        out.insert("description".to_owned(), description.into());
    }

    fn items(&self, value: &Value, refs: &mut Vec<String>) -> Value {
        match value {
            Value::Array(tuple) => {
                let branches: Vec<Value> =
                    tuple.iter().map(|item| self.value(item, refs)).collect();
                json!({"anyOf": branches})
            }
            item => self.value(item, refs),
        }
    }

    fn properties(&self, value: &Value, refs: &mut Vec<String>) -> Value {
        let properties = value.as_object().into_iter().flatten();
        properties.map(|(name, schema)| (name.clone(), self.value(schema, refs))).collect()
    }

    /// `anyOf` and `oneOf`; a branch that is only null becomes `nullable`.
    fn branches(&self, value: &Value, out: &mut Map<String, Value>, refs: &mut Vec<String>) {
        let branches = value.as_array().map_or(&[][..], Vec::as_slice);
        let is_null = |branch: &&Value| branch.get("type").is_some_and(|kind| kind == "null");
        if branches.iter().any(|branch| is_null(&branch)) {
            out.insert("nullable".to_owned(), Value::Bool(true));
        }
        let named: Vec<Value> = branches
            .iter()
            .filter(|b| !is_null(b))
            .map(|branch| self.value(branch, refs))
            .collect();
        match <[Value; 1]>::try_from(named) {
            Ok([Value::Object(only)]) => {
                for (keyword, value) in only {
                    out.entry(keyword).or_insert(value);
                }
            }
            Ok([other]) => drop(other),
            Err(named) => {
                out.insert("anyOf".to_owned(), named.into());
            }
        }
    }

    /// `allOf`: all branches in one schema, the first word on each keyword counting.
    fn merge(&self, value: &Value, out: &mut Map<String, Value>, refs: &mut Vec<String>) {
        for branch in value.as_array().into_iter().flatten() {
            let Value::Object(branch) = self.value(branch, refs) else { continue };
            for (keyword, value) in branch {
                match (out.get_mut(&keyword), value) {
                    (Some(Value::Object(into)), Value::Object(from)) => into.extend(from),
                    (Some(Value::Array(into)), Value::Array(from)) => into.extend(from),
                    (Some(_), _) => {}
                    (None, value) => {
                        out.insert(keyword, value);
                    }
                }
            }
        }
    }

    /// `required`, which may name declared properties only.
    fn required(&self, schema: &Map<String, Value>, out: &mut Map<String, Value>) {
        let Some(Value::Array(required)) = schema.get("required") else { return };
        let Some(Value::Object(properties)) = out.get("properties") else { return };
        let known: Vec<Value> = required
            .iter()
            .filter(|name| name.as_str().is_some_and(|name| properties.contains_key(name)))
            .cloned()
            .collect();
        if !known.is_empty() {
            out.insert("required".to_owned(), known.into());
        }
    }

    /// What a reference points at, with the words that stand beside the reference. A schema within
    /// itself ends as any object.
    fn reference(&self, to: &str, beside: &Map<String, Value>, refs: &mut Vec<String>) -> Value {
        let target = to.strip_prefix('#').and_then(|pointer| self.defs.pointer(pointer));
        let mut schema = match target {
            Some(target) if !refs.iter().any(|open| open == to) => {
                refs.push(to.to_owned());
                let schema = self.value(target, refs);
                refs.pop();
                schema
            }
            _ => json!({"type": "object"}),
        };
        if let (Some(schema), Some(description)) =
            (schema.as_object_mut(), beside.get("description"))
        {
            schema.insert("description".to_owned(), description.clone());
        }
        schema
    }
}

/// What a schema says itself: its words and the names of its properties.
fn own_bytes(schema: &Map<String, Value>) -> usize {
    let of_member = |(keyword, value): (&String, &Value)| match (keyword.as_str(), value) {
        ("$ref" | "$defs" | "definitions" | "items" | "anyOf" | "oneOf" | "allOf", _) => 0,
        ("properties", Value::Object(properties)) => {
            properties.keys().map(|name| name.len() + SCHEMA_BYTES).sum()
        }
        (keyword, value) => keyword.len() + value_bytes(value),
    };
    schema.iter().map(of_member).sum()
}

/// What a value takes, roughly.
fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 4,
        Value::Array(list) => list.iter().map(value_bytes).sum::<usize>() + 4,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + value_bytes(value)).sum::<usize>() + 4
        }
        _ => 8,
    }
}

/// Kimi's part of JSON Schema: the root is an object, `items` is one schema, and a `type` beside
/// `anyOf` stands in the branches.
fn kimi(root: &Map<String, Value>) -> Value {
    let mut schema = kimi_schema(root);
    if let Some(schema) = schema.as_object_mut()
        && !schema.contains_key("type")
        && !schema.contains_key("anyOf")
    {
        schema.insert("type".to_owned(), json!("object"));
    }
    schema
}

fn kimi_schema(schema: &Map<String, Value>) -> Value {
    let mut out = Map::new();
    for (keyword, value) in schema {
        let keyword = if keyword == "oneOf" { "anyOf" } else { keyword };
        let adapted = match (keyword, value) {
            ("items" | "prefixItems", Value::Array(tuple)) => {
                out.insert("items".to_owned(), json!({"anyOf": kimi_list(tuple)}));
                continue;
            }
            ("anyOf" | "allOf", Value::Array(branches)) => kimi_list(branches).into(),
            ("properties" | "$defs" | "definitions", Value::Object(members)) => members
                .iter()
                .map(|(name, schema)| (name.clone(), kimi_value(schema)))
                .collect::<Map<_, _>>()
                .into(),
            ("items" | "additionalProperties" | "not", value) => kimi_value(value),
            (_, value) => value.clone(),
        };
        out.insert(keyword.to_owned(), adapted);
    }
    if out.get("anyOf").is_some_and(Value::is_array)
        && let Some(kind) = out.shift_remove("type")
    {
        let branches = out.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten();
        for branch in branches.filter_map(Value::as_object_mut) {
            branch.entry("type").or_insert_with(|| kind.clone());
        }
    }
    Value::Object(out)
}

fn kimi_value(value: &Value) -> Value {
    value.as_object().map_or_else(|| value.clone(), kimi_schema)
}

fn kimi_list(values: &[Value]) -> Vec<Value> {
    values.iter().map(kimi_value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(schema: Value, form: Schema) -> Value {
        serde_json::from_str(&adapt(&schema.to_string(), form)).unwrap()
    }

    #[test]
    fn only_what_says_string_is_text() {
        let schema = r#"{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type":
            ["string", "null"]}, "c": {"type": "integer"}, "d": {}, "e": true, "\u0066": {"type": "string",
            "enum": ["1"]}}}"#;
        assert_eq!(text_properties(schema), ["a", "f"]);
        for none in ["", "7", "{}", r#"{"properties": 7}"#, r#"{"properties": {"a": "string"}}"#] {
            assert_eq!(text_properties(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn gemini_gets_only_what_it_knows() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "z": {"type": ["string", "null"], "format": "uri"},
                "a": {"const": "x"},
                "n": {"enum": [1, 2], "description": "N."},
                "u": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
                "o": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/t"}}, {"type": "null"}]},
                "m": {"type": ["integer", "string"]},
                "l": {"allOf": [{"properties": {"p": true}}, {"properties": {"q": {"type": "boolean"}}}]}
            },
            "required": ["z", "gone"],
            "$defs": {"t": {"type": "object", "properties": {"next": {"$ref": "#/$defs/t"}}}}
        });
        assert_eq!(
            adapted(schema, Schema::Gemini),
            json!({
                "type": "object",
                "properties": {
                    "z": {"nullable": true, "type": "string"},
                    "a": {"type": "string", "enum": ["x"]},
                    "n": {"description": "N. One of: 1, 2"},
                    "u": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                    "o": {
                        "nullable": true,
                        "type": "array",
                        "items": {"type": "object", "properties": {"next": {"type": "object"}}}
                    },
                    "m": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                    "l": {"type": "object", "properties": {"p": {}, "q": {"type": "boolean"}}}
                },
                "required": ["z"]
            })
        );
    }

    #[test]
    fn kimi_gets_one_schema_for_items_and_types_inside_any_of() {
        let schema = json!({
            "properties": {
                "t": {"type": "array", "items": [{"type": "string"}, {"type": "number"}]},
                "u": {"type": "string", "anyOf": [{"minLength": 1}, {"type": "number"}]}
            }
        });
        assert_eq!(
            adapted(schema, Schema::Kimi),
            json!({
                "properties": {
                    "t": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "number"}]}},
                    "u": {"anyOf": [{"minLength": 1, "type": "string"}, {"type": "number"}]}
                },
                "type": "object"
            })
        );
    }

    #[test]
    fn plain_schemas_and_text_that_is_none_stay_as_they_are() {
        let schema = r#"{"type":"object", "z":1.0,"a":[ ]}"#;
        assert_eq!(adapt(schema, Schema::Plain), schema);
        assert_eq!(adapt("[1]", Schema::Gemini), "[1]");
        assert_eq!(adapt("nonsense", Schema::Kimi), "nonsense");
    }

    #[test]
    fn references_that_fan_out_end() {
        let defs: Map<String, Value> = (0..40)
            .map(|i| {
                let to = format!("#/$defs/d{}", i + 1);
                (format!("d{i}"), json!({"properties": {"a": {"$ref": to}, "b": {"$ref": to}}}))
            })
            .collect();
        let schema = json!({"$ref": "#/$defs/d0", "$defs": defs});
        assert!(adapted(schema, Schema::Gemini).to_string().len() < 2 << 20);
    }
}
