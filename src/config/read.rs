//! From the text of the configuration to its document, and from what is wrong with it to one line.

use crate::json::document::{Bounds, Document, Reason};

/// No configuration that people write comes near.
const BOUNDS: Bounds = Bounds { depth_max: 128, values_max: 1 << 20 };

/// Reads the text of a configuration; an empty one means `{}`.
///
/// # Errors
/// A sentence that says where it stops being JSON.
pub fn document(json: &str) -> Result<Document<'_>, String> {
    let json = if json.trim_ascii().is_empty() { "{}" } else { json };
    Document::parse(json, BOUNDS).map_err(|fault| {
        let before = json.get(..fault.offset).unwrap_or(json);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|char| *char != '\n').count() + 1;
        let reason = match fault.reason {
            Reason::Expected(words) => format!("there should be {words}"),
            Reason::Depth => format!("it is nested more than {} deep", BOUNDS.depth_max),
            Reason::Values => format!("it has more than {} values", BOUNDS.values_max),
        };
        format!("configuration: is no JSON: at line {line}, column {column} {reason}")
    })
}

/// The sentence goes into a log, and the names it quotes could hold a line break.
pub fn one_line(sentence: &str) -> String {
    let mut line = String::with_capacity(sentence.len());
    for character in sentence.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// What `read` makes of an object, for tests.
#[cfg(test)]
pub fn parsed<T>(
    at: &str,
    value: &serde_json::Value,
    read: impl FnOnce(crate::json::fields::Fields<'_>) -> T,
) -> T {
    let json = value.to_string();
    let document = document(&json).unwrap();
    read(crate::json::fields::Fields::of(at, document.root()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_found_by_line_and_column() {
        for (json, told) in [
            ("{", "line 1, column 2 there should be a member name in quotes"),
            ("{\n \"é\": x}", "line 2, column 7 there should be a value"),
        ] {
            let error = document(json).map(|_| ()).unwrap_err();
            assert_eq!(error, format!("configuration: is no JSON: at {told}"));
        }
        let deep = document(&"[".repeat(200)).map(|_| ()).unwrap_err();
        assert!(deep.ends_with("column 129 it is nested more than 128 deep"), "{deep}");
    }
}
