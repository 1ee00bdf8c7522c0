//! Tools, tool choices, and the names by which calls find their way back.

use responses_filter::config::Strictness;
use responses_filter::translate::tools::{Tool, ToolKind};
use serde_json::{Value, json};

use crate::drive::{Drive, generic, with};

fn function(name: &str) -> Value {
    json!({"type": "function", "name": name, "description": "d", "strict": false,
           "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}})
}

fn namespace(name: &str, tools: Value) -> Value {
    json!({"type": "namespace", "name": name, "description": "n", "tools": tools})
}

fn request(tools: Value, more: Value) -> Value {
    let mut request = json!({"model": "m", "input": "x", "tools": tools});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

fn names(chat: &Value) -> Vec<&str> {
    let tools = chat["tools"].as_array().into_iter().flatten();
    tools.map(|tool| tool["function"]["name"].as_str().unwrap()).collect()
}

fn resolved(
    drive: &Drive,
    request: &Value,
    name: &str,
) -> Option<(ToolKind, String, Option<String>)> {
    let table = drive.translated(request).tools;
    table
        .resolve(name)
        .map(|Tool { kind, name, namespace, .. }| (*kind, name.clone(), namespace.clone()))
}

#[test]
fn every_tool_of_a_client_becomes_a_function_and_is_found_again() {
    let tools = json!([
        function("exec_command"),
        {"type": "custom", "name": "apply_patch", "description": "Edits files.",
         "format": {"type": "grammar", "syntax": "lark", "definition": "start: \"x\"\n"}},
        {"type": "custom", "name": "say"},
        namespace("mcp__calc", json!([function("add"), {"type": "custom", "name": "eval"}])),
        namespace("functions", json!([function("wait")])),
        {"type": "tool_search", "execution": "client", "description": "Finds tools.",
         "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}},
        {"type": "local_shell"},
        {"type": "shell", "environment": {"type": "local"}},
        {"type": "apply_patch"}
    ]);
    let request = request(tools, json!({}));
    let chat = generic().chat(&request);
    let names = names(&chat);
    assert_eq!(
        names[..8],
        [
            "exec_command",
            "apply_patch",
            "say",
            "mcp__calc__add",
            "mcp__calc__eval",
            "wait",
            "tool_search",
            "local_shell"
        ]
    );
    assert_eq!(names[8], "shell");
    // The built-in tool has the name of the custom one.
    assert!(names[9].starts_with("apply_patch_") && names.len() == 10, "{names:?}");
    let some = |text: &str| Some(text.to_owned());
    for (name, kind, own, namespace) in [
        ("exec_command", ToolKind::Function, "exec_command", None),
        ("apply_patch", ToolKind::Custom, "apply_patch", None),
        ("mcp__calc__add", ToolKind::Function, "add", some("mcp__calc")),
        ("mcp__calc__eval", ToolKind::Custom, "eval", some("mcp__calc")),
        ("wait", ToolKind::Function, "wait", some("functions")),
        ("tool_search", ToolKind::ToolSearch, "tool_search", None),
        ("local_shell", ToolKind::LocalShell, "local_shell", None),
        ("shell", ToolKind::Shell, "shell", None),
        (names[9], ToolKind::ApplyPatch, "apply_patch", None),
    ] {
        assert_eq!(
            resolved(&generic(), &request, name),
            Some((kind, own.to_owned(), namespace)),
            "{name}"
        );
    }
    assert_eq!(resolved(&generic(), &request, "add"), None);

    let custom = &chat["tools"][1]["function"];
    assert_eq!(custom["parameters"]["required"], json!(["input"]));
    assert_eq!(custom["parameters"]["properties"]["input"]["type"], "string");
    let description = custom["description"].as_str().unwrap();
    assert!(
        description.starts_with("Edits files.\n\n")
            && description.ends_with("lark:\nstart: \"x\"\n")
    );
    assert_eq!(
        chat["tools"][3]["function"]["description"],
        "d\n\nAbout all tools of this namespace: n"
    );
}

#[test]
fn parameters_are_always_an_object_with_properties() {
    for (sent, arrives) in [
        (Value::Null, json!({"type": "object", "properties": {}})),
        (json!({}), json!({"type": "object", "properties": {}})),
        (json!({"type": "object"}), json!({"type": "object", "properties": {}})),
        (
            json!({"properties": {"a": true}, "$defs": {"x": {}}}),
            json!({"type": "object", "properties": {"a": true}, "$defs": {"x": {}}}),
        ),
    ] {
        let tool = json!({"type": "function", "name": "f", "parameters": sent});
        let chat = generic().chat(&request(json!([tool]), json!({})));
        assert_eq!(chat["tools"][0]["function"]["parameters"], arrives);
        let chat = with("minimax", &json!({})).chat(&request(json!([tool]), json!({})));
        let properties = &chat["tools"][0]["function"]["parameters"]["properties"];
        assert!(!properties.as_object().unwrap().is_empty());
    }
    let nothing = json!([{"type": "function", "name": "f"}]);
    let chat = generic().chat(&request(nothing, json!({})));
    assert_eq!(
        chat["tools"][0]["function"]["parameters"],
        json!({"type": "object", "properties": {}})
    );
}

#[test]
fn schemas_pass_as_they_were_written() {
    let schema = r##"{"type":"object", "properties":{"z":{"const":1.0},"a":{"$ref":"#/$defs/t"}},"$defs":{"t":{}}}"##;
    let body = format!(
        r#"{{"model":"m","input":"x","tools":[{{"type":"function","name":"f","parameters":{schema}}}]}}"#
    );
    let chat = |drive: &Drive| String::from_utf8(drive.raw(body.as_bytes()).unwrap().chat).unwrap();
    assert!(chat(&generic()).contains(schema));
    let gemini = chat(&with("gemini", &json!({})));
    assert!(!gemini.contains("$ref") && !gemini.contains("const"), "{gemini}");
}

#[test]
fn names_that_chat_refuses_are_made_good_and_found_again() {
    let long = "tool_".to_owned() + &"x".repeat(78);
    let twin = "tool_".to_owned() + &"x".repeat(77) + "y";
    let tools = json!([
        namespace("mcp__my_server", json!([function(&long), function(&twin)])),
        function("näme.with/dots"),
        function("_private"),
        function("mcp__a__b__c"),
        namespace("mcp__a", json!([function("b__c")])),
        namespace("mcp__a__b", json!([function("c")]))
    ]);
    let history = json!({"input": [
        {"role": "user", "content": "u"},
        {"type": "function_call", "call_id": "1", "name": long, "namespace": "mcp__my_server", "arguments": "{}"},
        {"type": "function_call", "call_id": "2", "name": "c", "namespace": "mcp__a__b", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "A"},
        {"type": "function_call_output", "call_id": "2", "output": "A"}]});
    let request = request(tools, history);
    for preset in ["generic", "kimi", "gemini"] {
        let drive = with(preset, &json!({}));
        let chat = drive.chat(&request);
        let names = names(&chat);
        assert_eq!(names.len(), 7);
        let table = drive.translated(&request).tools;
        let tools: Vec<&Tool> = names.iter().map(|name| table.resolve(name).unwrap()).collect();
        let own: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(own, [&long, &twin, "näme.with/dots", "_private", "mcp__a__b__c", "b__c", "c"]);
        // The history calls them by the same names.
        let calls = &chat["messages"][1]["tool_calls"];
        assert_eq!(calls[0]["function"]["name"], names[0]);
        assert_eq!(calls[1]["function"]["name"], names[6]);
        if preset == "kimi" {
            assert!(
                names
                    .iter()
                    .all(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
            );
        }
    }
}

#[test]
fn names_stay_when_tools_are_added() {
    let first = generic().chat(&request(json!([function("mcp__a__b")]), json!({})));
    let found = json!({"input": [
        {"role": "user", "content": "u"},
        {"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {"query": "b"}},
        {"type": "tool_search_output", "call_id": "s", "execution": "client", "status": "completed",
         "tools": [namespace("mcp__a", json!([function("b")])), function("mcp__a__b")]}]});
    let second = generic().chat(&request(json!([function("mcp__a__b")]), found));
    assert_eq!(names(&second)[0], names(&first)[0]);
    assert_eq!(names(&second).len(), 2);
    assert!(names(&second)[1].starts_with("mcp__a__b_"));
}

#[test]
fn tools_come_from_items_too() {
    let additional = json!({"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [
        namespace("functions", json!([{"type": "custom", "name": "exec", "description": "Runs."}]))]});
    let search = json!({"type": "tool_search_output", "call_id": "s", "tools": [
        {"type": "function", "name": "add", "description": "Adds.", "defer_loading": true}]});
    let request = json!({"model": "m", "input": [
        additional, {"role": "developer", "content": "D"}, {"role": "user", "content": "u"},
        {"type": "custom_tool_call", "call_id": "c", "name": "exec", "input": "say(\"hi\")"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "A"}]},
        {"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {"query": "add"}},
        search]});
    let chat = generic().chat(&request);
    assert_eq!(names(&chat), ["exec", "add"]);
    let messages = &chat["messages"];
    assert_eq!(messages[0]["content"], "D");
    let call = &messages[2]["tool_calls"][0]["function"];
    assert_eq!(call["name"], "exec");
    assert_eq!(call["arguments"], "{\"input\":\"say(\\\"hi\\\")\"}");
    assert_eq!(messages[4]["tool_calls"][0]["function"]["arguments"], "{\"query\":\"add\"}");
    assert_eq!(messages[5]["content"], "These tools can be called from now on:\n- add: Adds.");
}

#[test]
fn calls_of_client_tools_come_back_as_their_arguments() {
    let items = json!([
        {"role": "user", "content": "u"},
        {"type": "local_shell_call", "id": "lsh_1", "call_id": "l", "status": "completed",
         "action": {"type": "exec", "command": ["ls"], "env": {}, "user": null}},
        {"type": "local_shell_call_output", "id": "l", "output": "L"},
        {"type": "shell_call", "call_id": "s", "status": "completed",
         "action": {"commands": ["ls", "false"], "timeout_ms": 5}},
        {"type": "shell_call_output", "call_id": "s", "output": [
            {"stdout": "a\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
            {"stdout": "", "stderr": "e", "outcome": {"type": "timeout"}}]},
        {"type": "apply_patch_call", "call_id": "p", "status": "completed",
         "operation": {"type": "create_file", "path": "a", "diff": "+x"}},
        {"type": "apply_patch_call_output", "call_id": "p", "status": "failed", "output": "no"},
        {"type": "computer_call", "id": "cu_1", "call_id": "c", "status": "completed",
         "pending_safety_checks": [], "action": {"type": "screenshot"}},
        {"type": "computer_call_output", "call_id": "c",
         "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,AA"}}
    ]);
    let messages = generic().messages(&items);
    let messages = messages.as_array().unwrap();
    let call = |index: usize| {
        let function = &messages[index]["tool_calls"][0]["function"];
        (function["name"].as_str().unwrap(), function["arguments"].as_str().unwrap())
    };
    assert_eq!(call(1), ("local_shell", r#"{"command":["ls"],"env":{}}"#));
    assert_eq!(messages[2]["content"], "L");
    assert_eq!(call(3), ("shell", r#"{"commands":["ls","false"],"timeout_ms":5}"#));
    assert_eq!(messages[4]["content"], "a\n[exit code 0]\n[stderr]\ne\n[timed out]");
    assert_eq!(call(5), ("apply_patch", r#"{"type":"create_file","path":"a","diff":"+x"}"#));
    assert_eq!(messages[6]["content"], "Failed.\nno");
    assert_eq!(call(7), ("computer", r#"{"action":{"type":"screenshot"}}"#));
    assert_eq!(messages[8]["content"], "[attached below]");
    assert_eq!(messages[9]["content"][1]["type"], "image_url");
}

const HOSTED: &[&str] = &[
    "web_search",
    "web_search_preview_2025_03_11",
    "file_search",
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "image_generation",
    "mcp",
    "programmatic_tool_calling",
    "tool_search",
    "telepathy",
];

#[test]
fn hosted_tools_are_dropped_and_reported_or_refused() {
    for kind in HOSTED {
        let tools = json!([function("f"), {"type": kind}]);
        let translated = generic().translated(&request(tools.clone(), json!({})));
        assert_eq!(translated.tools.chat_names().collect::<Vec<_>>(), ["f"]);
        assert_eq!(translated.dropped.len(), 1, "{kind}");
        let mut strict = generic();
        strict.strictness = Strictness::Strict;
        let error = strict.error(&request(tools, json!({})));
        assert_eq!((error.status(), error.code()), (400, "unsupported_parameter"));
        assert_eq!(error.param.as_deref(), Some("tools[1]"));
    }
    let container = json!([{"type": "shell", "environment": {"type": "container_auto"}}]);
    assert_eq!(generic().translated(&request(container, json!({}))).dropped, ["tools.shell"]);
    let nested =
        json!([namespace("a", json!([function("f"), namespace("b", json!([function("g")]))]))]);
    let mut strict = generic();
    strict.strictness = Strictness::Strict;
    let error = strict.error(&request(nested, json!({})));
    assert_eq!(error.param.as_deref(), Some("tools[0].tools[1]"));
}

#[test]
fn a_profile_can_search_the_web() {
    for (form, member, value) in [
        ("web_search_options", "web_search_options", json!({})),
        ("plugins_web", "plugins", json!([{"id": "web"}])),
        ("enable_search", "enable_search", json!(true)),
    ] {
        let drive = with("generic", &json!({"web_search": form}));
        let request =
            request(json!([{"type": "web_search", "external_web_access": true}]), json!({}));
        let translated = drive.translated(&request);
        assert!(translated.dropped.is_empty());
        let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
        assert_eq!(chat[member], value);
        assert!(chat.get("tools").is_none());
    }
}

#[test]
fn without_tools_nothing_about_tools_is_sent() {
    for tools in [json!([]), Value::Null, json!([{"type": "web_search"}])] {
        for more in [
            json!({"tool_choice": "auto", "parallel_tool_calls": false}),
            json!({"tool_choice": "none", "parallel_tool_calls": true}),
            json!({"tool_choice": "required"}),
        ] {
            let drive = with("generic", &json!({"extra_params": ["parallel_tool_calls"]}));
            let chat = drive.chat(&request(tools.clone(), more));
            for member in ["tools", "tool_choice", "parallel_tool_calls"] {
                assert!(chat.get(member).is_none(), "{member}");
            }
        }
    }
}

#[test]
fn strict_is_forwarded_where_it_is_known() {
    let mut tool = function("f");
    tool["strict"] = json!(true);
    let strict = |preset: &str| {
        let translated = with(preset, &json!({})).translated(&request(json!([tool]), json!({})));
        let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
        (chat["tools"][0]["function"].get("strict").cloned(), translated.dropped)
    };
    assert_eq!(strict("openai"), (Some(json!(true)), vec![]));
    assert_eq!(strict("generic"), (None, vec!["tools.strict"]));
}

#[test]
fn choices_are_made_in_the_forms_an_upstream_takes() {
    let tools = json!([function("f"), function("g"), namespace("n", json!([function("h")])),
                       {"type": "custom", "name": "c"}, {"type": "local_shell"}, {"type": "web_search"}]);
    let all = ["f", "g", "n__h", "c", "local_shell"];
    let named = |name: &str| json!({"type": "function", "function": {"name": name}});
    let allowed = |mode: &str| {
        json!({"type": "allowed_tools", "mode": mode,
               "tools": [{"type": "function", "name": "g"}, {"type": "namespace", "name": "n"}]})
    };
    let (words, auto) =
        (json!({"tool_choice": "string_only"}), json!({"tool_choice": "auto_only"}));
    for (profile, choice, sent, offered) in [
        (json!({}), json!("auto"), None, &all[..]),
        (json!({}), json!("none"), Some(json!("none")), &all),
        (json!({}), json!("required"), Some(json!("required")), &all),
        (json!({"tool_choice_required_as": "any"}), json!("required"), Some(json!("any")), &all),
        (json!({}), json!({"type": "function", "name": "f"}), Some(named("f")), &all),
        (json!({}), json!({"type": "function", "name": "h"}), Some(named("n__h")), &all),
        (
            json!({}),
            json!({"type": "function", "name": "h", "namespace": "n"}),
            Some(named("n__h")),
            &all,
        ),
        (json!({}), json!({"type": "custom", "name": "c"}), Some(named("c")), &all),
        (json!({}), json!({"type": "function", "function": {"name": "f"}}), Some(named("f")), &all),
        (json!({}), json!({"type": "local_shell"}), Some(named("local_shell")), &all),
        (json!({}), allowed("auto"), None, &["g", "n__h"]),
        (json!({}), allowed("required"), Some(json!("required")), &["g", "n__h"]),
        (words.clone(), json!({"type": "function", "name": "f"}), Some(json!("required")), &["f"]),
        (words, json!("none"), Some(json!("none")), &all),
        (auto.clone(), json!("none"), None, &[]),
        (auto.clone(), json!("required"), None, &all),
        (auto, json!({"type": "function", "name": "f"}), None, &["f"]),
        (json!({}), json!({"type": "web_search"}), None, &all),
    ] {
        let drive = with("generic", &profile);
        let translated = drive.translated(&request(tools.clone(), json!({"tool_choice": choice})));
        let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
        assert_eq!(chat.get("tool_choice").cloned(), sent, "{profile} {choice}");
        assert_eq!(names(&chat), offered, "{profile} {choice}");
        assert_eq!(translated.tools.chat_names().collect::<Vec<_>>(), offered);
    }
}

#[test]
fn choices_that_cannot_be_made_are_errors_or_reported() {
    let tools = || json!([function("f")]);
    for choice in [
        json!("sometimes"),
        json!({"type": "function", "name": "g"}),
        json!({"type": "custom", "name": "g"}),
        json!({"type": "shell"}),
        json!({"type": "allowed_tools", "mode": "never", "tools": []}),
        json!({"name": "f"}),
        json!({"type": "function"}),
        json!(7),
    ] {
        let error = generic().error(&request(tools(), json!({"tool_choice": choice})));
        assert_eq!(error.status(), 400);
        assert!(error.param.as_deref().unwrap().starts_with("tool_choice"), "{error:?}");
    }
    let auto = with("generic", &json!({"tool_choice": "auto_only"}));
    for (drive, choice, dropped) in [
        (&auto, json!("required"), "tool_choice.required"),
        (&auto, json!({"type": "function", "name": "f"}), "tool_choice.function"),
        (&generic(), json!({"type": "mcp", "server_label": "x"}), "tool_choice.hosted"),
    ] {
        let translated = drive.translated(&request(tools(), json!({"tool_choice": choice})));
        assert_eq!(translated.dropped, [dropped]);
    }
}

#[test]
fn call_ids_take_the_form_of_the_profile() {
    let items = |id: &str| {
        json!([{"role": "user", "content": "u"},
               {"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"},
               {"type": "function_call_output", "call_id": id, "output": "A"}])
    };
    let id = |preset: &str, id: &str| {
        with(preset, &json!({})).messages(&items(id))[2]["tool_call_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(id("kimi", "functions.run:0"), "functions.run:0");
    let mistral = id("mistral", "call_1");
    assert!(mistral.len() == 9 && mistral.chars().all(|c| c.is_ascii_alphanumeric()), "{mistral}");
    assert_eq!(mistral, id("mistral", "call_1"));
    assert_ne!(mistral, id("mistral", "call_2"));
    let claude = id("anthropic_compat", "functions.run:0");
    assert!(claude.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'), "{claude}");
}
