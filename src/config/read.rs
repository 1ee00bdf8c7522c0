//! From JSON to typed fields, with errors that name the field.

use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

/// Reads an object whose fields are those of `T`.
///
/// # Errors
/// A sentence that begins with the path of the field at fault.
pub fn object<T: DeserializeOwned>(at: &str, object: &Map<String, Value>) -> Result<T, String> {
    let whole = |object: &Map<String, Value>| T::deserialize(Value::Object(object.clone()));
    whole(object).map_err(|error| {
        // Errors about values do not name the field, so each one is tried by itself. What an empty
        // object lacks, every one of them lacks.
        let complaint = |object: &Map<String, Value>| whole(object).err().map(|e| e.to_string());
        let lacking = complaint(&Map::new());
        let wrong = object.iter().find(|(name, value)| {
            let alone = Map::from_iter([((*name).clone(), (*value).clone())]);
            complaint(&alone).is_some_and(|complaint| Some(complaint) != lacking)
        });
        let error = in_words_of_json(&error.to_string());
        match wrong {
            Some((name, _)) => format!("{}: {error}", path(at, name)),
            None if at.is_empty() => format!("configuration: {error}"),
            None => format!("{at}: {error}"),
        }
    })
}

/// What the parser calls a thing, and what it is called in JSON.
const TYPES: [(&str, &str); 9] = [
    ("a map", "an object"),
    ("a sequence", "a list"),
    ("i32", "a whole number"),
    ("string or map", "a string"),
    ("u32", "a whole number, at most 4294967295"),
    ("u64", "a whole number, 0 or more"),
    ("u8", "a whole number, at most 255"),
    ("usize", "a whole number, 1 or more"),
    ("unit", "null"),
];

/// A message of the parser without the names that types have in Rust.
pub fn in_words_of_json(message: &str) -> String {
    let (found, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let value = found.strip_prefix("invalid type: ").or(found.strip_prefix("invalid value: "));
    let found = match value {
        None => return message.to_owned(),
        Some("map") => "is an object".to_owned(),
        Some("sequence") => "is a list".to_owned(),
        // It may be a header's value.
        Some(text) if text.starts_with("string ") => "is a string".to_owned(),
        Some(value) => match value.split_once(" `") {
            Some(("integer" | "floating point", number)) => format!("is the number `{number}"),
            _ => format!("is {}", value.replace('`', "")),
        },
    };
    let known = TYPES.iter().find(|(rust, _)| *rust == expected);
    format!("{found}; takes {}", known.map_or(expected, |(_, json)| json))
}

/// The members of a value that must be an object.
///
/// # Errors
/// A sentence that begins with the path of the value.
pub fn members<'v>(at: &str, value: &'v Value) -> Result<&'v Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{at}: takes an object"))
}

/// The elements of a value that must be a list, or absent.
///
/// # Errors
/// A sentence that begins with the path of the value.
pub fn list<'v>(at: &str, value: Option<&'v Value>) -> Result<&'v [Value], String> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(elements)) => Ok(elements),
        Some(_) => Err(format!("{at}: takes a list")),
    }
}

/// The path of a field below `at`, which is empty at the top.
pub fn path(at: &str, field: &str) -> String {
    if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") }
}

/// Whole numbers that were written with a point or an exponent, as Kubernetes controllers do after
/// they have kept a configuration as protobuf, become integers.
pub fn with_integers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // Above 2^53 not every integer is a double, so such a number is left as it is.
            const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
            if number.as_u64().is_none()
                && let Some(float) = number.as_f64()
                && float.fract() == 0.0
                && (0.0..EXACT_MAX).contains(&float)
            {
                *number = Number::from(float as u64);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(with_integers),
        Value::Object(members) => members.values_mut().for_each(with_integers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_speak_of_json() {
        for (message, plain) in [
            ("invalid type: map, expected a sequence", "is an object; takes a list"),
            ("invalid type: null, expected a boolean", "is null; takes a boolean"),
            ("invalid type: boolean `true`, expected a string", "is boolean true; takes a string"),
            (
                "invalid value: integer `-1`, expected u64",
                "is the number `-1`; takes a whole number, 0 or more",
            ),
            (r#"invalid type: string ", expected u8", expected f64"#, "is a string; takes f64"),
            ("unknown field `x`, expected `y`", "unknown field `x`, expected `y`"),
            ("missing field `y`", "missing field `y`"),
        ] {
            assert_eq!(in_words_of_json(message), plain);
        }
    }

    #[test]
    fn whole_numbers_become_integers_and_others_stay() {
        let mut value =
            json!({"a": 15.0, "b": [6.7108864e7], "c": 1.5, "d": -2.0, "e": 3, "f": 1e300});
        with_integers(&mut value);
        assert_eq!(
            value,
            json!({"a": 15, "b": [67108864], "c": 1.5, "d": -2.0, "e": 3, "f": 1e300})
        );
    }
}
