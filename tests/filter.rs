//! The shell in a host in this process: what it holds, sends, answers and refuses, callback by callback.

#![cfg(feature = "filter")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use responses_filter as _;

#[path = "support/in_process_host.rs"]
mod in_process_host;
mod support;

use in_process_host::{LocalResponse, Refuses, Step, Stream, Vm};
use support::drive::{self, Answer, Client, End, Headers, Upstream, header};
use support::fixtures;
use support::summary::Summary;
use support::verdict::verdict;

const REQUEST: &str = r#"{"model":"m","input":"Say hello.","stream":true}"#;
const NOT_HELD: &str = r#"{"hold_headers":false}"#;
const TIMED: &str = r#"{"keep_alive":"timer","keep_alive_seconds":5}"#;

fn headers(list: &[(&str, &str)]) -> Headers {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The headers of a `POST` to this path.
fn post(path: &str) -> Headers {
    headers(&[
        (":method", "POST"),
        (":path", path),
        ("content-type", "application/json"),
        ("content-length", "49"),
        ("accept-encoding", "gzip"),
    ])
}

fn answer(status: &str, content_type: &str) -> Headers {
    headers(&[
        (":status", status),
        ("content-type", content_type),
        ("content-length", "999"),
        ("openai-model", "another"),
    ])
}

/// An upstream's stream, one event a piece.
fn stream() -> Vec<String> {
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":\
             [{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let usage = r#"{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}"#;
    vec![
        chunk(r#"{"role":"assistant","content":"Good"}"#, "null"),
        chunk(r#"{"content":" morning."}"#, "null"),
        chunk("{}", r#""stop""#),
        format!("data: {{\"id\":\"c\",\"choices\":[],\"usage\":{usage}}}\n\n"),
        "data: [DONE]\n\n".to_owned(),
    ]
}

/// What a client has received by now; nothing while the answer is held.
#[track_caller]
fn received(step: Step) -> String {
    if step == Step::Held { String::new() } else { sent(step).1 }
}

#[track_caller]
fn sent(step: Step) -> (Option<Headers>, String) {
    let Step::Sent { headers, body } = step else { panic!("not sent but {step:?}") };
    (headers, String::from_utf8(body).expect("UTF-8"))
}

#[track_caller]
fn answered(step: Step) -> LocalResponse {
    let Step::Answered(answer) = step else { panic!("not answered but {step:?}") };
    let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert!(body["error"]["message"].is_string(), "{body}");
    assert_eq!(header(&answer.headers, "content-type"), Some("application/json"));
    answer
}

/// A VM and an exchange in it whose request is on its way upstream.
fn asked(configuration: &str) -> (Vm, Stream) {
    let mut vm = Vm::start(configuration);
    assert!(vm.configured, "{:?}", vm.log());
    let mut exchange = vm.stream();
    exchange.request_headers(&post("/v1/responses"), false);
    sent(exchange.request_body(REQUEST.as_bytes(), true));
    (vm, exchange)
}

#[test]
fn a_configuration_is_taken_or_refused_with_the_field() {
    for good in ["", "{}", NOT_HELD] {
        assert!(Vm::start(good).configured, "{good}");
    }
    let vm = Vm::start(r#"{"hold_headers":"yes"}"#);
    assert!(!vm.configured);
    assert!(vm.log().iter().any(|line| line.contains("hold_headers")), "{:?}", vm.log());
}

#[test]
fn held_headers_leave_with_the_translated_body() {
    let mut vm = Vm::start("{}");
    let mut exchange = vm.stream();
    assert_eq!(exchange.request_headers(&post("/v1/responses?trace=1"), false), Step::Held);
    let (one, two) = REQUEST.split_at(20);
    assert_eq!(exchange.request_body(one.as_bytes(), false), Step::Held);
    assert_eq!(exchange.request_body(two.as_bytes(), false), Step::Held);
    let (headers, body) = sent(exchange.request_body(b"", true));
    let headers = headers.expect("headers leave with the body");
    assert_eq!(header(&headers, ":path"), Some("/v1/chat/completions?trace=1"));
    assert_eq!(header(&headers, "content-length"), Some(body.len().to_string().as_str()));
    assert_eq!(header(&headers, "accept-encoding"), Some("identity"));
    let chat: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(chat["messages"].is_array(), "{chat}");
    assert_eq!(vm.refused(), [""; 0]);
    exchange.end();
}

#[test]
fn headers_that_cannot_be_held_are_rewritten_at_once() {
    let mut vm = Vm::start(NOT_HELD);
    let mut exchange = vm.stream();
    let (headers, _) = sent(exchange.request_headers(&post("/v1/responses"), false));
    let headers = headers.expect("headers leave at once");
    assert_eq!(header(&headers, ":path"), Some("/v1/chat/completions"));
    assert_eq!(header(&headers, "content-length"), None);
    assert_eq!(exchange.request_body(REQUEST.as_bytes(), false), Step::Held);
    let (headers, body) = sent(exchange.request_body(b"", true));
    assert_eq!(headers, None);
    assert!(body.contains("messages"), "{body}");
    assert_eq!(vm.refused(), [""; 0]);
}

#[test]
fn a_request_may_end_with_trailers() {
    for configuration in ["{}", NOT_HELD] {
        let mut vm = Vm::start(configuration);
        let mut exchange = vm.stream();
        let mut announced = post("/v1/responses");
        announced.push(("trailer".into(), "x-checksum".into()));
        exchange.request_headers(&announced, false);
        assert_eq!(exchange.request_body(REQUEST.as_bytes(), false), Step::Held);
        let (_, body) = sent(exchange.request_trailers());
        assert!(body.contains("messages"), "{body}");

        let mut exchange = vm.stream();
        exchange.request_headers(&post("/v1/responses"), false);
        assert_eq!(exchange.request_body(REQUEST.as_bytes(), false), Step::Held);
        let answer = answered(exchange.request_trailers());
        assert_eq!(answer.status, 400, "the host takes no body behind trailers it did not expect");
        assert_eq!(vm.refused(), [""; 0]);
    }
}

#[test]
fn trailers_that_a_filter_in_front_adds_follow_an_empty_piece() {
    let mut vm = Vm::start("{}");
    let mut exchange = vm.stream();
    exchange.request_headers(&post("/v1/responses"), false);
    let (one, two) = REQUEST.split_at(20);
    assert_eq!(exchange.request_body(one.as_bytes(), false), Step::Held);
    assert_eq!(exchange.request_body(b"", false), Step::Held, "this one is just empty");
    assert_eq!(exchange.request_body(two.as_bytes(), false), Step::Held);
    let (_, body) = sent(exchange.request_body(b"", false));
    assert!(body.contains("messages"), "{body}");
    assert_eq!(vm.refused(), [""; 0]);
}

/// Envoy crashes when a filter panics here; this one did, as every filter with the public SDK does.
#[test]
fn a_stream_that_ends_in_the_middle_of_a_write_ends_nothing_else() {
    let (mut vm, mut exchange) = asked(NOT_HELD);
    exchange.response_headers(&answer("200", "text/event-stream"), false);
    exchange.buffer(100);
    for event in &stream()[..3] {
        exchange.response_body(event.as_bytes(), false);
    }
    exchange.response_body(b"", true);
    assert!(exchange.is_reset());
    assert!(!vm.log().iter().any(|line| line.contains("panicked")), "{:?}", vm.log());
    let mut next = vm.stream();
    next.request_headers(&post("/v1/responses"), false);
    assert!(sent(next.request_body(REQUEST.as_bytes(), true)).1.contains("messages"));
}

#[test]
fn a_stream_leaves_piece_by_piece() {
    for configuration in ["{}", NOT_HELD] {
        let (vm, mut exchange) = asked(configuration);
        let step = exchange.response_headers(&answer("200", "text/event-stream"), false);
        let headers = sent(step).0.expect("headers of a stream leave at once");
        assert_eq!(header(&headers, ":status"), Some("200"));
        assert_eq!(header(&headers, "content-type"), Some("text/event-stream; charset=utf-8"));
        for gone in ["content-length", "openai-model"] {
            assert_eq!(header(&headers, gone), None);
        }
        let mut body = String::new();
        for (piece, news) in stream().iter().zip(["Good", " morning.", "", "", "completed"]) {
            let output = received(exchange.response_body(piece.as_bytes(), false));
            assert!(output.contains(news), "{piece}: {output}");
            body.push_str(&output);
        }
        body.push_str(&sent(exchange.response_body(b"", true)).1);
        let stream = support::grammar::check(body.as_bytes()).unwrap();
        assert_eq!(stream.summary.text, "Good morning.");
        assert_eq!(vm.refused(), [""; 0]);
        exchange.end();
    }
}

/// What a client receives when the host wakes the filter for its queue.
#[track_caller]
fn flushed(exchange: &mut Stream) -> String {
    received(exchange.queue_ready())
}

#[test]
fn with_a_timer_every_piece_leaves_by_the_queue_and_silence_is_filled() {
    let (vm, mut exchange) = asked(TIMED);
    sent(exchange.response_headers(&answer("200", "text/event-stream"), false));
    let mut body = String::new();
    for (piece, news) in stream()[..2].iter().zip(["Good", " morning."]) {
        assert_eq!(exchange.response_body(piece.as_bytes(), false), Step::Held);
        let output = flushed(&mut exchange);
        assert!(output.contains(news), "{piece}: {output}");
        body.push_str(&output);
        for (ms, keep_alives) in [(3000, 0), (3000, 1), (3000, 0), (3000, 1)] {
            let (period, step) = exchange.pass(ms).expect("a timer");
            assert!((100..=1000).contains(&period));
            let output = received(step);
            assert_eq!(output.matches("event: response.in_progress").count(), keep_alives);
            body.push_str(&output);
        }
    }
    for piece in &stream()[2..] {
        body.push_str(&received(exchange.response_body(piece.as_bytes(), false)));
        body.push_str(&flushed(&mut exchange));
    }
    body.push_str(&received(exchange.response_body(b"", true)));
    assert_eq!(support::grammar::check(body.as_bytes()).unwrap().summary.text, "Good morning.");
    assert_eq!(exchange.pass(60_000).map(|(_, step)| received(step)), Some(String::new()));
    assert_eq!(vm.refused(), [""; 0]);
    exchange.end();
}

/// The host may read on before it looks at the queue; then the next piece comes behind the one before.
#[test]
fn with_a_timer_pieces_that_come_at_once_leave_in_order() {
    for trailers in [false, true] {
        let (vm, mut exchange) = asked(TIMED);
        sent(exchange.response_headers(&answer("200", "text/event-stream"), false));
        for piece in &stream()[..3] {
            assert_eq!(exchange.response_body(piece.as_bytes(), false), Step::Held);
        }
        let body = received(if trailers {
            exchange.response_trailers()
        } else {
            exchange.response_body(b"data: [DONE]\n\n", true)
        });
        assert_eq!(flushed(&mut exchange), "", "everything has left");
        assert_eq!(support::grammar::check(body.as_bytes()).unwrap().summary.text, "Good morning.");
        assert_eq!(vm.refused(), [""; 0]);
    }
}

/// Behind a piece that has left by the queue the host takes no end but by the queue.
#[test]
fn with_a_timer_the_end_of_a_cut_stream_arrives() {
    for trailers in [false, true] {
        let (vm, mut exchange) = asked(TIMED);
        exchange.response_headers(&answer("200", "text/event-stream"), false);
        assert_eq!(exchange.response_body(stream()[0].as_bytes(), false), Step::Held);
        let mut body = flushed(&mut exchange);
        body.push_str(&received(if trailers {
            exchange.response_trailers()
        } else {
            exchange.response_body(b"", true)
        }));
        body.push_str(&flushed(&mut exchange));
        let terminal = support::grammar::check(body.as_bytes()).unwrap().summary.terminal;
        assert!(terminal.starts_with("failed:"), "{terminal}");
        assert_eq!(vm.refused(), [""; 0]);
        exchange.end();
    }
}

/// The end of a long answer repeats all of it, which is too much for a pause.
#[test]
fn with_a_timer_a_long_answer_leaves_the_pauses_before_its_end() {
    let (vm, mut exchange) = asked(TIMED);
    exchange.response_headers(&answer("200", "text/event-stream"), false);
    let text = "x".repeat(10_000);
    let piece = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let mut body = String::new();
    for _ in 0..40 {
        body.push_str(&received(exchange.response_body(piece.as_bytes(), false)));
        body.push_str(&flushed(&mut exchange));
    }
    let last = exchange.response_body(stream()[1..].concat().as_bytes(), false);
    body.push_str(&sent(last).1);
    body.push_str(&received(exchange.response_body(b"", true)));
    assert_eq!(support::grammar::check(body.as_bytes()).unwrap().summary.terminal, "completed");
    assert_eq!(vm.refused(), [""; 0]);
}

#[test]
fn without_a_timer_the_host_is_asked_for_none() {
    let (_, mut exchange) = asked(NOT_HELD);
    assert_eq!(exchange.pass(1000), None);
    let (_, mut exchange) = asked("{}");
    assert_eq!(exchange.pass(60_000), Some((1000, Step::Held)), "a body has come: nothing hangs");
    assert_eq!(exchange.pass(1000), None);
}

#[test]
fn headers_that_are_held_for_ever_end_in_an_error() {
    for configuration in [
        "{}",
        TIMED,
        r#"{"hold_headers":false,"_rules_":[{"_match_domain_":["*"],"hold_headers":true}]}"#,
    ] {
        let mut vm = Vm::start(configuration);
        for _ in 0..2 {
            let mut exchange = vm.stream();
            assert_eq!(exchange.request_headers(&post("/v1/responses"), false), Step::Held);
            assert_eq!(exchange.pass(4000), Some((1000, Step::Held)));
            let (_, step) = exchange.pass(2000).expect("a timer");
            let answer = answered(step);
            assert_eq!(answer.status, 503);
            let error = support::grammar::check_error(&answer.body).unwrap();
            assert!(error["error"]["message"].as_str().unwrap().contains("hold_headers"));
            exchange.end();
        }
        let told = |line: &&String| line.contains("allow_on_headers_stop_iteration");
        assert_eq!(vm.log().iter().filter(told).count(), 2, "{:?}", vm.log());
    }
    // One body shows that the host lets go; from then on a slow client has all the time it wants.
    let mut vm = Vm::start(TIMED);
    let mut first = vm.stream();
    first.request_headers(&post("/v1/responses"), false);
    sent(first.request_body(REQUEST.as_bytes(), true));
    first.end();
    let mut slow = vm.stream();
    slow.request_headers(&post("/v1/responses"), false);
    assert_eq!(slow.pass(60_000), Some((1000, Step::Held)));
}

#[test]
fn trailers_behind_a_whole_stream_lose_nothing() {
    let (vm, mut exchange) = asked("{}");
    exchange.response_headers(&answer("200", "text/event-stream"), false);
    let body = sent(exchange.response_body(stream().concat().as_bytes(), false)).1;
    assert!(body.ends_with("data: [DONE]\n\n"));
    assert_eq!(sent(exchange.response_trailers()), (None, String::new()));
    assert_eq!(vm.refused(), [""; 0]);
}

/// Without token counts the end waits for them, which must not cost the end when trailers come.
#[test]
fn trailers_behind_a_stream_without_usage_lose_nothing() {
    let (vm, mut exchange) = asked("{}");
    exchange.response_headers(&answer("200", "text/event-stream"), false);
    let mut body = String::new();
    for piece in stream().iter().filter(|piece| !piece.contains("usage")) {
        body.push_str(&received(exchange.response_body(piece.as_bytes(), false)));
    }
    body.push_str(&received(exchange.response_trailers()));
    assert_eq!(support::grammar::check(body.as_bytes()).unwrap().summary.terminal, "completed");
    assert_eq!(vm.refused(), [""; 0]);
}

#[test]
fn trailers_behind_a_cut_stream_do_no_harm() {
    let (vm, mut exchange) = asked("{}");
    exchange.response_headers(&answer("200", "text/event-stream"), false);
    sent(exchange.response_body(stream()[0].as_bytes(), false));
    sent(exchange.response_trailers());
    assert_eq!(vm.refused(), [""; 0]);
    exchange.end();
}

#[test]
fn an_error_of_the_upstream_becomes_the_filters_answer() {
    let (vm, mut exchange) = asked("{}");
    let headers = answer("401", "application/json");
    assert_eq!(exchange.response_headers(&headers, false), Step::Held);
    let error = r#"{"error":{"message":"Incorrect API key.","type":"x","code":"invalid_api_key"}}"#;
    assert_eq!(exchange.response_body(error.as_bytes(), false), Step::Held);
    let answer = answered(exchange.response_body(b"", true));
    assert_eq!(answer.status, 401);
    assert_eq!(vm.refused(), [""; 0]);
}

#[test]
fn an_error_behind_headers_that_have_left_becomes_the_body() {
    let (vm, mut exchange) = asked(NOT_HELD);
    let (headers, _) = sent(exchange.response_headers(&answer("503", "text/plain"), false));
    let headers = headers.expect("headers leave at once");
    assert_eq!(header(&headers, "content-type"), Some("application/json"));
    assert_eq!(header(&headers, "content-length"), None);
    assert_eq!(exchange.response_body(b"upstream connect error", false), Step::Held);
    let (_, body) = sent(exchange.response_body(b"", true));
    support::grammar::check_error(body.as_bytes()).unwrap();
    assert_eq!(vm.refused(), [""; 0]);
}

#[test]
fn an_error_without_a_body_is_answered_at_the_headers() {
    let (_, mut exchange) = asked("{}");
    let answer = answered(exchange.response_headers(&headers(&[(":status", "404")]), true));
    assert_eq!(answer.status, 404);
}

#[test]
fn a_bad_request_is_answered_and_the_answer_left_alone() {
    for configuration in ["{}", NOT_HELD] {
        let mut vm = Vm::start(configuration);
        let mut exchange = vm.stream();
        exchange.request_headers(&post("/v1/responses"), false);
        assert_eq!(answered(exchange.request_body(b"{", true)).status, 400);
        assert_eq!(vm.refused(), [""; 0]);
        exchange.end();
    }
}

#[test]
fn a_websocket_upgrade_is_refused_at_once() {
    let mut vm = Vm::start("{}");
    let mut exchange = vm.stream();
    let upgrade = headers(&[
        (":method", "GET"),
        (":path", "/v1/responses"),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
    ]);
    assert_eq!(answered(exchange.request_headers(&upgrade, true)).status, 426);
}

#[test]
fn everything_else_passes_untouched() {
    let mut vm = Vm::start("{}");
    for (method, path) in [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/embeddings"),
        ("GET", "/healthz"),
        ("POST", "/v1/responses-of-mine"),
    ] {
        let mut exchange = vm.stream();
        let mut request = post(path);
        request[0].1 = method.into();
        let step = exchange.request_headers(&request, false);
        assert_eq!(sent(step).0, Some(request), "{path}");
        assert_eq!(sent(exchange.request_body(b"{\"a\":", false)).1, "{\"a\":");
        assert_eq!(sent(exchange.request_body(b"1}", true)).1, "1}");
        let headers = answer("200", "application/json");
        assert_eq!(sent(exchange.response_headers(&headers, false)).0, Some(headers));
        assert_eq!(sent(exchange.response_body(b"{}", true)).1, "{}");
        exchange.end();
    }
}

#[test]
fn a_host_that_refuses_does_not_break_the_filter() {
    for refuses in [Refuses::LateHeaders, Refuses::Bodies, Refuses::Headers] {
        for configuration in ["{}", NOT_HELD] {
            let mut vm = Vm::start(configuration);
            let mut exchange = vm.stream();
            vm.refuse(refuses);
            exchange.request_headers(&post("/v1/responses"), false);
            exchange.request_body(REQUEST.as_bytes(), true);
            exchange.response_headers(&answer("200", "application/json"), false);
            exchange.response_body(b"{\"choices\":[]}", false);
            exchange.response_body(b"", true);
            exchange.end();
            let panicked = vm.log().iter().any(|line| line.contains("panicked"));
            assert!(!panicked, "{:?}", vm.log());
        }
    }
}

#[test]
fn nothing_of_a_conversation_is_logged() {
    let secrets = ["SECRET-TEXT", "SECRET-KEY", "SECRET-ANSWER", "SECRET-QUERY", "SECRET-ERROR"];
    let mut vm = Vm::start("{}");
    for piece in [
        "data: {\"choices\":[{\"delta\":{\"content\":\"SECRET-ANSWER\"}}]}\n\ndata: SECRET-ANSWER\n\n",
        "data: {\"error\":{\"message\":\"SECRET-ERROR\"}}\n\n",
        "{\"SECRET-ANSWER\"",
    ] {
        for status in ["200", "500"] {
            let mut exchange = vm.stream();
            let mut request = post("/v1/responses?key=SECRET-QUERY");
            request.push(("authorization".into(), "Bearer SECRET-KEY".into()));
            exchange.request_headers(&request, false);
            let body = r#"{"model":"m","input":"SECRET-TEXT","stream":true}"#;
            exchange.request_body(body.as_bytes(), true);
            exchange.response_headers(&answer(status, "text/event-stream"), false);
            exchange.response_body(piece.as_bytes(), false);
            exchange.response_body(b"", true);
            exchange.end();
        }
    }
    let log = vm.log().join("\n");
    assert!(secrets.iter().all(|secret| !log.contains(secret)), "{log}");
}

#[test]
fn exchanges_of_one_vm_have_ids_of_their_own() {
    let mut vm = Vm::start("{}");
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut exchange = vm.stream();
        exchange.request_headers(&post("/v1/responses"), false);
        exchange.request_body(REQUEST.as_bytes(), true);
        exchange.response_headers(&answer("200", "text/event-stream"), false);
        let body = sent(exchange.response_body(stream().concat().as_bytes(), true)).1;
        let response = support::grammar::fold(body.as_bytes()).unwrap();
        ids.push(response["id"].as_str().unwrap().to_owned());
        exchange.end();
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

/// Whatever the core does, the shell does: every fixture comes out of the host as it comes out of the
/// core, but for ids.
#[test]
fn every_fixture_passes_through_the_shell() {
    for fixture in fixtures::all() {
        let Some(upstream) = fixture.upstream else { continue };
        let core = drive::exchange(&fixture.client, &upstream);
        let shell = through_the_shell(&fixture.client, &upstream);
        assert_eq!(core.status, shell.status, "{}", fixture.name);
        assert_eq!(told(&core), told(&shell), "{}", fixture.name);
        assert_eq!(core.headers, shell.headers, "{}", fixture.name);
        let chat = |answer: &Answer| answer.chat.as_ref().map(|chat| chat.body.clone());
        assert_eq!(chat(&core), chat(&shell), "{}", fixture.name);
    }
}

/// What an answer amounts to, without ids that the filter has made up.
fn told(answer: &Answer) -> Summary {
    let mut summary = verdict(answer).expect("a legal answer").summary();
    summary.calls.iter_mut().for_each(|call| call.call_id.clear());
    summary
}

fn through_the_shell(client: &Client, upstream: &Upstream) -> Answer {
    let mut vm = Vm::start(&client.config);
    let mut exchange = vm.stream();
    let mut shell = Answer { complete: true, ..Answer::default() };
    exchange.request_headers(&client.headers, false);
    match exchange.request_body(&client.body, true) {
        Step::Answered(answer) => return local(shell, answer),
        Step::Held => panic!("the request is never released"),
        Step::Sent { headers, body } => {
            shell.chat = Some(drive::ChatRequest { headers: headers.unwrap_or_default(), body });
        }
    }
    let mut headers = upstream.headers.clone();
    headers.insert(0, (":status".into(), upstream.status.to_string()));
    let bodiless = upstream.pieces.is_empty() && upstream.end == End::WithLast;
    let mut steps = vec![exchange.response_headers(&headers, bodiless)];
    if !bodiless && !matches!(steps[0], Step::Answered(_)) {
        let pieces = upstream.pieces.iter().map(|piece| (piece.as_slice(), false));
        for (piece, end) in pieces.chain([(&b""[..], true)]) {
            steps.push(exchange.response_body(piece, end));
        }
    }
    for step in steps {
        match step {
            Step::Answered(answer) => return local(shell, answer),
            Step::Held => {}
            Step::Sent { headers, body } => {
                if let Some(mut headers) = headers {
                    shell.status = headers.remove(0).1.parse().expect("a status");
                    shell.headers = headers;
                }
                shell.pieces.push(body);
            }
        }
    }
    assert_eq!(vm.refused(), [""; 0]);
    exchange.end();
    shell
}

fn local(shell: Answer, answer: LocalResponse) -> Answer {
    Answer {
        status: answer.status as u16,
        headers: answer.headers,
        pieces: vec![answer.body],
        ..shell
    }
}
