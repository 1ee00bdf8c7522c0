//! The published JSON Schema and the parser agree, and a refused configuration says what is wrong.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "config/refused.rs"]
mod refused;

use std::collections::BTreeSet;

use jsonschema::Validator;
use responses_filter::config::Config;
use responses_filter::dialect::presets;
use serde_json::{Map, Value, json};

fn schema() -> Value {
    serde_json::from_str(include_str!("../docs/configuration.schema.json")).expect("JSON")
}

/// The fields of the dialect, and what they are for an unknown upstream.
fn generic() -> Map<String, Value> {
    let json = presets::json("generic").expect("the generic preset");
    serde_json::from_str(&json).expect("an object")
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).expect("a valid schema")
}

/// Configurations that work, one or more for each field.
fn accepted() -> Vec<Value> {
    vec![
        json!({}),
        json!({"hold_headers": false, "keep_alive_seconds": 0, "strictness": "strict"}),
        json!({"refusals": "text", "reasoning_output": "text", "filter_state": false}),
        json!({"metrics": false, "model_list": "configured"}),
        json!({"model_list": "pass", "model_header": null, "upstream_header": "X-Upstream"}),
        json!({"model_header": "", "upstream_header": null}),
        json!({"limits": {"request_bytes_max": 1, "depth_max": 10}}),
        json!({"keep_alive_seconds": 15.0, "limits": {"output_bytes_max": 6.7108864e7}}),
        json!({"upstreams": {"default": {}}}),
        json!({"upstreams": {"a-B_1": {"preset": "vllm", "path": "/x/y?z=1", "wire": "responses"}}}),
        json!({"upstreams": {"a": {"path": null, "stream": "never"}, "b": {"stream": "always"}}}),
        json!({"upstreams": {"a": {"dialect": {"include_usage": null, "extra_body": {"x": [1]},
            "effort_values": ["high"], "extra_params": ["user"], "text_tool_calls": ["hermes"]}}}}),
        json!({"upstreams": {"a": {"headers": {"X-Api-Version": "2024 10", "x-old": null, "x": ""}}}}),
        json!({"upstreams": {"a": {"models": {"gpt-5": "q", "*": "q", "a/*": "*", "b*c": "d-*-e"}}}}),
        json!({"upstreams": {"a": {"default_model": "q", "strictness": "strict",
            "keep_alive_seconds": 5, "limits": {"tools_max": 7}}}}),
        json!({"upstreams": {"a": {"default_model": null, "strictness": null,
            "keep_alive_seconds": null}}}),
        json!({"rules": []}),
        json!({"rules": [{"route": "r", "upstream": "default"}]}),
        json!({"upstreams": {"a": {}}, "rules": [
            {"host": "*.example.com", "model": "gpt-*", "cluster": null, "upstream": "a"}]}),
        json!({"catalog": {"*": {"context_window": 8192, "base_instructions": "Be brief."}, "m": {}}}),
        json!({"catalog": {"m": {"apply_patch_tool_type": "freeform", "auto_compact_token_limit": 1,
            "default_reasoning_level": "low", "default_verbosity": "low", "description": "d",
            "display_name": "n", "effective_context_window_percent": 95, "priority": -1,
            "input_modalities": ["text", "image", "audio"], "max_context_window": 1,
            "shell_type": "disabled", "support_verbosity": true, "visibility": "hide",
            "supported_reasoning_levels": ["low"], "supports_image_detail_original": true,
            "supports_parallel_tool_calls": false, "supports_search_tool": true,
            "truncation_policy": {"mode": "bytes", "limit": 1}, "web_search_tool_type": "text"}}}),
        json!({"catalog": {"m": {"context_window": null}}}),
        json!({"_rules_": [{"_match_route_": ["r"], "strictness": "strict"}]}),
        json!({"hold_headers": false, "_rules_": [
            {"_match_domain_": ["*.a", "b.*", "c"], "upstreams": {"default": {"preset": "glm"}}},
            {"_match_service_": ["s.dns", "s.static:80"], "_match_route_prefix_": null},
            {"_match_route_prefix_": ["llm-"]}]}),
        json!({"_rules_": null}),
    ]
}

#[test]
fn schema_and_parser_accept_the_same() {
    let validator = validator();
    for configuration in accepted() {
        if let Err(error) = Config::parse(&configuration.to_string()) {
            panic!("{configuration}: {error}");
        }
        if let Err(error) = validator.validate(&configuration) {
            panic!("{configuration}: the schema says {error} at {}", error.instance_path());
        }
    }
}

#[test]
fn what_only_the_parser_sees() {
    for (configuration, message) in [
        (
            json!({"rules": [{"model": "m", "upstream": "b"}]}),
            "rules[0].upstream: `b` is no name in upstreams; add it there",
        ),
        (
            json!({"upstreams": {"a": {"headers": {"X-A": "1", "x-a": "2"}}}}),
            "upstreams.a.headers: has `x-a` twice",
        ),
    ] {
        let error = Config::parse(&configuration.to_string()).unwrap_err();
        assert!(error.starts_with(message), "{error}");
        assert!(validator().is_valid(&configuration));
    }
}

#[test]
fn a_refused_value_that_may_be_a_secret_is_not_quoted() {
    for headers in [json!({"x-key": "hush\u{7f}"}), json!("x-key: hush"), json!(["hush"])] {
        let json = json!({"upstreams": {"a": {"headers": headers}}}).to_string();
        assert!(!Config::parse(&json).unwrap_err().contains("hush"));
    }
}

#[test]
fn errors_never_break_the_line_of_a_log() {
    for json in [
        r#"{"a\nb":1}"#,
        r#"{"upstreams":{"a\r\nb":{"preset":"nobody"}}}"#,
        r#"{"upstreams":{"a":{"preset":"no\u0085\u001b[31mbody"}}}"#,
        r#"{"_rules_":[{"_match_route_":["r"],"\n":1}]}"#,
    ] {
        let error = Config::parse(json).unwrap_err();
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}

fn names(properties: &Value) -> BTreeSet<&str> {
    properties.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// The fields that the parser lists when it meets an unknown one.
fn known(configuration: &Value) -> BTreeSet<String> {
    let message = Config::parse(&configuration.to_string()).expect_err("an unknown field");
    let (_, expected) = message.split_once("known are ").unwrap_or_else(|| panic!("{message}"));
    expected.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_schema_has_every_field_and_no_other() {
    let schema = schema();
    for (definition, configuration) in [
        ("configuration", json!({"?": 1})),
        ("upstream", json!({"upstreams": {"a": {"?": 1}}})),
        ("limits", json!({"limits": {"?": 1}})),
        ("rule", json!({"rules": [{"?": 1}]})),
        ("model", json!({"catalog": {"m": {"?": 1}}})),
    ] {
        let known = known(&configuration);
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        assert_eq!(names(&schema["$defs"][definition]["properties"]), known, "{definition}");
    }
    let dialect = Value::Object(generic());
    assert_eq!(names(&schema["$defs"]["dialect"]["properties"]), names(&dialect));
    let presets = &schema["$defs"]["upstream"]["properties"]["preset"]["enum"];
    assert_eq!(*presets, json!(presets::names()));
}

#[test]
fn the_schema_takes_the_words_and_types_of_the_dialect() {
    let validator = validator();
    let fields = generic();
    let configured =
        |field: &str, value: &Value| json!({"upstreams": {"a": {"dialect": {field: value}}}});
    for (field, default) in &fields {
        let wrong = match default {
            Value::Array(_) => json!([17]),
            Value::Bool(_) => json!("?"),
            Value::Object(_) => json!([]),
            _ => json!("?"),
        };
        let Err(message) = Config::parse(&configured(field, &wrong).to_string()) else {
            panic!("{field}: {wrong} is accepted")
        };
        assert!(!validator.is_valid(&configured(field, &wrong)), "{field}");
        assert!(validator.is_valid(&configured(field, default)), "{field}: {default}");
        let words = message.split_once("; takes ").map_or("", |(_, words)| words);
        for word in words.split(", ").filter(|_| default.is_string()) {
            assert!(validator.is_valid(&configured(field, &json!(word))), "{field}: {word}");
        }
    }
}

/// Each preset of the code is a valid profile, and the schema knows it.
#[test]
fn presets_are_accepted_by_both() {
    let validator = validator();
    for preset in presets::names() {
        let configuration = json!({"upstreams": {"default": {"preset": preset}}});
        assert!(Config::parse(&configuration.to_string()).is_ok(), "{preset}");
        assert!(validator.is_valid(&configuration), "{preset}");
    }
}
