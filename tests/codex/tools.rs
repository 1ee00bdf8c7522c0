//! What the model asks for really happens, and its outcome goes back upstream.

use serde_json::{Value, json};

use crate::cli::{Scenario, messages, tool_named, tool_names};
use crate::completion::Completion;
use crate::upstream::Request;

/// The contents of the tool messages of a request, joined.
fn tool_outputs(request: &Request) -> String {
    let contents = messages(request, "tool");
    contents.iter().map(|message| message["content"].to_string()).collect::<Vec<_>>().join("\n")
}

/// The ids under which assistant messages call tools, and those that tool messages answer.
fn ids(request: &Request) -> [Vec<Value>; 2] {
    let called = messages(request, "assistant")
        .iter()
        .flat_map(|message| message["tool_calls"].as_array().cloned().unwrap_or_default())
        .map(|call| call["id"].clone())
        .collect();
    let answered =
        messages(request, "tool").iter().map(|message| message["tool_call_id"].clone()).collect();
    [called, answered]
}

#[test]
fn a_shell_command_runs_and_its_output_goes_back() {
    let codex = Scenario::new().start(|before, request| {
        let command = json!({"cmd": "echo written by the model | tee ran.txt"});
        match before {
            0 => Completion::calling("exec_command", command),
            _ => Completion::text("It ran."),
        }
        .answer(request)
    });
    let run = codex.exec("run it").succeeded();

    assert_eq!(codex.read("ran.txt").as_deref(), Some("written by the model\n"));
    assert_eq!(run.messages(), ["It ran."]);
    let commands = run.items("command_execution");
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0]["exit_code"], 0);

    let second = codex.upstream().request(1);
    assert!(tool_outputs(&second).contains("written by the model"), "{}", tool_outputs(&second));
    assert_eq!(ids(&second), [[json!("call_1")], [json!("call_1")]]);
    assert_eq!(codex.upstream().requests().len(), 2);
}

#[test]
fn parallel_calls_both_run_and_go_back_in_one_turn() {
    let codex = Scenario::new().start(|before, request| {
        let command = |name: &str| json!({"cmd": format!("echo from {name} > {name}; cat {name}")});
        match before {
            0 => Completion::calling("exec_command", command("first"))
                .call("exec_command", command("second")),
            _ => Completion::text("Both ran."),
        }
        .answer(request)
    });
    let run = codex.exec("run both").succeeded();

    assert_eq!(codex.read("first").as_deref(), Some("from first\n"));
    assert_eq!(codex.read("second").as_deref(), Some("from second\n"));
    assert_eq!(run.messages(), ["Both ran."]);
    assert_eq!(run.items("command_execution").len(), 2);

    let second = codex.upstream().request(1);
    assert_eq!(messages(&second, "assistant").len(), 1, "one message holds both calls");
    assert_eq!(
        ids(&second),
        [["call_1", "call_2"], ["call_1", "call_2"]].map(|ids| ids.map(Value::from))
    );
    let outputs = messages(&second, "tool");
    assert!(outputs[0]["content"].to_string().contains("from first"));
    assert!(outputs[1]["content"].to_string().contains("from second"));
}

#[test]
fn a_patch_given_to_the_custom_tool_changes_a_file() {
    const PATCH: &str = "*** Begin Patch\n*** Update File: poem.txt\n@@\n-roses are blue\n+roses are \"red\"\n*** End Patch\n";
    let codex = Scenario::new().model("gpt-5.5").start(|before, request| {
        let patch = || {
            // A grammar cannot be enforced upstream: the tool takes one string, whatever its key.
            let request = request.json();
            let tools = request["tools"].as_array().cloned().unwrap_or_default();
            let tool = tools.iter().find(|tool| tool["function"]["name"] == "apply_patch");
            let properties =
                &tool.expect("apply_patch is offered")["function"]["parameters"]["properties"];
            let key =
                properties.as_object().and_then(|all| all.keys().next()).expect("a parameter");
            json!({ (key.clone()): PATCH })
        };
        match before {
            0 => Completion::calling("apply_patch", patch()),
            _ => Completion::text("Patched."),
        }
        .answer(request)
    });
    std::fs::write(codex.file("poem.txt"), "roses are blue\n").unwrap();
    let run = codex.exec("mend the poem").succeeded();

    assert_eq!(codex.read("poem.txt").as_deref(), Some("roses are \"red\"\n"));
    assert_eq!(run.messages(), ["Patched."]);
    assert_eq!(run.items("file_change").len(), 1);
    let second = codex.upstream().request(1);
    assert!(tool_outputs(&second).contains("Success"), "{}", tool_outputs(&second));
    let call = &messages(&second, "assistant")[0]["tool_calls"][0]["function"];
    assert_eq!(call["name"], "apply_patch");
    assert!(call["arguments"].as_str().unwrap().contains("roses are blue"));
}

#[test]
fn an_mcp_tool_is_called_by_its_right_name() {
    let codex = Scenario::new().mcp_server("adder", &["add"]).start(|before, request| {
        match before {
            0 => Completion::calling(&tool_named(request, "adder"), json!({"a": 1, "b": 2})),
            _ => Completion::text("Added."),
        }
        .answer(request)
    });
    let run = codex.exec("add").succeeded();

    let calls = run.items("mcp_tool_call");
    assert_eq!(calls.len(), 1, "{}", run.stdout);
    assert_eq!([&calls[0]["server"], &calls[0]["tool"]], ["adder", "add"]);
    assert!(tool_outputs(&codex.upstream().request(1)).contains("add says 3"));
    assert_eq!(run.messages(), ["Added."]);
}

#[test]
fn mcp_names_longer_than_chat_allows_survive_the_round_trip() {
    const SERVER: &str = "a_server_with_quite_a_long_name";
    let long =
        |end: &str| format!("a_tool_whose_name_goes_on_and_on_until_it_is_too_long_to_send_{end}");
    let tools = [long("one"), long("two")];
    let codex =
        Scenario::new().mcp_server(SERVER, &[&tools[0], &tools[1]]).start(|before, request| {
            let long: Vec<_> =
                tool_names(request).into_iter().filter(|name| name.contains("a_server")).collect();
            match before {
                0 => Completion::calling(&long[1], json!({"a": 20, "b": 2})),
                _ => Completion::text("Added."),
            }
            .answer(request)
        });
    let run = codex.exec("add").succeeded();

    let first = codex.upstream().request(0);
    let names = tool_names(&first);
    for name in &names {
        assert!(name.len() <= 64, "{name} has {} characters", name.len());
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)), "{name}");
    }
    let mut unique = names.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "{names:?}");

    let calls = run.items("mcp_tool_call");
    assert_eq!(calls.len(), 1, "{}", run.stdout);
    assert_eq!(calls[0]["tool"], tools[1]);
    let second = codex.upstream().request(1);
    assert!(tool_outputs(&second).contains("two says 22"));
    assert_eq!(tool_names(&second), names, "names are the same in every turn");
    let called = &messages(&second, "assistant")[0]["tool_calls"][0]["function"]["name"];
    assert!(names.iter().any(|name| called == name), "history names {called} as the list does");
}

#[test]
fn tools_found_by_a_search_are_offered_and_called() {
    let codex =
        Scenario::new().model("gpt-5.5").mcp_server("adder", &["add"]).start(|before, request| {
            match before {
                0 => Completion::calling("tool_search", json!({"query": "add numbers"}))
                    .ids("search"),
                1 => Completion::calling(&tool_named(request, "adder"), json!({"a": 3, "b": 4})),
                _ => Completion::text("Found and added."),
            }
            .answer(request)
        });
    let run = codex.exec("find a tool and add").succeeded();

    let adders = |index| {
        let names = tool_names(&codex.upstream().request(index));
        names.iter().filter(|name| name.contains("adder")).count()
    };
    assert_eq!([adders(0), adders(1), adders(2)], [0, 1, 1], "listed once it was found");
    let calls = run.items("mcp_tool_call");
    assert_eq!(calls.len(), 1, "{}", run.stdout);
    assert_eq!(calls[0]["tool"], "add");
    assert!(tool_outputs(&codex.upstream().request(2)).contains("add says 7"));
    assert_eq!(run.messages(), ["Found and added."]);
}

#[test]
fn a_lite_model_runs_javascript_that_calls_tools() {
    let codex = Scenario::new().model("gpt-6.1-sol").start(|before, request| {
        let script = "const r = await tools.exec_command({cmd: \"echo from javascript > ran.txt\"});\ntext(`sum ${1 + 2}`);";
        match before {
            0 => Completion::calling(&tool_named(request, "exec"), json!({"input": script})),
            _ => Completion::text("Scripted."),
        }
        .answer(request)
    });
    let run = codex.exec("script it").succeeded();

    assert_eq!(codex.read("ran.txt").as_deref(), Some("from javascript\n"), "{}", run.stdout);
    let second = codex.upstream().request(1);
    assert!(tool_outputs(&second).contains("sum 3"), "{}", tool_outputs(&second));
    assert_eq!(run.messages(), ["Scripted."]);
    for request in codex.upstream().requests() {
        assert!(
            tool_names(&request).iter().any(|name| name == "wait"),
            "tools of the item are offered"
        );
        assert!(
            request.json()["tools"]
                .as_array()
                .unwrap()
                .iter()
                .all(|tool| tool["type"] == "function")
        );
    }
}

#[test]
fn an_image_that_the_model_asked_to_see_goes_upstream() {
    let codex = Scenario::new().start(|before, request| {
        match before {
            0 => Completion::calling("view_image", json!({"path": "square.png"})),
            _ => Completion::text("A red square."),
        }
        .answer(request)
    });
    crate::conversations::write_image(&codex, "square.png");
    let run = codex.exec("look at square.png").succeeded();

    assert_eq!(run.messages(), ["A red square."]);
    let second = codex.upstream().request(1);
    assert!(messages(&second, "tool").iter().all(|message| message["content"].is_string()));
    crate::conversations::assert_one_image(&second);
}
