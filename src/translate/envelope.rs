//! What travels in `encrypted_content` of a reasoning item.
//!
//! The filter keeps nothing between requests. What an upstream wants back in a later turn, and no field
//! of a Responses item has room for, goes to the client in this opaque string, which clients replay
//! verbatim. It comes back from outside, so it is bounded and checked, and ignored when it is not
//! ours. It is not secret: base64 of JSON behind a version mark.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json;
use crate::json::document::{Bounds, Document, Kind, Value};

/// What an upstream wants back with a reasoning item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The field in which the upstream sent its reasoning, such as `reasoning_content`.
    pub field: Option<String>,
    /// The elements of `reasoning_details`, verbatim. JSON.
    pub details: Vec<String>,
    /// Call ids with the extra members of these calls, such as `{"extra_content":{…}}`. JSON.
    pub calls: Vec<(String, String)>,
}

impl Envelope {
    /// True when there is nothing to carry.
    pub fn is_empty(&self) -> bool {
        self.field.is_none() && self.details.is_empty() && self.calls.is_empty()
    }

    /// The string for `encrypted_content`.
    pub fn seal(&self) -> String {
        let mut inside = Vec::new();
        json::object(&mut inside, |o| {
            if let Some(field) = &self.field {
                o.str("f", field);
            }
            if !self.details.is_empty() {
                o.array("d", |list| self.details.iter().for_each(|d| list.raw(d.as_bytes())));
            }
            if !self.calls.is_empty() {
                o.array("c", |list| {
                    for (call_id, extra) in &self.calls {
                        json::array(list.element(), |pair| {
                            json::write_str(pair.element(), call_id);
                            pair.raw(extra.as_bytes());
                        });
                    }
                });
            }
        });
        format!("{MARK}{}", STANDARD.encode(inside))
    }

    /// What `seal` put in, or `None` when the string is not ours, damaged or larger than anything
    /// this filter would write.
    pub fn open(sealed: &str) -> Option<Self> {
        let body = sealed.strip_prefix(MARK).filter(|body| body.len() <= SEALED_BYTES_MAX)?;
        let inside = STANDARD.decode(body).ok()?;
        let document = Document::parse(std::str::from_utf8(&inside).ok()?, Bounds::USUAL).ok()?;
        let read = Some(document.root()).filter(|read| read.kind() == Kind::Object)?;
        let (details, calls) = (read.get("d"), read.get("c"));
        if [details, calls].iter().flatten().any(|list| list.kind() != Kind::Array) {
            return None;
        }
        let field = read.get("f").and_then(Value::decoded);
        let field = field.filter(|field| FIELDS.contains(&&**field)).map(Cow::into_owned);
        let mut envelope = Self { field, ..Self::default() };
        for detail in details.into_iter().flat_map(Value::elements) {
            envelope.details.push(detail.raw().to_owned());
        }
        for pair in calls.into_iter().flat_map(Value::elements) {
            envelope.calls.extend(call(pair)?);
        }
        let details_are_objects = envelope.details.iter().all(|detail| detail.starts_with('{'));
        (details_are_objects && envelope.details.len() + envelope.calls.len() <= PIECES_MAX)
            .then_some(envelope)
    }
}

/// A call id with extra members, which are left out unless they are an object of those that are
/// carried; `None` for what is no such pair.
fn call(pair: Value<'_>) -> Option<Option<(String, String)>> {
    let mut pair = pair.elements();
    let (call_id, extra) = (pair.next()?.decoded()?, pair.next()?);
    if pair.next().is_some() {
        return None;
    }
    let is_extra = extra.kind() == Kind::Object
        && extra.named_members().all(|(name, _)| EXTRA_MEMBERS.contains(&&*name));
    Some(is_extra.then(|| (call_id.into_owned(), extra.raw().to_owned())))
}

/// Version mark: foreign strings do not begin like this.
pub(super) const MARK: &str = "rf1.";

/// The fields reasoning is known to arrive in.
const FIELDS: &[&str] = &[
    "content_thinking",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "reasoning_text",
    "think_tags",
    "thinking",
];

/// Members of a tool call that are carried.
const EXTRA_MEMBERS: &[&str] = &["extra_content", "provider_specific_fields", "thought_signature"];

/// Length of the base64. Signatures take a few KiB each.
const SEALED_BYTES_MAX: usize = 4 << 20;

/// Details and calls of one answer.
const PIECES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            field: Some("reasoning_content".to_owned()),
            details: vec![r#"{"type":"reasoning.encrypted","data":"x/+="}"#.to_owned()],
            calls: vec![(
                "functions.run:0 \"é".to_owned(),
                r#"{"extra_content":{"google":{"thought_signature":"RW1Q"}}}"#.to_owned(),
            )],
        }
    }

    #[test]
    fn what_is_sealed_comes_back() {
        assert_eq!(Envelope::open(&envelope().seal()), Some(envelope()));
        assert!(Envelope::default().is_empty());
        assert_eq!(Envelope::open(&Envelope::default().seal()), Some(Envelope::default()));
    }

    #[test]
    fn foreign_and_damaged_strings_are_ignored() {
        let sealed = envelope().seal();
        let cut = sealed.get(..sealed.len() - 3).unwrap();
        for foreign in ["", "ENC123", "b64blob", "gAAAAABo", "rf1.", "rf1.!!", "rf1.bnVsbA==", cut]
        {
            assert_eq!(Envelope::open(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn only_known_members_are_trusted() {
        let forged = Envelope {
            field: Some("messages".to_owned()),
            details: Vec::new(),
            calls: vec![
                ("a".to_owned(), r#"{"function":{"name":"x"}}"#.to_owned()),
                ("b".to_owned(), "[]".to_owned()),
            ],
        };
        assert_eq!(Envelope::open(&forged.seal()), Some(Envelope::default()));
        let forged = Envelope { details: vec!["7".to_owned()], ..Envelope::default() };
        assert_eq!(Envelope::open(&forged.seal()), None);
    }

    #[test]
    fn size_is_bounded() {
        let detail = format!("{{\"data\":\"{}\"}}", "A".repeat(SEALED_BYTES_MAX));
        let large = Envelope { details: vec![detail], ..Envelope::default() };
        assert_eq!(Envelope::open(&large.seal()), None);
        let many =
            Envelope { details: vec!["{}".to_owned(); PIECES_MAX + 1], ..Envelope::default() };
        assert_eq!(Envelope::open(&many.seal()), None);
    }
}
