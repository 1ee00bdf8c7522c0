//! The pages of `docs` agree with the code: `configuration.md` documents every option with every value,
//! and no other.
//!
//! The options are asked of the code: a word it cannot know makes it say which ones it takes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "docs/pages.rs"]
mod pages;

use responses_filter::config::{Config, Limits};
use responses_filter::dialect::{Dialect, presets};
use serde_json::{Map, Value, json};

const PAGE: &str = include_str!("../docs/configuration.md");

/// The rows of the tables under a heading (up to the next of its level), as cells.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let level = heading.split(' ').next().expect("a heading");
    let start = PAGE.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let section = &PAGE[start + 1 + heading.len()..];
    let end = section.find(&format!("\n{level} ")).unwrap_or(section.len());
    section[..end]
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// The only row whose first cell is this word.
fn row(rows: &[Vec<&'static str>], name: &str) -> Vec<&'static str> {
    let first = format!("`{name}`");
    let mut found = rows.iter().filter(|row| row[0] == first);
    let row = found.next().unwrap_or_else(|| panic!("{first} is not documented")).clone();
    assert!(found.next().is_none(), "{first} is documented twice");
    row
}

fn names(rows: &[Vec<&'static str>]) -> Vec<String> {
    let mut names: Vec<_> = rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    names.sort();
    names
}

fn sorted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort();
    names
}

/// The names at the end of a message such as "unknown field; known are a, b".
fn known_fields(configuration: &Value) -> Vec<String> {
    let message = Config::parse(&configuration.to_string()).expect_err("an unknown field");
    let (_, expected) = message.split_once("known are ").unwrap_or_else(|| panic!("{message}"));
    sorted(expected.split(", ").map(str::to_owned))
}

/// Fails unless the cell holds each of these words in backquotes.
fn assert_words(field: &str, cell: &str, words: &[String]) {
    for word in words {
        assert!(cell.contains(&format!("`{word}`")), "{field} takes {word}: {cell}");
    }
}

#[test]
fn every_field_of_the_configuration_is_documented() {
    assert_eq!(names(&rows("## The filter")), known_fields(&json!({"?": 1})));
    let profile = json!({"upstreams": {"default": {"?": 1}}});
    assert_eq!(names(&rows("## Upstreams")), known_fields(&profile));
    assert_eq!(names(&rows("## Limits")), known_fields(&json!({"limits": {"?": 1}})));
    assert_eq!(names(&rows("## Rules")), known_fields(&json!({"rules": [{"?": 1}]})));
    assert_eq!(names(&rows("## Catalog")), known_fields(&json!({"catalog": {"m": {"?": 1}}})));
}

#[test]
fn the_words_and_defaults_of_the_filter_are_documented() {
    let rows = rows("## The filter");
    for field in ["strictness", "refusals", "reasoning_output", "model_list", "keep_alive"] {
        let message =
            Config::parse(&json!({ (field): "?" }).to_string()).expect_err("a wrong word");
        let words = taken(&message);
        assert!(words.len() > 1, "{message}");
        assert_words(field, row(&rows, field)[1], &words);
    }
    let config = Config::parse("{}").expect("a valid configuration");
    assert_eq!(row(&rows, "keep_alive_seconds")[2], format!("`{}`", config.keep_alive_seconds));
    assert_eq!(row(&rows, "hold_headers")[2], format!("`{}`", config.hold_headers));
    for (field, default) in [
        ("strictness", format!("{:?}", config.strictness)),
        ("refusals", format!("{:?}", config.refusals)),
        ("reasoning_output", format!("{:?}", config.reasoning_output)),
        ("model_list", format!("{:?}", config.model_list)),
        ("keep_alive", format!("{:?}", config.keep_alive)),
        ("filter_state", config.filter_state.to_string()),
        ("metrics", config.metrics.to_string()),
        ("model_header", config.model_header.clone().expect("a header")),
        ("upstream_header", config.upstream_header.clone().expect("a header")),
    ] {
        assert_eq!(row(&rows, field)[2], format!("`{}`", default.to_lowercase()), "{field}");
    }
}

#[test]
fn the_defaults_of_limits_are_documented() {
    // `Limits` is only read from JSON; its debug form is the one list of its fields and values.
    let limits = format!("{:?}", Limits::default());
    let (_, fields) = limits.split_once('{').expect("a struct");
    let rows = rows("## Limits");
    for field in fields.trim_matches(['}', ' ']).split(", ") {
        let (name, value) = field.split_once(": ").expect("a field");
        assert_eq!(row(&rows, name)[2], format!("`{value}`"), "{name}");
    }
}

#[test]
fn every_field_of_the_dialect_is_documented() {
    let json = presets::json("generic").expect("the generic preset");
    let fields: Map<String, Value> = serde_json::from_str(&json).expect("an object");
    let rows = rows("## Dialect");
    assert_eq!(names(&rows), sorted(fields.keys().cloned()));
    for (field, value) in &fields {
        let row = row(&rows, field);
        let default = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(row[2], format!("`{default}`"), "the default of {field}");
        assert_words(field, row[1], &words(field, value));
    }
}

/// The words that a field of the dialect takes.
fn words(field: &str, value: &Value) -> Vec<String> {
    let wrong = match value {
        Value::Bool(_) => return vec!["true".to_owned(), "false".to_owned()],
        Value::Object(_) => return Vec::new(),
        Value::Array(_) => json!(["?"]),
        _ => json!("?"),
    };
    let overrides = json!({ (field): wrong }).to_string();
    let Err(message) = Dialect::new("generic", &overrides) else { return Vec::new() };
    taken(&message)
}

/// The words at the end of a message such as "unknown word `x`; takes a, b".
fn taken(message: &str) -> Vec<String> {
    let words = message.split_once("takes ").map_or("", |(_, words)| words);
    words.split(", ").filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[test]
fn every_preset_is_documented() {
    assert_eq!(names(&rows("## Presets")), sorted(presets::names()));
}
