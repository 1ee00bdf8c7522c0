//! What goes wrong upstream: Codex retries what may pass, stops at what will not, runs nothing that
//! was cut in half, and tells the user why.

use std::time::Duration;

use serde_json::json;

use crate::cli::{Codex, Scenario};
use crate::completion::{Completion, event};
use crate::upstream::Answer;

/// Texts and codes by which upstreams say that the conversation is too long.
const OVERFLOWS: [(u16, &str); 8] = [
    // OpenAI, and servers that copy it.
    (
        400,
        r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
    ),
    // vLLM.
    (
        400,
        r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.","type":"BadRequestError","param":null,"code":400}"#,
    ),
    // llama.cpp.
    (
        400,
        r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9001,"n_ctx":4096}}"#,
    ),
    // Anthropic-compatible endpoints.
    (
        400,
        r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
    ),
    // Gemini: a list, and a status of its own.
    (
        400,
        r#"[{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]"#,
    ),
    // TGI says 422.
    (
        422,
        r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4500 `inputs` tokens and 512 `max_new_tokens`","error_type":"validation"}"#,
    ),
    // Servers that call everything an internal error.
    (
        500,
        r#"{"error":{"message":"Input is too long for requested model.","type":"server_error"}}"#,
    ),
    // Plain text with 413.
    (413, "Prompt too long; exceeded max context length by 512 tokens"),
];

/// The beginning of an answer: text, no finish reason, no `[DONE]`.
fn half() -> String {
    Completion::text("Half a sen").pieces().concat()
}

/// A call whose arguments stop in the middle of the command; run, they would leave a file.
fn half_a_call() -> String {
    let call = Completion::calling("exec_command", json!({"cmd": "touch ran.txt; echo never"}));
    let pieces = call.pieces();
    pieces[..pieces.len() - 2].concat()
}

fn finish(reason: &str) -> String {
    event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
        + "data: [DONE]\n\n"
}

/// An upstream that always answers like this.
fn always(answer: Answer) -> Codex {
    Scenario::new().start(move |_, _| answer.clone())
}

/// An upstream that answers like this once and is well from then on.
fn once(answer: Answer) -> Codex {
    Scenario::new().start(move |before, request| match before {
        0 => answer.clone(),
        _ => Completion::text("All is well.").answer(request),
    })
}

#[test]
fn a_truncated_stream_is_retried() {
    let codex = once(Answer::sse().write(half()));
    let run = codex.exec("go").succeeded();
    assert_eq!(run.messages().last().map(String::as_str), Some("All is well."));
    assert_eq!(codex.upstream().requests().len(), 2);
}

#[test]
fn a_stream_that_is_always_truncated_never_looks_complete() {
    let codex = always(Answer::sse().write(half()));
    let run = codex.exec("go").failed();
    assert!(run.errors().contains("stream disconnected before completion"), "{}", run.errors());
    assert_eq!(codex.upstream().requests().len(), 2, "one try and one retry");
}

#[test]
fn an_aborted_connection_is_retried() {
    let codex = once(Answer::sse().write(half()).cut());
    let run = codex.exec("go").succeeded();
    assert_eq!(run.messages().last().map(String::as_str), Some("All is well."));
    assert_eq!(codex.upstream().requests().len(), 2);
}

#[test]
fn a_connection_that_always_aborts_ends_in_an_error() {
    let codex = always(Answer::sse().write(half()).cut());
    codex.exec("go").failed();
    assert_eq!(codex.upstream().requests().len(), 2, "one try and one retry");
}

#[test]
fn an_error_in_the_stream_reaches_the_user() {
    let error = json!({"error": {"message": "the engine has crashed", "code": 500}});
    let codex = always(Answer::sse().write(half()).write(format!("data: {error}\n\n")));
    let run = codex.exec("go").failed();
    assert!(run.errors().contains("the engine has crashed"), "{}", run.errors());
}

#[test]
fn an_error_that_cannot_pass_is_not_retried() {
    let error = json!({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}});
    let codex = always(Answer::sse().write(half()).write(format!("data: {error}\n\n")));
    let run = codex.exec("go").failed();
    assert!(run.errors().contains("Quota exceeded"), "{}", run.errors());
    assert_eq!(codex.upstream().requests().len(), 1);
}

#[test]
fn a_call_cut_in_half_never_runs() {
    let ends = [
        ("the stream just ends", Answer::sse().write(half_a_call())),
        ("the connection breaks", Answer::sse().write(half_a_call()).cut()),
        ("the tokens are used up", Answer::sse().write(half_a_call()).write(finish("length"))),
        ("a filter steps in", Answer::sse().write(half_a_call()).write(finish("content_filter"))),
    ];
    // The prompt says which end is asked for.
    let answers = ends.clone();
    let codex = Scenario::new().start(move |_, request| {
        let asked = request.json()["messages"].to_string();
        let (_, answer) = answers.iter().find(|(end, _)| asked.contains(end)).expect("a known end");
        answer.clone()
    });
    for (end, _) in ends {
        let run = codex.exec(end).failed();
        assert_eq!(codex.read("ran.txt"), None, "{end}");
        assert!(run.items("command_execution").is_empty(), "{end}: {}", run.stdout);
    }
}

#[test]
fn a_call_that_is_whole_but_unfinished_never_runs() {
    // The arguments parse; nothing says that this was all of them.
    let call = Completion::calling("exec_command", json!({"cmd": "touch ran.txt"}));
    let codex = always(Answer::sse().write(call.pieces().concat()));
    codex.exec("go").failed();
    assert_eq!(codex.read("ran.txt"), None);
}

#[test]
fn an_answer_without_room_to_finish_is_a_hard_stop() {
    let codex = always(Answer::sse().write(half()).write(finish("length")));
    let run = codex.exec("go").failed();
    assert!(run.errors().contains("max_output_tokens"), "{}", run.errors());
    assert_eq!(codex.upstream().requests().len(), 1, "more tries would end the same");
}

#[test]
fn a_conversation_that_is_too_long_is_named_as_such() {
    let codex = Scenario::new().start(|before, _| {
        // One try each: a second one would shift all that follow.
        let (status, body) = OVERFLOWS[before % OVERFLOWS.len()];
        Answer::new(status).header("content-type", "application/json").write(body)
    });
    for (index, (status, body)) in OVERFLOWS.into_iter().enumerate() {
        let run = codex.exec("go").failed();
        assert!(run.errors().contains("ran out of room"), "{status} {body}: {}", run.errors());
        assert_eq!(codex.upstream().requests().len(), index + 1, "{status} {body}");
    }
}

#[test]
fn a_conversation_that_is_too_long_is_named_as_such_in_a_stream() {
    let error =
        json!({"error": {"message": "This model's maximum context length is 8192 tokens."}});
    let codex = always(Answer::sse().write(format!("data: {error}\n\n")));
    let run = codex.exec("go").failed();
    assert!(run.errors().contains("ran out of room"), "{}", run.errors());
    assert_eq!(codex.upstream().requests().len(), 1);
}

#[test]
fn a_rate_limit_with_retry_after_is_waited_for() {
    let limited = json!({"error": {"message": "Too many requests", "type": "rate_limit_error"}});
    let codex = once(Answer::json(429, limited.to_string()).header("retry-after", "1"));
    let run = codex.exec("go").succeeded();
    assert!(run.errors().contains("429"), "the limit is told as such: {}", run.errors());
    assert_eq!(run.messages(), ["All is well."]);
    assert_eq!(codex.upstream().requests().len(), 2);
}

#[test]
fn a_rate_limit_that_names_its_delay_in_the_text_is_waited_for() {
    let limited = json!({"error": {"message": "Rate limit reached. Please try again in 1s."}});
    let codex = once(Answer::json(429, limited.to_string()));
    let run = codex.exec("go").succeeded();
    assert!(run.errors().contains("429"), "the limit is told as such: {}", run.errors());
    assert_eq!(run.messages(), ["All is well."]);
    assert_eq!(codex.upstream().requests().len(), 2);
}

#[test]
fn a_rate_limit_without_a_delay_ends_the_turn() {
    let limited = json!({"error": {"message": "Too many requests", "type": "rate_limit_error"}});
    let codex = always(Answer::json(429, limited.to_string()));
    let run = codex.exec("go").failed();
    assert!(run.errors().contains("429 Too Many Requests"), "{}", run.errors());
}

/// An upstream that says nothing but comments for three seconds, before a client that gives up
/// after one and a half.
fn silence(keep_alive_s: u64) -> Codex {
    let mut answer = Answer::sse().write(half());
    for _ in 0..12 {
        answer = answer.pause(Duration::from_millis(250)).write(": still working\n\n");
    }
    let answer = answer
        .write(event(&json!({"choices": [{"index": 0, "delta": {"content": "tence."}}]})))
        .write(finish("stop"));
    Scenario::new()
        .provider("stream_idle_timeout_ms = 1500")
        .configuration(json!({"keep_alive_seconds": keep_alive_s}))
        .start(move |_, _| answer.clone())
}

/// Not a byte for nine seconds, before a client that gives up after four.
fn total_silence(keep_alive: &str) -> Codex {
    let answer = Answer::sse()
        .write(half())
        .pause(Duration::from_secs(9))
        .write(event(&json!({"choices": [{"index": 0, "delta": {"content": "tence."}}]})))
        .write(finish("stop"));
    Scenario::new()
        .provider("stream_idle_timeout_ms = 4000")
        .configuration(json!({"keep_alive": keep_alive, "keep_alive_seconds": 1}))
        .start(move |_, _| answer.clone())
}

#[test]
fn a_timer_keeps_the_client_waiting_in_total_silence() {
    let codex = total_silence("timer");
    let run = codex.exec("go").succeeded();
    assert_eq!(run.messages(), ["Half a sentence."]);
    assert_eq!(codex.upstream().requests().len(), 1);

    let run = total_silence("bytes").exec("go").failed();
    assert!(run.errors().contains("idle timeout"), "{}", run.errors());
}

#[test]
fn comments_of_the_upstream_keep_the_client_waiting() {
    let codex = silence(1);
    let run = codex.exec("go").succeeded();
    assert_eq!(run.messages(), ["Half a sentence."]);
    assert_eq!(codex.upstream().requests().len(), 1);

    // What the keep-alive is good for: without it the same silence is too long.
    let codex = silence(60);
    let run = codex.exec("go").failed();
    assert!(run.errors().contains("idle timeout"), "{}", run.errors());
}
