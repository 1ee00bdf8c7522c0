//! JSON values of the wrong kind.
//!
//! Upstreams disagree about the type of nearly every field, and one odd value must not cost the rest
//! of its event: [`Maybe`] and [`Several`] take what is there in the expected shape and nothing else.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value as it came; `null` counts as absent.
pub type Raw<'a> = Option<&'a RawValue>;

/// An object, or nothing when the value is of another kind: `null`, `[]`, a string.
#[derive(Clone, Copy, Debug)]
pub struct Maybe<T>(pub Option<T>);

/// The objects of a list, or nothing when the value is no list. One object costs no allocation.
#[derive(Debug)]
pub struct Several<T> {
    first: Option<T>,
    rest: Vec<T>,
}

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self { first: None, rest: Vec::new() }
    }
}

impl<T> Several<T> {
    /// The objects in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.rest)
    }

    /// True when there is no object.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// Reads any JSON value.
pub(super) fn read<'de, T: Lenient<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(Shape(PhantomData))
}

/// What becomes of the JSON kinds that carry something; all others become the default.
pub(super) trait Lenient<'de>: Default {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for Maybe<T> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Self(Some(object)))
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for Several<T> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let first = T::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self { first: Some(first), rest: Vec::new() })
    }

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut objects = Self::default();
        while let Some(Maybe(object)) = seq.next_element::<Maybe<T>>()? {
            match object {
                Some(object) if objects.first.is_none() => objects.first = Some(object),
                object => objects.rest.extend(object),
            }
        }
        Ok(objects)
    }
}

struct Shape<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for Shape<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::from_seq(seq)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<T, E> {
        Ok(T::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Id {
        id: u8,
    }

    #[test]
    fn w4_values_of_other_kinds_are_absent() {
        for json in ["null", "[]", "7", "-1", "1.5", "\"x\"", "true", "[1,[{}]]"] {
            let maybe: Maybe<Id> = serde_json::from_str(json).unwrap();
            let several: Several<Id> = serde_json::from_str(json).unwrap();
            assert!(maybe.0.is_none() && several.is_empty(), "{json}");
        }
        assert_eq!(serde_json::from_str::<Maybe<Id>>(r#"{"id":1}"#).unwrap().0, Some(Id { id: 1 }));
    }

    #[test]
    fn lists_keep_their_order_and_lose_what_is_no_object() {
        for (json, expected) in
            [(r#"[null,{"id":1},"x",{"id":2},{"id":3}]"#, &[1, 2, 3][..]), (r#"{"id":1}"#, &[1])]
        {
            let several: Several<Id> = serde_json::from_str(json).unwrap();
            assert_eq!(several.iter().map(|id| id.id).collect::<Vec<_>>(), expected);
        }
    }
}
