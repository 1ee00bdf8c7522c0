//! JSON values of the wrong kind.
//!
//! Upstreams disagree about the type of nearly every field, and one odd value must not cost the rest
//! of its event: [`object`] and [`objects`] take what is there in the expected shape and nothing else.
//! Of members with one name the last one counts.

use crate::json::document::{Kind, Value};

/// A JSON value as it came; `null` counts as absent.
pub type Raw<'d> = Option<Value<'d>>;

/// Some members of an object, by name; see [`members!`](crate::chat::lenient::members).
pub trait Members<'d>: Default {
    /// Takes the value of a member. False for one that nobody asks for, which is left.
    fn set(&mut self, name: &str, value: Raw<'d>) -> bool;
}

/// Declares structs for the members of an object that are read, each by its name or by the one in
/// brackets behind it.
macro_rules! members {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$doc:meta])* $field_vis:vis $field:ident $(($member:literal))?,)*
        }
    )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default)]
        $vis struct $name<'d> {
            $($(#[$doc])* $field_vis $field: $crate::chat::lenient::Raw<'d>,)*
        }

        impl<'d> $crate::chat::lenient::Members<'d> for $name<'d> {
            fn set(&mut self, name: &str, value: $crate::chat::lenient::Raw<'d>) -> bool {
                match name {
                    $($crate::chat::lenient::members!(@name $field $($member)?) => self.$field = value,)*
                    _ => return false,
                }
                true
            }
        }
    )+};
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $member:literal) => { $member };
}

pub(crate) use members;

/// The members of an object; nothing when the value is of another kind.
pub fn object<'d, T: Members<'d>>(raw: Raw<'d>) -> Option<T> {
    let object = raw.filter(|value| value.kind() == Kind::Object)?;
    let mut members = T::default();
    for (name, value) in object.named_members() {
        members.set(&name, Some(value).filter(|value| !value.is_null()));
    }
    Some(members)
}

/// The objects in a list, or the one that stands in its place.
pub fn objects<'d>(raw: Raw<'d>) -> impl Iterator<Item = Value<'d>> + Clone {
    let alone = raw.filter(|value| value.kind() == Kind::Object);
    let listed = raw.into_iter().flat_map(Value::elements);
    alone.into_iter().chain(listed.filter(|value| value.kind() == Kind::Object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::document::{Bounds, Document};

    members! {
        struct Id {
            id,
            kind("type"),
        }
    }

    /// The ids in one object and in a list of them.
    fn ids(json: &str) -> (Option<String>, Vec<String>) {
        let bounds = Bounds { depth_max: 9, values_max: 99 };
        let document = Document::parse(json, bounds).unwrap();
        let raw = Some(document.root());
        let id = |object: Id<'_>| Some(object.id?.raw().to_owned());
        let listed = objects(raw).filter_map(|value| id(object(Some(value))?));
        (object(raw).and_then(id), listed.collect())
    }

    #[test]
    fn values_of_unexpected_kinds_are_absent() {
        for json in ["null", "[]", "7", "-1", "1.5", "\"x\"", "true", "[[1]]", r#"{"type":1}"#] {
            assert_eq!(ids(json), (None, Vec::new()), "{json}");
        }
    }

    #[test]
    fn objects_are_taken_from_wherever_they_stand() {
        assert_eq!(ids(r#"{"id":1,"id":null,"\u0069d":2}"#), (Some("2".into()), vec!["2".into()]));
        let json = r#"[null,{"id":1},"x",{"id":2},{"id":null},{"id":3}]"#;
        assert_eq!(ids(json), (None, vec!["1".into(), "2".into(), "3".into()]));
    }
}
