//! The published JSON Schema and the parser agree, and a refused configuration says what is wrong.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;

use jsonschema::Validator;
use responses_filter::config::Config;
use responses_filter::dialect::{Dialect, presets};
use serde_json::{Map, Value, json};

fn schema() -> Value {
    serde_json::from_str(include_str!("../docs/configuration.schema.json")).expect("JSON")
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

type Refused = Vec<(Value, &'static str)>;

/// Configurations that are refused, each with the beginning of the message.
fn refused() -> Refused {
    [
        refused_of_the_filter(),
        refused_upstreams(),
        refused_rules(),
        refused_catalogs(),
        refused_scopes(),
    ]
    .concat()
}

fn refused_of_the_filter() -> Refused {
    vec![
        (json!([]), "configuration: must be a JSON object"),
        (json!({"hold_header": true}), "hold_header: unknown field `hold_header`, expected one of"),
        (
            json!({"hold_headers": "yes"}),
            "hold_headers: invalid type: string \"yes\", expected a boolean",
        ),
        (json!({"keep_alive_seconds": -1}), "keep_alive_seconds: invalid value: integer `-1`"),
        (json!({"keep_alive_seconds": 1.5}), "keep_alive_seconds: invalid type: floating point"),
        (
            json!({"strictness": "very"}),
            "strictness: unknown variant `very`, expected `lenient` or `strict`",
        ),
        (json!({"refusals": "no"}), "refusals: unknown variant `no`, expected one of `auto`"),
        (json!({"reasoning_output": null}), "reasoning_output: "),
        (
            json!({"model_list": "off"}),
            "model_list: unknown variant `off`, expected one of `translate`",
        ),
        (json!({"filter_state": 1}), "filter_state: invalid type"),
        (json!({"metrics": "no"}), "metrics: invalid type"),
        (json!({"model_header": "x y"}), "model_header: `x y` is no header name; takes letters"),
        (json!({"model_header": ":path"}), "model_header: `:path` is no header name"),
        (json!({"upstream_header": "Host"}), "upstream_header: `Host` this header belongs to"),
        (json!({"upstream_header": 1}), "upstream_header: invalid type"),
        (json!({"limits": {"output_bytes": 1}}), "limits.output_bytes: unknown field"),
        (json!({"limits": {"tools_max": 0}}), "limits.tools_max: is 0, which lets nothing through"),
        (json!({"limits": {"tools_max": "9"}}), "limits.tools_max: invalid type"),
        (json!({"limits": []}), "limits: invalid type"),
    ]
}

fn refused_upstreams() -> Refused {
    let upstream = |fields: Value| json!({"upstreams": {"a": fields}});
    vec![
        (json!({"upstreams": []}), "upstreams: invalid type"),
        (
            json!({"upstreams": {"a b": {}}}),
            "upstreams.a b: is no name for an upstream; takes up to 64",
        ),
        (json!({"upstreams": {"": {}}}), "upstreams.: is no name for an upstream"),
        (json!({"upstreams": {"a": 1}}), "upstreams.a: takes an object"),
        (upstream(json!({"presets": "x"})), "upstreams.a.presets: unknown field"),
        (
            upstream(json!({"preset": "nobody"})),
            "upstreams.a.preset: unknown name `nobody`; known are",
        ),
        (
            upstream(json!({"dialect": {"schema": "odd"}})),
            "upstreams.a.dialect.schema: unknown word",
        ),
        (upstream(json!({"dialect": {"x": 1}})), "upstreams.a.dialect.x: unknown field"),
        (
            upstream(json!({"dialect": {"extra_body": {"n": 2}}})),
            "upstreams.a.dialect.extra_body: `n`",
        ),
        (
            upstream(json!({"dialect": {"effort_values": []}})),
            "upstreams.a.dialect.effort_values: is empty",
        ),
        (upstream(json!({"path": "v1"})), "upstreams.a.path: must begin with `/`"),
        (upstream(json!({"path": "/v1\r\nx: y"})), "upstreams.a.path: must begin with `/`"),
        (upstream(json!({"wire": "grpc"})), "upstreams.a.wire: unknown variant"),
        (upstream(json!({"stream": true})), "upstreams.a.stream: "),
        (upstream(json!({"headers": {"a b": "1"}})), "upstreams.a.headers.a b: is no header name"),
        (
            upstream(json!({"headers": {"Content-Length": "1"}})),
            "upstreams.a.headers.Content-Length: this header",
        ),
        (
            upstream(json!({"headers": {"x": "1\n2"}})),
            "upstreams.a.headers.x: the value has characters",
        ),
        (
            upstream(json!({"headers": {"x": " 1"}})),
            "upstreams.a.headers.x: the value has characters",
        ),
        (upstream(json!({"headers": {"x": 1}})), "upstreams.a.headers.x: takes a string, or null"),
        (
            upstream(json!({"models": {"a**": "b"}})),
            "upstreams.a.models.a**: `a**` has more than one",
        ),
        (
            upstream(json!({"models": {"a": "b*"}})),
            "upstreams.a.models.a: `b*` has a `*` that stands",
        ),
        (
            upstream(json!({"models": {"a": ""}})),
            "upstreams.a.models.a: takes a string, the upstream's",
        ),
        (upstream(json!({"models": {"": "b"}})), "upstreams.a.models.: is empty"),
        (upstream(json!({"default_model": ""})), "upstreams.a.default_model: is empty"),
        (upstream(json!({"strictness": "x"})), "upstreams.a.strictness: unknown variant"),
        (
            upstream(json!({"keep_alive_seconds": "5"})),
            "upstreams.a.keep_alive_seconds: invalid type",
        ),
        (upstream(json!({"limits": {"depth_max": 0}})), "upstreams.a.limits.depth_max: is 0"),
    ]
}

fn refused_rules() -> Refused {
    let rule = |fields: Value| json!({"rules": [fields]});
    vec![
        (json!({"rules": {}}), "rules: invalid type"),
        (rule(json!("x")), "rules[0]: takes an object"),
        (
            rule(json!({"upstream": "default"})),
            "rules[0]: has no condition; give one of route, host",
        ),
        (rule(json!({"model": "m"})), "rules[0]: missing field `upstream`"),
        (rule(json!({"model": "", "upstream": "default"})), "rules[0].model: is empty"),
        (rule(json!({"host": 1, "upstream": "default"})), "rules[0].host: invalid type"),
        (rule(json!({"route": "a*b*", "upstream": "default"})), "rules[0].route: `a*b*` has more"),
        (rule(json!({"path": "/", "upstream": "default"})), "rules[0].path: unknown field"),
    ]
}

fn refused_catalogs() -> Refused {
    let model = |fields: Value| json!({"catalog": {"m": fields}});
    vec![
        (model(json!({"window": 1})), "catalog.m.window: unknown field"),
        (model(json!({"context_window": "1k"})), "catalog.m.context_window: invalid type"),
        (
            model(json!({"apply_patch_tool_type": "function"})),
            "catalog.m.apply_patch_tool_type: unknown variant",
        ),
        (
            model(json!({"truncation_policy": {"mode": "bytes"}})),
            "catalog.m.truncation_policy: missing field `limit`",
        ),
        (
            model(json!({"input_modalities": ["video"]})),
            "catalog.m.input_modalities: unknown variant",
        ),
        (json!({"catalog": {"a*b*": {}}}), "catalog.a*b*: `a*b*` has more than one"),
    ]
}

fn refused_scopes() -> Refused {
    let scope = |fields: Value| json!({"_rules_": [fields]});
    vec![
        (json!({"_rules_": {}}), "_rules_: takes a list"),
        (scope(json!({})), "_rules_[0]: says not where it applies; takes one of _match_route_"),
        (scope(json!({"_match_route_": "r"})), "_rules_[0]._match_route_: invalid type"),
        (scope(json!({"_match_route_": ["r"], "x": 1})), "_rules_[0].x: unknown field"),
        (
            scope(json!({"_match_route_": ["r"], "upstreams": {"a": {"preset": "x"}}})),
            "_rules_[0].upstreams.a.preset: unknown name",
        ),
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
fn schema_and_parser_refuse_the_same_and_the_parser_says_why() {
    let validator = validator();
    for (configuration, message) in refused() {
        let error = Config::parse(&configuration.to_string())
            .expect_err(&format!("{configuration} is accepted"));
        assert!(error.starts_with(message), "{configuration}: {error}");
        assert!(!validator.is_valid(&configuration), "the schema accepts {configuration}");
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
    let json = json!({"upstreams": {"a": {"headers": {"x-key": "hush\u{7f}"}}}}).to_string();
    assert!(!Config::parse(&json).unwrap_err().contains("hush"));
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
    let (_, expected) = message.split_once("expected").unwrap_or_else(|| panic!("{message}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
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
    let generic = Dialect::new("generic", &Map::new()).expect("the generic preset");
    let dialect = serde_json::to_value(&generic).expect("JSON");
    assert_eq!(names(&schema["$defs"]["dialect"]["properties"]), names(&dialect));
    let presets = &schema["$defs"]["upstream"]["properties"]["preset"]["enum"];
    assert_eq!(*presets, json!(presets::names()));
}

#[test]
fn the_schema_takes_the_words_and_types_of_the_dialect() {
    let validator = validator();
    let generic = Dialect::new("generic", &Map::new()).expect("the generic preset");
    let Value::Object(fields) = serde_json::to_value(&generic).expect("JSON") else { panic!() };
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
