//! JSON schemas for upstreams that take a part of JSON Schema only.
//!
//! One keyword too many makes such an upstream refuse the whole request, so the keywords it does not
//! know are rewritten to ones it knows or left out. The order of properties stays.

mod kimi;
mod tree;

use std::borrow::Cow;
use std::cell::Cell;

use super::{Schema, value};
use crate::json::document::{Kind, Value};
use crate::json::{JsonText, search};
use tree::{Members, Tree};

/// A schema in the form an upstream takes. Text that is no JSON object is given back as it is.
pub fn adapt(schema: &str, form: Schema) -> Cow<'_, str> {
    if form == Schema::Plain {
        return Cow::Borrowed(schema);
    }
    let document = value::document(schema);
    let root = document.as_ref().map(|document| document.root());
    let Some(root) = root.filter(|root| root.kind() == Kind::Object) else {
        return Cow::Borrowed(schema);
    };
    let adapted = match form {
        Schema::Gemini => Gemini::new(root, schema.len()).schema(root, &mut Vec::new()),
        _ => kimi::schema(root),
    };
    let mut out = Vec::with_capacity(schema.len());
    adapted.write(&mut out);
    String::from_utf8(out).map_or(Cow::Borrowed(schema), Cow::Owned)
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

/// The keywords of Gemini's schema, which is that of OpenAPI 3.0 without references.
struct Gemini<'a> {
    /// The document that references point into.
    root: Value<'a>,
    /// Bytes that may still be written.
    room: Cell<usize>,
    /// Members that may still be looked at to find what references point at.
    looks: Cell<usize>,
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

/// A document may have many references and many things to point at; each pair would cost a look.
const LOOKS_MAX: usize = 1 << 22;

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
    fn new(root: Value<'a>, length: usize) -> Self {
        let room = Cell::new(GROWTH_MAX * length + GROWTH_BYTES_MIN);
        Self { root, room, looks: Cell::new(LOOKS_MAX), depth: Cell::new(0) }
    }

    /// Takes room for what a schema says itself, without the schemas within; false when there is none.
    #[inline(never)]
    fn has_room(&self, schema: Value<'_>) -> bool {
        let room = self.room.get().checked_sub(SCHEMA_BYTES + own_bytes(schema));
        self.room.set(room.unwrap_or_default());
        room.is_some()
    }

    fn value(&self, value: Value<'a>, refs: &mut Vec<String>) -> Members<'a> {
        match value.kind() {
            Kind::Object => self.schema(value, refs),
            // `true` and `false`: anything and nothing.
            _ => Members::default(),
        }
    }

    fn values(&self, list: Value<'a>, refs: &mut Vec<String>) -> Tree<'a> {
        Tree::List(list.elements().map(|value| Tree::Object(self.value(value, refs))).collect())
    }

    fn schema(&self, schema: Value<'a>, refs: &mut Vec<String>) -> Members<'a> {
        if self.depth.get() >= DEPTH_MAX || !self.has_room(schema) {
            return Members::any_object();
        }
        self.depth.set(self.depth.get() + 1);
        let written = self.written(schema, refs);
        self.depth.set(self.depth.get() - 1);
        written
    }

    fn written(&self, schema: Value<'a>, refs: &mut Vec<String>) -> Members<'a> {
        if let Some(reference) = schema.get("$ref").and_then(Value::decoded) {
            return self.reference(&reference, schema, refs);
        }
        let mut out = Members::default();
        kind(schema, &mut out);
        for (keyword, value) in schema.named_members() {
            match &*keyword {
                kept if GEMINI_KEPT.contains(&kept) => out.put(&keyword, Tree::of(value)),
                "format" if GEMINI_FORMATS.iter().any(|format| value.is(format)) => {
                    out.put(&keyword, Tree::of(value));
                }
                "items" => out.put(&keyword, Tree::Object(self.items(value, refs))),
                "properties" => out.put(&keyword, self.properties(value, refs)),
                "anyOf" | "oneOf" => self.branches(value, &mut out, refs),
                "allOf" => self.merge(value, &mut out, refs),
                _ => {}
            }
        }
        let list = schema.get("enum").filter(|options| options.kind() == Kind::Array);
        let named: Vec<_> = match list {
            Some(list) => list.elements().collect(),
            None => schema.get("const").into_iter().collect(),
        };
        if list.is_some() || !named.is_empty() {
            options(&named, &mut out);
        }
        required(schema, &mut out);
        out
    }

    #[inline(never)]
    fn properties(&self, value: Value<'a>, refs: &mut Vec<String>) -> Tree<'a> {
        let mut properties = Members::default();
        for (name, schema) in value.named_members() {
            properties.put(&name, Tree::Object(self.value(schema, refs)));
        }
        Tree::Object(properties)
    }

    #[inline(never)]
    fn items(&self, value: Value<'a>, refs: &mut Vec<String>) -> Members<'a> {
        if value.kind() != Kind::Array {
            return self.value(value, refs);
        }
        let mut any = Members::default();
        any.put("anyOf", self.values(value, refs));
        any
    }

    /// `anyOf` and `oneOf`; a branch that is only null becomes `nullable`.
    #[inline(never)]
    fn branches(&self, value: Value<'a>, out: &mut Members<'a>, refs: &mut Vec<String>) {
        let is_null = |branch: &Value<'_>| branch.get("type").is_some_and(|kind| kind.is("null"));
        if value.elements().any(|branch| is_null(&branch)) {
            out.put_json("nullable", "true");
        }
        let named = value.elements().filter(|branch| !is_null(branch));
        let mut named: Vec<_> = named.map(|branch| self.value(branch, refs)).collect();
        match named.pop() {
            Some(only) if named.is_empty() => {
                only.into_iter().for_each(|(keyword, tree)| out.put_new(&keyword, tree));
            }
            last => {
                named.extend(last);
                out.put("anyOf", Tree::List(named.into_iter().map(Tree::Object).collect()));
            }
        }
    }

    /// `allOf`: all branches in one schema, the first word on each keyword counting.
    #[inline(never)]
    fn merge(&self, value: Value<'a>, out: &mut Members<'a>, refs: &mut Vec<String>) {
        for branch in value.elements() {
            for (keyword, tree) in self.value(branch, refs) {
                match (out.member(&keyword), tree) {
                    (Some(Tree::Object(into)), Tree::Object(from)) => {
                        from.into_iter().for_each(|(name, tree)| into.put(&name, tree));
                    }
                    (Some(Tree::List(into)), Tree::List(from)) => into.extend(from),
                    (Some(_), _) => {}
                    (None, tree) => out.put(&keyword, tree),
                }
            }
        }
    }

    /// What a reference points at, with the words that stand beside the reference. A schema within
    /// itself ends as any object.
    #[inline(never)]
    fn reference(&self, to: &str, beside: Value<'a>, refs: &mut Vec<String>) -> Members<'a> {
        let target = to.strip_prefix('#').and_then(|pointer| self.target(pointer));
        let mut schema = match target {
            Some(target) if !refs.iter().any(|open| open == to) => {
                refs.push(to.to_owned());
                let schema = self.value(target, refs);
                refs.pop();
                schema
            }
            _ => Members::any_object(),
        };
        if let Some(description) = beside.get("description") {
            schema.put("description", Tree::of(description));
        }
        schema
    }

    /// What a JSON pointer (RFC 6901) leads to.
    #[inline(never)]
    fn target(&self, pointer: &str) -> Option<Value<'a>> {
        let mut value = self.root;
        for name in pointer.split('/').skip(1) {
            let name = unescaped(name);
            value = match value.kind() {
                Kind::Array => {
                    let place = name.parse().ok()?;
                    self.look(place)?;
                    value.elements().nth(place)?
                }
                _ => {
                    self.look(value.named_members().count())?;
                    value.get(&name)?
                }
            };
        }
        Some(value)
    }

    fn look(&self, members: usize) -> Option<()> {
        let looks = self.looks.get().checked_sub(members);
        self.looks.set(looks.unwrap_or_default());
        looks.map(drop)
    }
}

/// A name in a JSON pointer: `~1` stands for `/`, `~0` for `~`.
fn unescaped(name: &str) -> String {
    let mut parts = name.split('~');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (char, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', part.get(1..)),
            Some(b'1') => ('/', part.get(1..)),
            _ => ('~', Some(part)),
        };
        out.push(char);
        out.push_str(rest.unwrap_or_default());
    }
    out
}

/// `type`, which is one word here; `null` beside it becomes `nullable`.
#[inline(never)]
fn kind<'a>(schema: Value<'a>, out: &mut Members<'a>) {
    let Some(kind) = schema.get("type") else {
        if schema.get("properties").is_some() {
            out.put_json("type", r#""object""#);
        } else if schema.get("items").is_some() {
            out.put_json("type", r#""array""#);
        }
        return;
    };
    if kind.kind() != Kind::Array {
        return out.put("type", Tree::of(kind));
    }
    let named: Vec<_> = kind.elements().filter(|kind| !kind.is("null")).collect();
    if named.len() < kind.elements().count() {
        out.put_json("nullable", "true");
    }
    match named.as_slice() {
        [] => {}
        [kind] => out.put("type", Tree::of(*kind)),
        several => {
            let branch =
                |kind: &Value<'_>| Tree::Json(format!(r#"{{"type":{}}}"#, kind.raw()).into());
            out.put("anyOf", Tree::List(several.iter().map(branch).collect()));
        }
    }
}

/// `enum`, which holds strings only. Other options are said in the description.
#[inline(never)]
fn options<'a>(options: &[Value<'a>], out: &mut Members<'a>) {
    if options.iter().all(|option| option.kind() == Kind::String) {
        out.put_new("type", Tree::Json(r#""string""#.into()));
        out.put("enum", Tree::List(options.iter().map(|option| Tree::of(*option)).collect()));
        return;
    }
    let listed: Vec<_> = options.iter().map(|option| value::compact(option.raw())).collect();
    let said = format!("One of: {}", search::join(&listed, ", "));
    let before = match out.get("description") {
        Some(Tree::Json(json)) => json.strip_prefix('"').and_then(|json| json.strip_suffix('"')),
        _ => None,
    };
    let mut description = JsonText::EMPTY;
    if let Some(before) = before {
        description.push_escaped(before);
        description.push_decoded(" ");
    }
    description.push_decoded(&said);
    out.put_json("description", format!("\"{}\"", description.escaped()));
}

/// `required`, which may name declared properties only.
#[inline(never)]
fn required<'a>(schema: Value<'a>, out: &mut Members<'a>) {
    let Some(Tree::Object(properties)) = out.get("properties") else { return };
    let names = schema.get("required").into_iter().flat_map(Value::elements);
    let known = names.filter(|name| name.decoded().is_some_and(|name| properties.has(&name)));
    let known: Vec<_> = known.map(Tree::of).collect();
    if !known.is_empty() {
        out.put("required", Tree::List(known));
    }
}

/// What a schema says itself: its words and the names of its properties.
#[inline(never)]
fn own_bytes(schema: Value<'_>) -> usize {
    let of_member = |(keyword, value): (Cow<'_, str>, Value<'_>)| match &*keyword {
        "$ref" | "$defs" | "definitions" | "items" | "anyOf" | "oneOf" | "allOf" => 0,
        "properties" if value.kind() == Kind::Object => {
            value.members().map(|(name, _)| name.len() + SCHEMA_BYTES).sum()
        }
        _ => keyword.len() + value.raw().len() + 2,
    };
    schema.named_members().map(of_member).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

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
