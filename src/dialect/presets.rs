//! The presets: what is known of each upstream, as data.
//!
//! `presets.json` holds one record per upstream. `generic` is whole and is what an unknown upstream
//! gets; every other record says only what differs from it, or from the record it `extends`.

use serde_json::{Map, Value};

use super::Dialect;

const PRESETS: &str = include_str!("presets.json");

/// Parameters that `extra_params` may name.
const EXTRA_PARAMS: &[&str] = &[
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "store",
    "user",
    "verbosity",
];

/// Members of the request body that `extra_body` may not replace, because answers are read by them.
const OWN_BODY: &[&str] = &["messages", "model", "n", "stream", "tools"];

/// The preset of this name with `overrides` laid over it, key by key.
///
/// # Errors
/// A sentence that names the preset or the field, what is wrong with it and what it takes.
pub fn load(preset: &str, overrides: &Map<String, Value>) -> Result<Dialect, String> {
    let presets = parse()?;
    let mut record = whole(&presets, preset)?;
    let mut dialect = read(&record)?;
    for (key, value) in overrides {
        if value.is_null() {
            continue;
        }
        if !record.contains_key(key) {
            let known: Vec<&str> = record.keys().map(String::as_str).collect();
            return Err(format!("dialect.{key}: unknown field; known are {}", known.join(", ")));
        }
        record.insert(key.clone(), value.clone());
        dialect = read(&record).map_err(|reason| format!("dialect.{key}: {reason}"))?;
    }
    check(&dialect)?;
    Ok(dialect)
}

/// The names of all presets, in the order of the data.
pub fn names() -> Vec<String> {
    parse().map(|presets| presets.keys().cloned().collect()).unwrap_or_default()
}

fn parse() -> Result<Map<String, Value>, String> {
    serde_json::from_str(PRESETS).map_err(|error| format!("presets: {error}"))
}

/// The record of a preset with everything it inherits.
fn whole(presets: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, String> {
    let Some(Value::Object(own)) = presets.get(name) else {
        let known: Vec<&str> = presets.keys().map(String::as_str).collect();
        return Err(format!("preset: unknown name `{name}`; known are {}", known.join(", ")));
    };
    let mut record = match own.get("extends").and_then(Value::as_str) {
        Some(base) => whole(presets, base)?,
        None if name == "generic" => Map::new(),
        None => whole(presets, "generic")?,
    };
    record.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
    record.remove("extends");
    Ok(record)
}

fn read(record: &Map<String, Value>) -> Result<Dialect, String> {
    serde_json::from_value(Value::Object(record.clone())).map_err(|error| error.to_string())
}

fn check(dialect: &Dialect) -> Result<(), String> {
    if let Some(name) = dialect.extra_params.iter().find(|name| !EXTRA_PARAMS.contains(&&***name)) {
        let known = EXTRA_PARAMS.join(", ");
        return Err(format!("dialect.extra_params: unknown parameter `{name}`; takes {known}"));
    }
    if let Some(name) = OWN_BODY.iter().find(|name| dialect.extra_body.contains_key(**name)) {
        return Err(format!("dialect.extra_body: `{name}` belongs to the translation; remove it"));
    }
    if dialect.effort_values.is_empty() {
        return Err("dialect.effort_values: is empty; name at least one effort, \
                    or set reasoning_param to none"
            .to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dialect::{MaxTokensField, ReasoningParam};

    fn with(preset: &str, overrides: Value) -> Result<Dialect, String> {
        load(preset, overrides.as_object().unwrap())
    }

    #[test]
    fn every_preset_is_whole_and_valid() {
        for name in names() {
            with(&name, json!({})).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn a_preset_inherits_and_is_overridden() {
        let azure =
            with("azure", json!({"reasoning_param": "none", "include_usage": null})).unwrap();
        assert_eq!(azure.max_tokens_field, MaxTokensField::MaxCompletionTokens);
        assert_eq!(azure.extra_params, ["parallel_tool_calls"]);
        assert_eq!(azure.reasoning_param, ReasoningParam::None);
        assert!(azure.include_usage);
    }

    #[test]
    fn errors_name_the_field_and_what_it_takes() {
        for (preset, overrides, message) in [
            ("opnai", json!({}), "preset: unknown name `opnai`; known are generic, openai, azure"),
            (
                "generic",
                json!({"reasoning_param": "foo"}),
                "dialect.reasoning_param: unknown word `foo`; takes none, effort, reasoning_obj",
            ),
            (
                "generic",
                json!({"schema": 3}),
                "dialect.schema: `3` is not a word; takes plain, gemini, kimi",
            ),
            ("generic", json!({"include_usage": "yes"}), "dialect.include_usage: invalid type"),
            ("generic", json!({"temperature": 1}), "dialect.temperature: unknown field; known are"),
            (
                "generic",
                json!({"extra_params": ["seed"]}),
                "dialect.extra_params: unknown parameter `seed`; takes metadata,",
            ),
            ("generic", json!({"extra_body": {"stream": false}}), "dialect.extra_body: `stream`"),
            ("generic", json!({"effort_values": []}), "dialect.effort_values: is empty"),
        ] {
            let error = with(preset, overrides).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
