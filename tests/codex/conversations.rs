//! What is said reaches the user, and what was said before reaches the upstream.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::cli::{Codex, KEY, Scenario, messages};
use crate::completion::Completion;
use crate::upstream::Request;

/// A red square of 8 x 8 pixels.
const IMAGE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII=";

/// Puts the red square into the folder that Codex works in.
pub fn write_image(codex: &Codex, name: &str) {
    let bytes = base64::engine::general_purpose::STANDARD.decode(IMAGE).expect("base64");
    std::fs::write(codex.file(name), bytes).expect("a file");
}

/// Fails unless the user messages of the request hold exactly one image, in the form Chat knows.
pub fn assert_one_image(request: &Request) {
    let users = messages(request, "user");
    let images: Vec<&Value> = users
        .iter()
        .flat_map(|message| message["content"].as_array().into_iter().flatten())
        .filter(|part| part["type"] == "image_url")
        .map(|part| &part["image_url"])
        .collect();
    assert_eq!(images.len(), 1, "{}", request.json()["messages"]);
    let url = images[0]["url"].as_str().expect("a URL");
    assert!(url.starts_with("data:image/"), "{url}");
    let detail = images[0]["detail"].as_str().unwrap_or("auto");
    assert!(["auto", "low", "high"].contains(&detail), "Chat does not know detail {detail:?}");
}

/// All text of the messages of one role, joined.
fn texts(request: &Request, role: &str) -> String {
    messages(request, role).iter().map(|message| message["content"].to_string()).collect()
}

#[test]
fn the_text_is_printed() {
    let codex = Scenario::new().start(|_, request| {
        Completion::text("Grüße aus dem Chat ☕").tokens(1200, 7).answer(request)
    });
    let plain = codex.run(&["exec"], &["say hello"]).succeeded();
    assert_eq!(plain.stdout.trim(), "Grüße aus dem Chat ☕");

    let run = codex.exec("say hello again").succeeded();
    assert_eq!(run.messages(), ["Grüße aus dem Chat ☕"]);
    let events = run.events();
    let usage = &events.last().unwrap()["usage"];
    assert_eq!([&usage["input_tokens"], &usage["output_tokens"]], [1200, 7], "{usage}");

    let requests = codex.upstream().requests();
    assert_eq!(requests.len(), 2, "one request for each run");
    assert_eq!(requests[0].path, "/v1/chat/completions");
    assert_eq!(requests[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let body = requests[0].json();
    assert_eq!(body["model"], "test-model");
    assert_eq!(body["stream"], true);
    assert!(texts(&requests[0], "user").contains("say hello"));
    assert_eq!(messages(&requests[0], "system").len(), 1, "one leading system message");
    assert!(messages(&requests[0], "developer").is_empty());
}

#[test]
fn the_block_of_the_readme_is_enough() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```toml\n").expect("a block of TOML");
    let (block, _) = rest.split_once("```").expect("its end");
    assert!(block.contains("http://127.0.0.1:10000/v1"), "{block}");
    let codex = Scenario::new()
        .config(block)
        .start(|_, request| Completion::text("Pasted.").answer(request));
    assert_eq!(codex.exec("say hello").succeeded().messages(), ["Pasted."]);
    let request = codex.upstream().request(0);
    assert_eq!(request.json()["model"], "demo");
    assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
}

#[test]
fn a_client_that_prefers_websockets_falls_back_at_once() {
    let codex = Scenario::new()
        .provider("supports_websockets = true")
        .start(|_, request| Completion::text("Over HTTP.").answer(request));
    let run = codex.exec("say hello").succeeded();
    assert_eq!(run.messages(), ["Over HTTP."]);
    let methods: Vec<String> =
        codex.upstream().requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["POST"], "the upgrade never reaches the upstream");
    // With any other status than 426 it tries again, and says so.
    assert!(!run.errors().contains("Reconnecting"), "{}", run.errors());
}

#[test]
fn reasoning_is_shown_and_goes_back_upstream() {
    for replay in [None, Some("reasoning_content"), Some("reasoning")] {
        let configuration = match replay {
            None => json!({}),
            Some(field) => {
                json!({"upstreams": {"default": {"dialect": {"reasoning_replay": field}}}})
            }
        };
        let codex = Scenario::new().configuration(configuration).start(|before, request| {
            match before {
                0 => Completion::calling("exec_command", json!({"cmd": "true"}))
                    .reasoning("First I must run a command."),
                _ => Completion::text("Done."),
            }
            .answer(request)
        });
        let run = codex.exec("think").succeeded();

        let shown = run.items("reasoning");
        assert_eq!(shown.len(), 1, "{}", run.stdout);
        assert_eq!(shown[0]["text"], "First I must run a command.");
        // By default reasoning goes back in the field in which it came.
        let field = replay.unwrap_or("reasoning_content");
        let said = &messages(&codex.upstream().request(1), "assistant")[0];
        assert_eq!(said[field], "First I must run a command.", "{said}");
        assert!(said["tool_calls"].is_array(), "thought and call are one message: {said}");
    }
}

#[test]
fn an_image_of_the_user_goes_upstream() {
    for model in ["test-model", "gpt-5.5"] {
        let codex = Scenario::new()
            .model(model)
            .start(|_, request| Completion::text("A red square.").answer(request));
        write_image(&codex, "square.png");
        let run = codex
            .run(&["exec", "--json"], &["-i", "square.png", "--", "what is this?"])
            .succeeded();
        assert_eq!(run.messages(), ["A red square."]);
        assert_one_image(&codex.upstream().request(0));
        assert!(texts(&codex.upstream().request(0), "user").contains("what is this?"));
    }
}

#[test]
fn an_output_schema_becomes_a_response_format() {
    let codex =
        Scenario::new().start(|_, request| Completion::text(r#"{"colour":"red"}"#).answer(request));
    let schema = json!({"type": "object", "properties": {"colour": {"type": "string"}},
        "required": ["colour"], "additionalProperties": false});
    std::fs::write(codex.file("schema.json"), schema.to_string()).unwrap();
    let arguments = ["--output-schema", "schema.json", "-o", "answer.json", "--", "which colour?"];
    codex.run(&["exec", "--json"], &arguments).succeeded();

    assert_eq!(codex.read("answer.json").as_deref(), Some(r#"{"colour":"red"}"#));
    let format = &codex.upstream().request(0).json()["response_format"];
    assert_eq!(format["type"], "json_schema");
    assert_eq!(format["json_schema"]["schema"], schema);
}

#[test]
fn a_resumed_session_sends_its_history() {
    let codex = Scenario::new().start(|before, request| {
        match before {
            0 => Completion::calling("exec_command", json!({"cmd": "echo forty-two"})),
            1 => Completion::text("It is forty-two.").reasoning("The command knows."),
            _ => Completion::text("Still forty-two."),
        }
        .answer(request)
    });
    codex.exec("how much is it?").succeeded();
    let run = codex.run(&["exec", "resume", "--last", "--json"], &["and now?"]).succeeded();
    assert_eq!(run.messages(), ["Still forty-two."]);

    let request = codex.upstream().request(2);
    let roles: Vec<Value> = request.json()["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].clone())
        .filter(|role| role != "system" && role != "user")
        .collect();
    assert_eq!(roles, ["assistant", "tool", "assistant"]);
    assert!(texts(&request, "tool").contains("forty-two"));
    assert!(texts(&request, "assistant").contains("It is forty-two."));
    assert_eq!(messages(&request, "assistant")[1]["reasoning_content"], "The command knows.");
    assert!(texts(&request, "user").contains("how much is it?"));
    assert!(texts(&request, "user").contains("and now?"));
}

/// Two turns, the first of which fills the context beyond the limit.
fn compaction(scenario: Scenario) -> Codex {
    let codex =
        scenario.setting("model_auto_compact_token_limit = 20000").start(|before, request| {
            match before {
                0 => Completion::text("The first answer.").tokens(30_000, 10),
                1 => Completion::text("SUMMARY: they spoke of lighthouses."),
                _ => Completion::text("The second answer."),
            }
            .answer(request)
        });
    codex.exec("tell me of lighthouses").succeeded();
    let second = codex.run(&["exec", "resume", "--last", "--json"], &["go on"]).succeeded();
    assert_eq!(
        second.messages().last().map(String::as_str),
        Some("The second answer."),
        "{}",
        second.stdout
    );
    assert_eq!(codex.upstream().requests().len(), 3);
    let summarised = codex.upstream().request(2);
    assert!(
        summarised.json()["messages"].to_string().contains("SUMMARY: they spoke of lighthouses."),
        "the summary takes the place of the history: {}",
        summarised.json()["messages"]
    );
    codex
}

#[test]
fn a_full_context_is_compacted() {
    let codex = compaction(Scenario::new());
    let request = codex.upstream().request(1).json();
    for absent in ["tools", "tool_choice", "parallel_tool_calls"] {
        assert!(request.get(absent).is_none(), "{absent} makes no sense without tools");
    }
}

#[test]
fn a_provider_named_openai_is_compacted_too() {
    let codex = compaction(Scenario::new().provider_name("OpenAI"));
    let last = codex.upstream().request(1).json()["messages"].as_array().unwrap().last().cloned();
    assert_eq!(last.unwrap()["role"], "user", "the trigger becomes a request to summarise");
    let after = codex.upstream().request(2);
    assert!(!texts(&after, "assistant").contains("The first answer."), "the history is gone");
}
