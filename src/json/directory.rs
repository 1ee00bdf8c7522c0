//! The members of one object, for a reader that asks for dozens of them.

use super::document::Value;

/// Finds members by their names without walking over the object each time.
///
/// A name is told from most others by a [`key`] of it; the keys of all members stand side by side.
#[derive(Debug, Default)]
pub struct Directory<'d> {
    /// In the order of the document.
    members: Vec<(u32, Value<'d>)>,
    /// The [`bit`] of each of them. Most names that are asked for are not there.
    present: u64,
}

impl<'d> Directory<'d> {
    /// Lists the members of an object; of any other value there are none.
    pub fn of(object: Value<'d>) -> Self {
        let mut directory = Self::default();
        directory.list(object);
        directory
    }

    /// Lists the members of this object instead.
    #[inline(never)]
    pub fn list(&mut self, object: Value<'d>) {
        self.members.clear();
        self.present = 0;
        for (name, value) in object.named_members() {
            let key = key(&name);
            self.members.push((key, value));
            self.present |= bit(key);
        }
    }

    /// The member of this name: the last one, as [`Value::get`] has it.
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        let key = key(name);
        if self.present & bit(key) == 0 {
            return None;
        }
        let mut members = self.members.iter().rev();
        members
            .find(|(other, value)| *other == key && value.is_named(name))
            .map(|(_, value)| *value)
    }
}

/// The length of a name, its first two bytes and its last one.
fn key(name: &str) -> u32 {
    let name = name.as_bytes();
    let byte = |byte: Option<&u8>| byte.copied().unwrap_or_default();
    u32::from_le_bytes([name.len() as u8, byte(name.first()), byte(name.get(1)), byte(name.last())])
}

/// One of 64 bits, by a hash of the key.
const fn bit(key: u32) -> u64 {
    1 << (key.wrapping_mul(0x9E37_79B1) >> 26)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::document::{Bounds, Document};

    proptest! {
        #[test]
        fn finds_what_a_walk_finds(
            members in prop::collection::vec("[ab\\\\]{0,3}", 0..24),
            asked in prop::collection::vec("[ab]{0,4}", 1..24),
        ) {
            let written: Vec<String> = members
                .iter()
                .enumerate()
                .map(|(n, name)| format!("\"{}\":{{\"a\":{n}}}", name.replace('\\', r"\u0061")))
                .collect();
            let text = format!("{{{}}}", written.join(","));
            let document = Document::parse(&text, Bounds::USUAL).unwrap();
            let other = Document::parse(r#"{"a":0,"ba":1}"#, Bounds::USUAL).unwrap();
            let mut directory = Directory::of(other.root());
            directory.list(document.root());
            for name in &asked {
                let found = directory.get(name).map(Value::raw);
                prop_assert_eq!(found, document.root().get(name).map(Value::raw), "{} in {}", name, text);
            }
        }
    }

    #[test]
    fn only_objects_have_members() {
        for text in ["[\"a\",1]", "\"a\"", "null", "{}"] {
            let document = Document::parse(text, Bounds::USUAL).unwrap();
            assert!(Directory::of(document.root()).get("a").is_none(), "{text}");
        }
    }
}
