//! Ids of tool calls in the form an upstream takes.
//!
//! An id is opaque to clients and most upstreams, so it stays as it is where it can. What is made
//! instead depends on the id alone: the call and its output get the same one, in every turn.

use std::collections::BTreeMap;

use crate::ids::hash;
use crate::json::JsonText;

use super::ToolCallId;

/// The ids of the calls in one message, which must differ.
#[derive(Debug)]
pub struct CallIds {
    form: ToolCallId,
    /// How often each id has come.
    seen: BTreeMap<String, u64>,
}

impl CallIds {
    /// No call yet.
    pub fn new(form: ToolCallId) -> Self {
        Self { form, seen: BTreeMap::new() }
    }

    /// The id of the next call.
    pub fn next<'d>(&mut self, id: &JsonText<'d>) -> JsonText<'d> {
        let count = self.seen.entry(id.decode().into_owned()).or_default();
        *count += 1;
        Self::of_repeat(*count - 1, self.form, id)
    }

    /// The id of a call that is the only one.
    pub fn only<'d>(form: ToolCallId, id: &JsonText<'d>) -> JsonText<'d> {
        Self::of_repeat(0, form, id)
    }

    fn of_repeat<'d>(repeat: u64, form: ToolCallId, id: &JsonText<'d>) -> JsonText<'d> {
        let decoded = id.decode();
        if repeat == 0 && fits(&decoded, form) {
            return id.clone();
        }
        let hash = hash(decoded.as_bytes(), repeat);
        let made = match form {
            ToolCallId::Mistral9 => base62(hash),
            ToolCallId::Pass => {
                format!("{}_{hash:016x}", if decoded.is_empty() { "call" } else { &*decoded })
            }
            ToolCallId::Claude => {
                let clean: String =
                    decoded.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
                format!("{}_{hash:016x}", clean.get(..PLAIN_KEPT).unwrap_or(&clean))
            }
        };
        JsonText::encode(&made).into_owned()
    }
}

fn fits(id: &str, form: ToolCallId) -> bool {
    match form {
        ToolCallId::Pass => !id.is_empty(),
        ToolCallId::Mistral9 => id.len() == 9 && id.chars().all(|c| c.is_ascii_alphanumeric()),
        ToolCallId::Claude => !id.is_empty() && id.len() <= PLAIN_MAX && id.chars().all(is_plain),
    }
}

const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Nine characters: 53 bits of the hash.
fn base62(mut hash: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digit = || {
        let digit = DIGITS.get((hash % 62) as usize).copied().unwrap_or(b'0');
        hash /= 62;
        char::from(digit)
    };
    std::iter::repeat_with(&mut digit).take(9).collect()
}

const PLAIN_MAX: usize = 64;

/// Leaves room for an underscore and the hash.
const PLAIN_KEPT: usize = PLAIN_MAX - 17;

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(form: ToolCallId, ids: &[&str]) -> Vec<String> {
        let mut forms = CallIds::new(form);
        ids.iter().map(|id| forms.next(&JsonText::encode(id)).decode().into_owned()).collect()
    }

    #[test]
    fn ids_stay_where_they_can() {
        let kept = ["functions.run:0", "call a/+=", "é"];
        assert_eq!(ids(ToolCallId::Pass, &kept), kept);
        assert_eq!(ids(ToolCallId::Mistral9, &["aB3dE6gH9"]), ["aB3dE6gH9"]);
        assert_eq!(ids(ToolCallId::Claude, &["toolu_01-x"]), ["toolu_01-x"]);
    }

    #[test]
    fn other_ids_are_made_alike_every_time() {
        for form in [ToolCallId::Mistral9, ToolCallId::Claude] {
            let long = "x".repeat(80);
            let made = ids(form, &["call_1", "functions.run:0", "", &long, "a b", "a_b"]);
            assert_eq!(made, ids(form, &["call_1", "functions.run:0", "", &long, "a b", "a_b"]));
            for id in &made {
                assert!(fits(id, form), "{id}");
                assert_eq!(made.iter().filter(|other| *other == id).count(), 1, "{id}");
            }
        }
    }

    #[test]
    fn repeated_and_empty_ids_become_distinct() {
        for form in [ToolCallId::Pass, ToolCallId::Mistral9, ToolCallId::Claude] {
            let mut made = ids(form, &["", "", "a", "a", "a"]);
            assert!(made.iter().all(|id| !id.is_empty()));
            made.sort_unstable();
            made.dedup();
            assert_eq!(made.len(), 5);
        }
    }
}
