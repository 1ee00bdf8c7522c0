//! What one piece of a tool call brings, from all the shapes it comes in.

use std::borrow::Cow;

use crate::chat::lenient::Raw;
use crate::chat::response::{Function, ToolCall};
use crate::dialect::value::{self, Kind};
use crate::json::document::Value;
use crate::json::{self, JsonText};

/// The index that stands for `function_call`, the one call of the older API.
const LEGACY_INDEX: u64 = u64::MAX;

/// What one piece brings; empty values have become `None`.
#[derive(Default)]
pub struct Piece<'a> {
    /// The upstream's index.
    pub index: Option<u64>,
    /// The upstream's id, as a string.
    pub id: Option<JsonText<'a>>,
    /// The name, or a piece of it.
    pub name: Option<Cow<'a, str>>,
    /// The next piece of the arguments.
    pub arguments: Option<JsonText<'a>>,
    /// The opaque members, as the members of one object.
    pub extra: Option<String>,
}

impl<'a> Piece<'a> {
    /// Reads one call of a list.
    pub fn of_call(call: Value<'a>) -> Self {
        let call: ToolCall<'_> = value::object(Some(call)).unwrap_or_default();
        let function: Function<'_> = value::object(call.function).unwrap_or_default();
        Self {
            index: call.index.and_then(|index| index.raw().trim_matches('"').parse().ok()),
            id: id(call.id),
            name: value::word(function.name.or(call.name)),
            arguments: arguments(function.arguments.or(call.arguments)),
            extra: extra(&call),
        }
    }

    /// Reads the one call of the older API.
    pub fn of_legacy(call: &Function<'a>) -> Self {
        Self {
            index: Some(LEGACY_INDEX),
            name: value::word(call.name),
            arguments: arguments(call.arguments),
            ..Self::default()
        }
    }

    /// True when it brings nothing.
    pub fn is_empty(&self) -> bool {
        self.is_bare() && self.arguments.is_none()
    }

    /// True when it can only continue a call: no id, no name, nothing opaque.
    pub fn is_bare(&self) -> bool {
        self.id.is_none() && self.name.is_none() && self.extra.is_none()
    }

    /// True when the arguments begin like an object.
    pub fn opens_object(&self) -> bool {
        let opens = |arguments: &JsonText<'_>| arguments.decode().trim_start().starts_with('{');
        self.arguments.as_ref().is_some_and(opens)
    }
}

/// T5: ids are strings or numbers.
fn id(raw: Raw<'_>) -> Option<JsonText<'_>> {
    match raw?.kind() {
        Kind::String => value::text(raw),
        Kind::Number => Some(JsonText::encode(raw?.raw())),
        Kind::Array | Kind::Bool | Kind::Null | Kind::Object => None,
    }
}

/// T9, T10: arguments are JSON text, or the object itself; empty ones are none.
fn arguments(raw: Raw<'_>) -> Option<JsonText<'_>> {
    match raw?.kind() {
        Kind::String => value::text(raw),
        Kind::Null => None,
        Kind::Array | Kind::Bool | Kind::Number | Kind::Object => {
            match value::compact(raw?.raw()) {
                Cow::Borrowed(json) => Some(JsonText::encode(json)),
                Cow::Owned(json) => Some(JsonText::encode(&json).into_owned()),
            }
        }
    }
}

/// The opaque members of a call, as the members of one object.
fn extra(call: &ToolCall<'_>) -> Option<String> {
    let members = [
        ("extra_content", call.extra_content),
        ("provider_specific_fields", call.provider_specific_fields),
        ("thought_signature", call.thought_signature),
    ];
    if !members.iter().any(|(_, value)| value::is_news(*value)) {
        return None;
    }
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        for (name, value) in members {
            if let Some(value) = value.filter(|_| value::is_news(value)) {
                object.raw(name, value.raw());
            }
        }
    });
    String::from_utf8(out).ok()
}
