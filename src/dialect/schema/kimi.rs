//! Kimi's part of JSON Schema: the root is an object, `items` is one schema, and a `type` beside `anyOf`
//! stands in the branches.

use super::tree::{Members, Tree};
use crate::json::document::{Kind, Value};

/// A whole schema.
pub(super) fn schema(root: Value<'_>) -> Members<'_> {
    let mut schema = part(root);
    if !schema.has("anyOf") {
        schema.put_new("type", Tree::Json(r#""object""#.into()));
    }
    schema
}

fn part(schema: Value<'_>) -> Members<'_> {
    let mut out = Members::default();
    let is_list = |name| schema.get(name).is_some_and(|value| value.kind() == Kind::Array);
    let kind = schema.get("type").filter(|_| is_list("anyOf") || is_list("oneOf"));
    for (keyword, value) in schema.named_members() {
        let keyword = if keyword == "oneOf" { "anyOf" } else { &*keyword };
        match (keyword, value.kind()) {
            ("items" | "prefixItems", Kind::Array) => {
                let mut any = Members::default();
                any.put("anyOf", list(value));
                out.put("items", Tree::Object(any));
            }
            ("type", _) if kind.is_some() => {}
            ("anyOf" | "allOf", Kind::Array) => out.put(keyword, list(value)),
            ("properties" | "$defs" | "definitions", Kind::Object) => {
                let mut members = Members::default();
                for (name, schema) in value.named_members() {
                    members.put(&name, adapted(schema));
                }
                out.put(keyword, Tree::Object(members));
            }
            ("items" | "additionalProperties" | "not", _) => out.put(keyword, adapted(value)),
            _ => out.put(keyword, Tree::of(value)),
        }
    }
    if let Some(kind) = kind
        && let Some(Tree::List(branches)) = out.member("anyOf")
    {
        for branch in branches {
            if let Tree::Object(branch) = branch {
                branch.put_new("type", Tree::of(kind));
            }
        }
    }
    out
}

fn adapted(value: Value<'_>) -> Tree<'_> {
    match value.kind() {
        Kind::Object => Tree::Object(part(value)),
        _ => Tree::of(value),
    }
}

#[inline(never)]
fn list(values: Value<'_>) -> Tree<'_> {
    Tree::List(values.elements().map(adapted).collect())
}
