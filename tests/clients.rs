//! Real SDKs through real Envoy with the real artifact, in front of the scripted upstream.
//!
//! Each client is a script in `tests/clients` that runs all its cases and prints one line of JSON
//! per case: what a program sees that uses this client. The name of a case is the name of the model
//! (`tools-stream` is the model `tools`, streamed), by which the upstream knows what to answer.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "clients/answers.rs"]
mod answers;
#[path = "support/completion.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod completion;
#[path = "support/envoy.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod envoy;
#[path = "support/upstream.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses its part")]
mod upstream;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use envoy::{Envoy, Setup};
use serde_json::{Value, json};

/// What a client must show: members by case. A member whose name ends in `~` is only contained in
/// what it shows.
type Expected = BTreeMap<String, Value>;

/// Adds what a case shows, at once and streamed.
fn both(expected: &mut Expected, case: &str, members: &Value) {
    expected.insert(case.to_owned(), members.clone());
    expected.insert(format!("{case}-stream"), members.clone());
}

fn one(expected: &mut Expected, case: &str, members: Value) {
    expected.insert(case.to_owned(), members);
}

/// Runs a script and compares case by case; reports every difference at once.
fn check(interpreter: &str, script: &[&str], configuration: Value, expected: &Expected) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let envoy: Envoy = Setup::new().configuration(configuration).start();
    envoy.upstream.script(answers::answer);
    let interpreter = root.join(interpreter);
    let output = Command::new(&interpreter)
        .arg(root.join("tests/clients").join(script[0]))
        .arg(envoy.url("/v1"))
        .args(&script[1..])
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .output()
        .unwrap_or_else(|error| {
            panic!("{}: {error}; `make tools` installs it", interpreter.display())
        });
    let stderr = String::from_utf8_lossy(&output.stderr);
    let shown: BTreeMap<String, Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|line| (line["case"].as_str().unwrap_or_default().to_owned(), line))
        .collect();
    assert!(output.status.success(), "{script:?} failed: {stderr}");

    let mut wrong = Vec::new();
    for (case, members) in expected {
        match shown.get(case) {
            None => wrong.push(format!("{case}: did not run")),
            Some(line) => wrong.extend(differences(case, members, line)),
        }
    }
    for case in shown.keys().filter(|case| !expected.contains_key(*case)) {
        wrong.push(format!("{case}: ran, but nothing is expected of it"));
    }
    assert!(wrong.is_empty(), "{script:?}\n{}\n{stderr}", wrong.join("\n"));
}

fn differences(case: &str, members: &Value, line: &Value) -> Vec<String> {
    let differs = |(name, value): (&String, &Value)| {
        let same = match name.strip_suffix('~') {
            Some(name) => line[name].to_string().contains(value.as_str().unwrap_or_default()),
            None => line[name] == *value,
        };
        (!same).then(|| format!("{case}: {name} is not {value} in {line}"))
    };
    members.as_object().into_iter().flatten().filter_map(differs).collect()
}

const PYTHON: &str = ".tools/clients-venv/bin/python";
const NODE: &str = "tests/clients/node_modules/.bin/node";

/// The same for the two SDKs of OpenAI, whose programs see the Response itself.
fn openai_sdk() -> Expected {
    let mut expected = Expected::new();
    let completed = |text: &str, items: &[&str]| {
        json!({"status": "completed", "text": text, "items": items, "usage": [11, 4],
            "reason": null, "error": null})
    };
    let with = |mut members: Value, more: Value| {
        for (name, value) in more.as_object().into_iter().flatten() {
            members[name] = value.clone();
        }
        members
    };
    let said = completed("Hello, world!", &["message"]);
    one(&mut expected, "text", with(said.clone(), json!({"model": "text"})));
    let streamed = json!({"deltas": 3, "streamed_text": "Hello, world!"});
    one(&mut expected, "text-stream", with(said, streamed));

    let paris = json!(["get_weather", {"city": "Paris"}]);
    let rome = json!(["get_weather", {"city": "Rome"}]);
    let tools = completed("The tools said: sunny, 22 degrees", &["message"]);
    let calls = json!({"calls": [paris], "first_items": ["function_call"]});
    both(&mut expected, "tools", &with(tools, calls));
    let tools = completed("The tools said: sunny, 22 degrees | rainy, 17 degrees", &["message"]);
    let calls = json!({"calls": [paris, rome], "first_items": ["function_call", "function_call"]});
    both(&mut expected, "parallel", &with(tools, calls));

    let thought = json!({"thoughts": ["Two plus two is four."],
        "second_text": "You thought: Two plus two is four."});
    both(&mut expected, "reasoning", &with(completed("4", &["reasoning", "message"]), thought));
    let parsed = json!({"status": "completed", "parsed": {"city": "Paris", "degrees": 22}});
    both(&mut expected, "structured", &parsed);
    let refused = json!({"refusals": ["I cannot help with that."]});
    both(&mut expected, "refusal", &with(completed("", &["message"]), refused));

    let incomplete = |text: &str, reason: &str| json!({"status": "incomplete", "text": text, "reason": reason, "usage": [11, 4]});
    both(&mut expected, "length", &incomplete("Once upon a", "max_output_tokens"));
    both(&mut expected, "filter", &incomplete("Here is", "content_filter"));
    one(&mut expected, "image", completed("I see data:image/png;base64,", &["message"]));
    let error = json!({"raised": "BadRequestError", "status": 400,
        "message~": "This model does not take that."});
    both(&mut expected, "error", &error);
    let rate = json!({"raised": "RateLimitError", "status": 429, "code": "rate_limit_exceeded",
        "message~": "Slow down, please."});
    both(&mut expected, "rate", &rate);
    let failed =
        json!({"raised": "APIError", "message~": "The engine has crashed.", "text": "Half an"});
    one(&mut expected, "failure", failed);
    one(&mut expected, "truncated", json!({"raised": "APIError", "text": "Half an"}));
    expected
}

#[test]
fn openai_for_python() {
    let mut expected = openai_sdk();
    for case in ["rate", "rate-stream"] {
        expected.get_mut(case).expect("a case")["retry_after"] = "1".into();
    }
    check(PYTHON, &["openai_sdk.py"], json!({}), &expected);
}

#[test]
fn openai_for_node() {
    let mut expected = openai_sdk();
    for case in ["failure", "truncated"] {
        expected.insert(format!("{case}-stream"), expected[case].clone());
    }
    check(NODE, &["openai_sdk.mjs"], json!({}), &expected);
}

#[test]
fn openai_agents() {
    let mut expected = Expected::new();
    let output = |text: &str, requests: u64| json!({"output": text, "requests": requests, "usage": [11 * requests, 4 * requests]});
    both(&mut expected, "text", &output("Hello, world!", 1));
    let mut tools = output("The tools said: sunny, 22 degrees", 2);
    tools["called"] = json!(["Paris"]);
    both(&mut expected, "tools", &tools);
    let mut parallel = output("The tools said: sunny, 22 degrees | rainy, 17 degrees", 2);
    parallel["called"] = json!(["Paris", "Rome"]);
    both(&mut expected, "parallel", &parallel);
    let reasoning = json!({"output": "4", "thoughts": ["Two plus two is four."],
        "second_output": "You thought: Two plus two is four."});
    both(&mut expected, "reasoning", &reasoning);
    both(&mut expected, "structured", &json!({"output": "city='Paris' degrees=22"}));
    let refusal = json!({"raised": "ModelRefusalError", "message~": "I cannot help with that."});
    both(&mut expected, "refusal", &refusal);
    // It takes every answer that is not whole for misbehaviour of the model.
    let incomplete = |reason: &str| json!({"raised": "ModelBehaviorError", "message~": reason});
    both(&mut expected, "length", &incomplete("max_output_tokens"));
    both(&mut expected, "filter", &incomplete("content_filter"));
    one(&mut expected, "image", output("I see data:image/png;base64,", 1));
    both(
        &mut expected,
        "error",
        &json!({"raised": "BadRequestError", "message~": "does not take that."}),
    );
    both(&mut expected, "rate", &json!({"raised": "RateLimitError", "message~": "Slow down"}));
    let failed = json!({"raised": "APIError", "message~": "The engine has crashed.", "streamed_text": "Half an"});
    one(&mut expected, "failure", failed);
    one(&mut expected, "truncated", json!({"raised": "APIError", "streamed_text": "Half an"}));
    check(PYTHON, &["agents_sdk.py"], json!({}), &expected);
}

#[test]
fn langchain() {
    let mut expected = Expected::new();
    let said = |text: &str| json!({"text": text, "status": "completed", "usage": [11, 4]});
    both(&mut expected, "text", &said("Hello, world!"));
    let paris = json!(["get_weather", {"city": "Paris"}]);
    let rome = json!(["get_weather", {"city": "Rome"}]);
    let mut tools = said("The tools said: sunny, 22 degrees");
    tools["calls"] = json!([paris]);
    both(&mut expected, "tools", &tools);
    let mut parallel = said("The tools said: sunny, 22 degrees | rainy, 17 degrees");
    parallel["calls"] = json!([paris, rome]);
    both(&mut expected, "parallel", &parallel);
    let reasoning = json!({"text": "4", "thoughts": ["Two plus two is four."],
        "second_text": "You thought: Two plus two is four."});
    both(&mut expected, "reasoning", &reasoning);
    both(&mut expected, "structured", &json!({"parsed": {"city": "Paris", "degrees": 22}}));
    let refusal =
        json!({"text": "", "status": "completed", "content~": "I cannot help with that."});
    both(&mut expected, "refusal", &refusal);
    let incomplete = |text: &str, reason: &str| json!({"text": text, "status": "incomplete", "incomplete": {"reason": reason}, "usage": [11, 4]});
    both(&mut expected, "length", &incomplete("Once upon a", "max_output_tokens"));
    both(&mut expected, "filter", &incomplete("Here is", "content_filter"));
    one(&mut expected, "image", said("I see data:image/png;base64,"));
    both(
        &mut expected,
        "error",
        &json!({"raised": "OpenAIInvalidRequestError", "message~": "does not take that."}),
    );
    both(
        &mut expected,
        "rate",
        &json!({"raised": "OpenAIRateLimitError", "message~": "Slow down"}),
    );
    let failed =
        json!({"raised": "APIError", "message~": "The engine has crashed.", "text": "Half an"});
    one(&mut expected, "failure", failed);
    one(&mut expected, "truncated", json!({"raised": "APIError", "text": "Half an"}));
    check(PYTHON, &["langchain_client.py"], json!({}), &expected);
}

#[test]
fn pydantic_ai() {
    let mut expected = Expected::new();
    let output = |text: &str, requests: u64| {
        json!({"output": text, "finish_reason": "stop", "requests": requests,
            "usage": [11 * requests, 4 * requests]})
    };
    both(&mut expected, "text", &output("Hello, world!", 1));
    let mut tools = output("The tools said: sunny, 22 degrees", 2);
    tools["called"] = json!(["Paris"]);
    both(&mut expected, "tools", &tools);
    let mut parallel = output("The tools said: sunny, 22 degrees | rainy, 17 degrees", 2);
    parallel["called"] = json!(["Paris", "Rome"]);
    both(&mut expected, "parallel", &parallel);
    let mut reasoning = output("4", 1);
    reasoning["thoughts"] = json!(["Two plus two is four."]);
    reasoning["second_output"] = "You thought: Two plus two is four.".into();
    both(&mut expected, "reasoning", &reasoning);
    both(&mut expected, "structured", &json!({"parsed": {"city": "Paris", "degrees": 22}}));
    // It takes a refusal for a filtered answer.
    let refusal = json!({"raised": "ContentFilterError", "message~": "I cannot help with that."});
    both(&mut expected, "refusal", &refusal);
    both(&mut expected, "length", &json!({"output": "Once upon a", "finish_reason": "length"}));
    both(&mut expected, "filter", &json!({"output": "Here is", "finish_reason": "content_filter"}));
    one(&mut expected, "image", output("I see data:image/png;base64,", 1));
    both(
        &mut expected,
        "error",
        &json!({"raised": "ModelRequestRejectedError", "message~": "does not take that."}),
    );
    both(&mut expected, "rate", &json!({"raised": "ModelRateLimitError", "message~": "Slow down"}));
    let failed = json!({"raised": "ModelServerError", "message~": "The engine has crashed.", "text": "Half an"});
    one(&mut expected, "failure", failed);
    one(&mut expected, "truncated", json!({"raised": "ModelServerError", "text": "Half an"}));
    check(PYTHON, &["pydantic_ai_client.py"], json!({}), &expected);
}

/// The same for the two providers of the AI SDK.
fn ai_sdk() -> Expected {
    let mut expected = Expected::new();
    let said =
        |text: &str, finish: &str| json!({"text": text, "finish_reason": finish, "usage": [11, 4]});
    both(&mut expected, "text", &said("Hello, world!", "stop"));
    let tools = |text: &str, called: &[&str]| json!({"text": text, "finish_reason": "stop", "steps": 2, "usage": [22, 8], "called": called});
    both(&mut expected, "tools", &tools("The tools said: sunny, 22 degrees", &["Paris"]));
    let text = "The tools said: sunny, 22 degrees | rainy, 17 degrees";
    both(&mut expected, "parallel", &tools(text, &["Paris", "Rome"]));
    let reasoning = json!({"text": "4", "thoughts": "Two plus two is four.",
        "second_text": "You thought: Two plus two is four."});
    both(&mut expected, "reasoning", &reasoning);
    both(&mut expected, "structured", &json!({"parsed": {"city": "Paris", "degrees": 22}}));
    both(&mut expected, "refusal", &said("I cannot help with that.", "content-filter"));
    both(&mut expected, "length", &said("Once upon a", "length"));
    both(&mut expected, "filter", &said("Here is", "content-filter"));
    one(&mut expected, "image", said("I see data:image/png;base64,", "stop"));
    let error = json!({"raised": "APICallError", "status": 400, "message~": "does not take that."});
    both(&mut expected, "error", &error);
    both(
        &mut expected,
        "rate",
        &json!({"raised": "APICallError", "status": 429, "message~": "Slow down"}),
    );
    let failed = json!({"raised": "StreamProviderError", "message~": "The engine has crashed.", "streamed_text": "Half an"});
    one(&mut expected, "failure", failed);
    one(
        &mut expected,
        "truncated",
        json!({"raised": "StreamProviderError", "streamed_text": "Half an"}),
    );
    for case in ["text", "tools", "length", "filter", "refusal"] {
        let text = expected[case]["text"].clone();
        expected.get_mut(&format!("{case}-stream")).expect("a case")["streamed_text"] = text;
    }
    expected
}

#[test]
fn ai_sdk_with_the_openai_provider() {
    check(NODE, &["ai_sdk.mjs", "openai"], json!({}), &ai_sdk());
}

#[test]
fn ai_sdk_with_the_open_responses_provider() {
    let mut expected = ai_sdk();
    // This provider does not know refusal parts: it needs refusals as text.
    for case in ["refusal", "refusal-stream"] {
        expected.get_mut(case).expect("a case")["finish_reason"] = "stop".into();
    }
    // It reads the message of an error only when `param` is a string, which is null here as at OpenAI.
    for (case, status) in [("error", "Bad Request"), ("rate", "Too Many Requests")] {
        for case in [case.to_owned(), format!("{case}-stream")] {
            expected.get_mut(&case).expect("a case")["message~"] = status.into();
        }
    }
    check(NODE, &["ai_sdk.mjs", "open-responses"], json!({"refusals": "text"}), &expected);
}

/// The blocks of the README that are fenced as this language.
fn readme_blocks(language: &str) -> Vec<&'static str> {
    include_str!("../README.md")
        .split(&format!("```{language}\n"))
        .skip(1)
        .map(|rest| rest.split_once("```").expect("the end of the block").0)
        .collect()
}

#[test]
fn the_examples_of_the_readme_print_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let envoy = Setup::new().start();
    // The last block of text; the first one is the picture.
    let printed = readme_blocks("text").pop().expect("what the examples print");
    // Node looks for packages beside the script.
    let folder =
        tempfile::TempDir::with_prefix_in("readme-", root.join("tests/clients/node_modules"))
            .expect("a temporary folder");
    for (interpreter, language, name) in [(PYTHON, "python", "a.py"), (NODE, "js", "a.mjs")] {
        let block = readme_blocks(language)[0];
        let script = block.replace("http://127.0.0.1:10000", &envoy.url(""));
        assert_ne!(script, block, "the example connects to the address of `make run`");
        std::fs::write(folder.path().join(name), script).expect("a file");
        let output = Command::new(root.join(interpreter))
            .arg(folder.path().join(name))
            .output()
            .expect("the interpreter; `make tools` installs it");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), printed, "{language}: {stderr}");
    }
}
