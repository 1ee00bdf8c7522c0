//! The bytes of an answer: server-sent events in the one form the filter writes, and strict JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::schema::{Checked, Violation, ensure, kind_of};

/// The events of a whole stream, `[DONE]` checked and left out.
///
/// Stricter than the standard asks of a reader: exactly `event:`, `data:`, blank line, so that no
/// client's own idea of server-sent events matters.
pub fn events(body: &[u8]) -> Checked<Vec<Value>> {
    let text = utf8(body)?;
    ensure(text.ends_with("\n\n"), "framing", || "the last event lacks its blank line".into())?;
    let mut blocks: Vec<&str> = text.trim_end_matches('\n').split("\n\n").collect();
    ensure(text.len() == text.trim_end_matches('\n').len() + 2, "framing", || {
        "more than one blank line at the end".into()
    })?;
    let last = blocks.pop().unwrap_or_default();
    ensure(last == "data: [DONE]", "done", || format!("the stream ends with {last:?}"))?;
    blocks.into_iter().map(event).collect()
}

/// The event in one block of lines.
pub fn event(block: &str) -> Checked<Value> {
    let lines: Vec<&str> = block.split('\n').collect();
    let &[event, data] = lines.as_slice() else {
        return ensure(false, "framing", || format!("{} lines in one event", lines.len()))
            .map(|()| Value::Null);
    };
    let (Some(name), Some(data)) = (event.strip_prefix("event: "), data.strip_prefix("data: "))
    else {
        return Err(Violation {
            rule: "framing",
            detail: format!("event and data, not {block:?}"),
        });
    };
    let value = json(data.as_bytes())?;
    ensure(name == kind_of(&value), "event name", || {
        format!("event: {name}, but type {}", kind_of(&value))
    })?;
    Ok(value)
}

/// Strict JSON: one value, nothing behind it, no key twice.
pub fn json(text: &[u8]) -> Checked<Value> {
    let strict: Result<Strict, _> = serde_json::from_slice(text);
    strict.map(|strict| strict.0).map_err(|error| Violation {
        rule: "json",
        detail: format!("{error} in {}", String::from_utf8_lossy(text)),
    })
}

fn utf8(body: &[u8]) -> Checked<&str> {
    std::str::from_utf8(body)
        .map_err(|error| Violation { rule: "utf-8", detail: error.to_string() })
}

/// A value in which no object has a key twice; readers differ on which of the two counts.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = map.next_entry::<String, Strict>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` comes twice")));
            }
            object.insert(key, value);
        }
        Ok(object.into())
    }
}
