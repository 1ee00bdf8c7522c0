//! Configurations that are refused: one or more for each field of the schema, and what the log says.

use std::collections::BTreeSet;
use std::path::Path;

use responses_filter::config::Config;
use serde_json::{Value, json};

use crate::{generic, names, schema, validator};

/// The field at fault and a configuration.
type Case = (String, Value);

fn cases() -> Vec<Case> {
    let explicit = [of_the_filter(), of_upstreams(), of_rules(), of_catalogs(), of_scopes()];
    let explicit = explicit.concat().into_iter().map(|(field, value)| (field.to_owned(), value));
    explicit.chain(of_limits()).chain(of_dialects()).collect()
}

fn of_the_filter() -> Vec<(&'static str, Value)> {
    vec![
        ("configuration", json!([])),
        ("hold_header", json!({"hold_header": true})),
        ("hold_headers", json!({"hold_headers": "yes"})),
        ("keep_alive_seconds", json!({"keep_alive_seconds": -1})),
        ("keep_alive_seconds", json!({"keep_alive_seconds": 1.5})),
        ("strictness", json!({"strictness": "very"})),
        ("refusals", json!({"refusals": "no"})),
        ("reasoning_output", json!({"reasoning_output": null})),
        ("model_list", json!({"model_list": "off"})),
        ("keep_alive", json!({"keep_alive": "always"})),
        ("filter_state", json!({"filter_state": 1})),
        ("metrics", json!({"metrics": "no"})),
        ("model_header", json!({"model_header": "x y"})),
        ("model_header", json!({"model_header": ":path"})),
        ("upstream_header", json!({"upstream_header": "Host"})),
        ("upstream_header", json!({"upstream_header": 1})),
        ("limits", json!({"limits": []})),
        ("limits.output_bytes", json!({"limits": {"output_bytes": 1}})),
        ("upstreams", json!({"upstreams": []})),
        ("rules", json!({"rules": {}})),
        ("catalog", json!({"catalog": []})),
    ]
}

fn of_upstreams() -> Vec<(&'static str, Value)> {
    let upstream = |fields: Value| json!({"upstreams": {"a": fields}});
    vec![
        ("upstreams.a b", json!({"upstreams": {"a b": {}}})),
        ("upstreams.", json!({"upstreams": {"": {}}})),
        ("upstreams.a", upstream(json!(1))),
        ("upstreams.a.presets", upstream(json!({"presets": "x"}))),
        ("upstreams.a.preset", upstream(json!({"preset": "nobody"}))),
        ("upstreams.a.dialect", upstream(json!({"dialect": "vllm"}))),
        ("upstreams.a.dialect.x", upstream(json!({"dialect": {"x": 1}}))),
        ("upstreams.a.dialect.extra_body", upstream(json!({"dialect": {"extra_body": {"n": 2}}}))),
        ("upstreams.a.dialect.effort_values", upstream(json!({"dialect": {"effort_values": []}}))),
        ("upstreams.a.path", upstream(json!({"path": "v1"}))),
        ("upstreams.a.path", upstream(json!({"path": "/v1\r\nx: y"}))),
        ("upstreams.a.wire", upstream(json!({"wire": "grpc"}))),
        ("upstreams.a.stream", upstream(json!({"stream": true}))),
        ("upstreams.a.headers", upstream(json!({"headers": ["x: 1"]}))),
        ("upstreams.a.headers.a b", upstream(json!({"headers": {"a b": "1"}}))),
        (
            "upstreams.a.headers.Content-Length",
            upstream(json!({"headers": {"Content-Length": "1"}})),
        ),
        ("upstreams.a.headers.x", upstream(json!({"headers": {"x": "1\n2"}}))),
        ("upstreams.a.headers.x", upstream(json!({"headers": {"x": " 1"}}))),
        ("upstreams.a.headers.x", upstream(json!({"headers": {"x": 1}}))),
        ("upstreams.a.models", upstream(json!({"models": "q"}))),
        ("upstreams.a.models.a**", upstream(json!({"models": {"a**": "b"}}))),
        ("upstreams.a.models.a", upstream(json!({"models": {"a": "b*"}}))),
        ("upstreams.a.models.a", upstream(json!({"models": {"a": ""}}))),
        ("upstreams.a.models.", upstream(json!({"models": {"": "b"}}))),
        ("upstreams.a.default_model", upstream(json!({"default_model": ""}))),
        ("upstreams.a.strictness", upstream(json!({"strictness": "x"}))),
        ("upstreams.a.keep_alive_seconds", upstream(json!({"keep_alive_seconds": "5"}))),
        ("upstreams.a.limits", upstream(json!({"limits": 5}))),
    ]
}

fn of_rules() -> Vec<(&'static str, Value)> {
    let rule = |fields: Value| json!({"rules": [fields]});
    vec![
        ("rules[0]", rule(json!("x"))),
        ("rules[0]", rule(json!({"upstream": "default"}))),
        ("rules[0]", rule(json!({"model": "m"}))),
        ("rules[0].upstream", rule(json!({"model": "m", "upstream": 1}))),
        ("rules[0].model", rule(json!({"model": "", "upstream": "default"}))),
        ("rules[0].host", rule(json!({"host": 1, "upstream": "default"}))),
        ("rules[0].route", rule(json!({"route": "a*b*", "upstream": "default"}))),
        ("rules[0].cluster", rule(json!({"cluster": ["a"], "upstream": "default"}))),
        ("rules[0].path", rule(json!({"path": "/", "upstream": "default"}))),
    ]
}

fn of_catalogs() -> Vec<(&'static str, Value)> {
    let model = |fields: Value| json!({"catalog": {"m": fields}});
    vec![
        ("catalog.a*b*", json!({"catalog": {"a*b*": {}}})),
        ("catalog.m", model(json!(8192))),
        ("catalog.m.window", model(json!({"window": 1}))),
        ("catalog.m.apply_patch_tool_type", model(json!({"apply_patch_tool_type": "function"}))),
        ("catalog.m.auto_compact_token_limit", model(json!({"auto_compact_token_limit": -1}))),
        ("catalog.m.base_instructions", model(json!({"base_instructions": ["Be brief."]}))),
        ("catalog.m.context_window", model(json!({"context_window": "1k"}))),
        ("catalog.m.default_reasoning_level", model(json!({"default_reasoning_level": 1}))),
        ("catalog.m.default_verbosity", model(json!({"default_verbosity": "loud"}))),
        ("catalog.m.description", model(json!({"description": {}}))),
        ("catalog.m.display_name", model(json!({"display_name": 5}))),
        (
            "catalog.m.effective_context_window_percent",
            model(json!({"effective_context_window_percent": 300})),
        ),
        (
            "catalog.m.effective_context_window_percent",
            model(json!({"effective_context_window_percent": 101})),
        ),
        ("catalog.m.input_modalities", model(json!({"input_modalities": ["video"]}))),
        ("catalog.m.max_context_window", model(json!({"max_context_window": 0.5}))),
        ("catalog.m.priority", model(json!({"priority": "first"}))),
        ("catalog.m.shell_type", model(json!({"shell_type": "bash"}))),
        ("catalog.m.support_verbosity", model(json!({"support_verbosity": 1}))),
        (
            "catalog.m.supported_reasoning_levels",
            model(json!({"supported_reasoning_levels": "low"})),
        ),
        (
            "catalog.m.supports_image_detail_original",
            model(json!({"supports_image_detail_original": "no"})),
        ),
        (
            "catalog.m.supports_parallel_tool_calls",
            model(json!({"supports_parallel_tool_calls": 2})),
        ),
        ("catalog.m.supports_search_tool", model(json!({"supports_search_tool": "yes"}))),
        ("catalog.m.truncation_policy", model(json!({"truncation_policy": {"mode": "bytes"}}))),
        (
            "catalog.m.truncation_policy",
            model(json!({"truncation_policy": {"mode": "lines", "limit": 1}})),
        ),
        ("catalog.m.visibility", model(json!({"visibility": "secret"}))),
        ("catalog.m.web_search_tool_type", model(json!({"web_search_tool_type": "images"}))),
    ]
}

fn of_scopes() -> Vec<(&'static str, Value)> {
    let scope = |fields: Value| json!({"_rules_": [fields]});
    vec![
        ("_rules_", json!({"_rules_": {}})),
        ("_rules_[0]", scope(json!(1))),
        ("_rules_[0]", scope(json!({}))),
        ("_rules_[0]._match_route_", scope(json!({"_match_route_": "r"}))),
        ("_rules_[0]._match_route_prefix_", scope(json!({"_match_route_prefix_": [1]}))),
        ("_rules_[0]._match_domain_", scope(json!({"_match_domain_": {"a": 1}}))),
        ("_rules_[0]._match_service_", scope(json!({"_match_service_": "s"}))),
        ("_rules_[0].x", scope(json!({"_match_route_": ["r"], "x": 1}))),
        (
            "_rules_[0].upstreams.a.preset",
            scope(json!({"_match_route_": ["r"], "upstreams": {"a": {"preset": "x"}}})),
        ),
    ]
}

/// Every limit as nothing and as a text, for the filter and for a profile.
fn of_limits() -> Vec<Case> {
    let schema = schema();
    let mut cases = Vec::new();
    for name in names(&schema["$defs"]["limits"]["properties"]) {
        for wrong in [json!(0), json!("9")] {
            let limits = json!({"limits": {name: wrong}});
            cases.push((format!("limits.{name}"), limits.clone()));
            cases.push((format!("upstreams.a.limits.{name}"), json!({"upstreams": {"a": limits}})));
        }
    }
    cases
}

/// Every field of the dialect with a word that it cannot know, or with another type.
fn of_dialects() -> Vec<Case> {
    let fields = generic();
    let wrong = |default: &Value| match default {
        Value::Array(_) => json!([17]),
        Value::Object(_) => json!([]),
        _ => json!("?"),
    };
    let case = |(field, default): (&String, &Value)| {
        let dialect = json!({ (field): wrong(default) });
        (format!("upstreams.a.dialect.{field}"), json!({"upstreams": {"a": {"dialect": dialect}}}))
    };
    fields.iter().map(case).collect()
}

fn message((field, configuration): &Case) -> String {
    let error = Config::parse(&configuration.to_string())
        .expect_err(&format!("{configuration} is accepted"));
    // What is wrong in a list has a number behind the name.
    let behind = error.strip_prefix(field).unwrap_or_else(|| panic!("{configuration}: {error}"));
    assert!(behind.starts_with([':', '[', '.']), "{configuration}: {error}");
    error
}

#[test]
fn schema_and_parser_refuse_the_same() {
    let validator = validator();
    for case in cases() {
        message(&case);
        assert!(!validator.is_valid(&case.1), "the schema accepts {}", case.1);
    }
}

/// The whole messages, to be read by people: `UPDATE_EXPECT=1` writes them anew.
#[test]
fn the_messages_are_those_that_were_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/refused.txt");
    let told: String =
        cases().iter().map(|case| format!("{}\n    {}\n", case.1, message(case))).collect();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &told).expect("a file");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (told, expected) in told.lines().zip(expected.lines()) {
        assert_eq!(told, expected, "UPDATE_EXPECT=1 writes {}", path.display());
    }
    assert_eq!(told.lines().count(), expected.lines().count());
}

/// Every field of the schema, by its path.
fn fields() -> BTreeSet<String> {
    let schema = schema();
    let mut fields = BTreeSet::new();
    for (definition, at) in [
        ("configuration", ""),
        ("upstream", "upstreams.a."),
        ("dialect", "upstreams.a.dialect."),
        ("limits", "limits."),
        ("limits", "upstreams.a.limits."),
        ("rule", "rules[0]."),
        ("model", "catalog.m."),
        ("scope", "_rules_[0]."),
    ] {
        let names = names(&schema["$defs"][definition]["properties"]);
        fields.extend(names.iter().map(|name| format!("{at}{name}")));
    }
    fields.extend(names(&schema["properties"]).iter().map(|name| (*name).to_owned()));
    fields
}

/// A new field needs a case here: what it refuses, and with which words.
#[test]
fn every_field_has_a_refusal() {
    let refused: BTreeSet<String> = cases().into_iter().map(|(field, _)| field).collect();
    let fields = fields();
    assert!(fields.len() > 90, "{}", fields.len());
    let missing: Vec<&String> = fields.difference(&refused).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
