//! The members of one object, for a reader that asks for dozens of them.

use super::document::Value;

/// Finds members by their names without walking over the object each time.
///
/// The [`Key`]s of all members stand side by side. Most names are told by their key alone.
#[derive(Debug, Default)]
pub struct Directory<'d> {
    /// In the order of the document.
    members: Vec<(Key, Value<'d>)>,
    /// The bit of each of them. Most names that are asked for are not there.
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
        for (name, value) in object.plain_members() {
            let key = match name {
                Some(name) => Key::of(name),
                None => Key::of(value.name().as_bytes()),
            };
            self.members.push((key, value));
            self.present |= key.bit();
        }
    }

    /// The member of this name: the last one, as [`Value::get`] has it.
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        let key = Key::of(name.as_bytes());
        if self.present & key.bit() == 0 {
            return None;
        }
        let mut members = self.members.iter().rev();
        members
            .find(|(other, value)| *other == key && (key.is_whole() || value.is_named(name)))
            .map(|(_, value)| *value)
    }
}

/// The length of a name and seven bytes of it: all of a short one, the first four and the last three of a
/// longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key(u64);

impl Key {
    fn of(name: &[u8]) -> Self {
        let bytes = match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
                match name.len() {
                    // Where the two overlap they are the same.
                    len @ 4..8 => u64::from(first) | u64::from(last) << (8 * (len - 4)),
                    _ => u64::from(first) | u64::from(last >> 8) << 32,
                }
            }
            _ => name.iter().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)),
        };
        Self(bytes | (name.len().min(255) as u64) << 56)
    }

    /// Whether the key says all there is to say of the name.
    const fn is_whole(self) -> bool {
        self.0 >> 56 < 8
    }

    /// One of 64 bits, by a hash.
    const fn bit(self) -> u64 {
        1 << (self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::document::{Bounds, Document};

    proptest! {
        #[test]
        fn finds_what_a_walk_finds(
            members in prop::collection::vec("[ab\\\\]{0,3}(ab|abcd|abcdefgh|abcdxefgh)?", 0..24),
            asked in prop::collection::vec("[ab]{0,4}(ab|abcd|abcdefgh|abcdxefgh)?", 1..24),
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
