//! W: the wire. E: errors in answers that began as successes.

use responses_filter::chat::FinishReason;
use responses_filter::error::Class;
use serde_json::{Value, json};

use crate::read::{chunk, completion, events, finish, read, read_as, stream};

/// `Hi you` in two chunks, with a finish reason and usage.
fn hi() -> Vec<Value> {
    vec![
        chunk(json!({"role": "assistant", "content": "Hi "})),
        chunk(json!({"content": "you"})),
        finish("stop"),
        json!({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}),
    ]
}

#[track_caller]
fn check_hi(body: &str) {
    let answer = read(body);
    assert_eq!(answer.text, "Hi you", "{body}");
    assert_eq!(answer.finishes, [FinishReason::Stop], "{body}");
    assert_eq!(answer.usage.map(|usage| usage.total_tokens), Some(120), "{body}");
    assert_eq!(answer.failed, None);
}

#[test]
fn w1_framing() {
    let body = events(&hi());
    check_hi(&body);
    check_hi(&body.replace('\n', "\r\n"));
    check_hi(&body.replace('\n', "\r"));
    check_hi(&body.replace("data: ", "data:"));
    check_hi(&body.replace("\n\n", "\n"));
    check_hi(&body.replace("data: {", ": keep-alive\n\nid: 1\nevent: message\nretry: 5\ndata: {"));
    check_hi(&format!("\u{FEFF}{body}"));
    check_hi(body.trim_end());
    check_hi(&body.replace("\"choices\"", "\ndata: \"choices\""));
    check_hi(&body.replace("data: {", "data: data: {"));
}

#[test]
fn w2_a_document_for_a_stream() {
    let mut document: Value =
        serde_json::from_str(&completion(json!({"content": "Hi you"}))).unwrap();
    document["usage"] = json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120});
    check_hi(&document.to_string());
    check_hi(&serde_json::to_string_pretty(&document).unwrap());
    check_hi(&format!("\n\n\r\n{document}\n\ndata: [DONE]\n\n"));
    check_hi(&format!("data: {document}\n\ndata: [DONE]\n\n"));
    check_hi(&format!("[{document}]"));
}

#[test]
fn w2_a_web_page_is_a_failure() {
    let answer = read("<!DOCTYPE html>\n<html><title>Sign in</title></html>");
    let error = answer.failed.unwrap();
    assert_eq!(error.class, Class::Server);
    assert!(error.message.ends_with("a web page for an answer: Sign in"), "{}", error.message);
}

#[test]
fn w3_lines_of_json() {
    let lines: Vec<String> = hi().iter().map(Value::to_string).collect();
    check_hi(&lines.join("\n"));
    check_hi(&format!("{}\n[DONE]\n", lines.join("\r\n")));
}

#[test]
fn w3_native_answers() {
    check_hi(
        "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi \"},\"done\":false}\n\
         {\"model\":\"m\",\"message\":{\"content\":\"you\"},\"done\":false}\n\
         {\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\
         \"prompt_eval_count\":100,\"eval_count\":20}\n",
    );
    check_hi(
        "{\"result\":{\"response\":\"Hi you\",\"tool_calls\":[],\"usage\":{\"prompt_tokens\":100,\
         \"completion_tokens\":20}},\"success\":true,\"errors\":[],\"messages\":[]}",
    );
    let answer = read(
        "{\"message\":{\"thinking\":\"Hm.\",\"tool_calls\":[{\"function\":{\"name\":\"list_dir\",\
         \"arguments\":{}}},{\"function\":{\"name\":\"list_dir\",\"arguments\":{\"a\":1}}}]},\
         \"done\":true}",
    );
    assert_eq!(answer.calls(), ["- list_dir {}", "- list_dir {\"a\":1}"]);
    assert_eq!(answer.reasoning, "Hm.");
    let answer = read(
        "data: {\"response\":\"Hi\",\"p\":\"abc\"}\n\n\
         data: {\"tool_calls\":[{\"name\":\"list_dir\",\"arguments\":{\"a\":1}}],\"response\":null}\n\n",
    );
    assert_eq!(
        (answer.text.as_str(), answer.calls()),
        ("Hi", vec!["- list_dir {\"a\":1}".to_owned()])
    );
}

#[test]
fn w4_missing_null_and_odd_members() {
    let mut data = vec![
        json!({"id": "", "model": "", "choices": [], "prompt_filter_results": [{"x": 1}]}),
        json!({"choices": null, "usage": null, "error": null}),
        json!({"choices": [{"index": 0, "delta": null, "finish_reason": null}], "data": null}),
        json!({"choices": [{"index": 0, "finish_reason": "", "content_filter_results": {}}]}),
        json!({"choices": [{"delta": []}], "timings": {"n": 1}}),
        json!({"choices": [{"index": 0, "delta": {"role": "assistant"}}]}),
        json!({"choices": [null, "x", 7]}),
        json!({"choices": "none", "usage": [], "x_groq": "req"}),
        json!([]),
        json!(null),
        json!("text"),
        json!(7),
    ];
    data.extend(hi());
    check_hi(&events(&data));
}

#[test]
fn w4_the_first_choice_counts() {
    check_hi(&events(&[
        json!({"choices": [{"index": 0, "delta": {"content": "Hi "}}, {"index": 1, "delta": {"content": "X"}}]}),
        json!({"choices": [{"index": 1, "delta": {"content": "Y"}, "finish_reason": "length"}]}),
        json!({"choices": [{"index": 0, "delta": {"content": "you"}, "finish_reason": "stop"}]}),
        json!({"usage": {"prompt_tokens": 100, "completion_tokens": 20}}),
    ]));
}

#[test]
fn w4_models_are_news_when_they_change() {
    let model = |model: &str| json!({"model": model, "service_tier": "flex", "choices": []});
    let answer = read(events(&["m-1", "m-1", "", "m-2"].map(model)));
    assert_eq!(answer.models, ["m-1", "m-2"]);
    assert_eq!(answer.tiers, ["flex"]);
}

#[test]
fn w5_a_message_beside_deltas() {
    let both = |message: &str, delta: &str| json!({"choices": [{"index": 0, "message": {"content": message}, "delta": {"content": delta}}]});
    let mut data = vec![both("Hi ", "Hi "), both("Hi you", "you"), both("Hi you", "")];
    data.extend_from_slice(&hi()[2..]);
    check_hi(&events(&data));
    let last = json!({"choices": [{"index": 0, "delta": {}, "message": {"content": "Hi you"},
        "finish_reason": "stop"}], "usage": {"prompt_tokens": 100, "completion_tokens": 20}});
    check_hi(&events(&[last]));
}

#[test]
fn w5_a_whole_completion_at_the_end() {
    let mut data = hi();
    data.truncate(2);
    data.push(json!({"object": "chat.completion", "choices": [{"message": {"content": "Hi you"},
        "finish_reason": "stop"}], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}));
    check_hi(&events(&data));
    // What is held back has come, too.
    let prefix = json!({"inline_think": "prefix"});
    assert_eq!(read_as(&prefix, events(&data)).text, "Hi you");
}

#[test]
fn w5_growing_messages_and_messages_as_pieces() {
    for texts in [["Hi ", "Hi you"], ["Hi ", "you"]] {
        let mut data: Vec<Value> = texts
            .iter()
            .map(|text| json!({"object": "chat.completion.chunk", "choices": [{"message": {"content": text}}]}))
            .collect();
        data.extend_from_slice(&hi()[2..]);
        check_hi(&events(&data));
    }
}

#[test]
fn w6_events_that_are_nearly_json() {
    let answer = read(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":{\"x\":-Infinity}}],\"p\":NaN}\n\n\
         data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"a\",\"role\":\"b\",\"content\":\"b\"}}],\"id\":1,\"id\":2,\"model\":\"m\",\"model\":\"m\"}\n\n\
         data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"c\\ud83dd\"}}]}\n\n\
         data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"e\tf\"}}]}\n\n\
         data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\ud83d\\ude00\\u0000\"}}]}\n\n",
    );
    assert_eq!(answer.text, "abc\u{FFFD}de\tf😀\0");
    let invalid = b"data: {\"choices\":[{\"delta\":{\"content\":\"x\xffy\"}}]}\n\n";
    assert_eq!(read(invalid).text, "x\u{FFFD}y");
}

#[test]
fn w6_a_broken_event_is_skipped() {
    let body = events(&hi());
    for broken in
        ["data: {\"choices\":[{\"delta\":\n\n", "data: {{}\n\n", "data: ping\n\n", "data: \n\n"]
    {
        check_hi(&format!("{broken}{body}"));
        check_hi(&body.replacen("\n\n", &format!("\n\n{broken}"), 1));
    }
}

#[test]
fn w7_refusals_images_and_sound() {
    let answer = read(stream(&[json!({"refusal": "I can't"}), json!({"refusal": " help."})]));
    assert_eq!((answer.refusal.as_str(), answer.text.as_str()), ("I can't help.", ""));
    let images = json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        {"image_url": "https://a"}, {"type": "x"}]);
    let answer = read(stream(&[json!({"content": "Here.", "images": images})]));
    assert_eq!(answer.images, ["data:image/png;base64,iVBO", "https://a"]);
    assert_eq!(answer.order, ["text", "image", "finish"]);
    let audio = json!({"audio": {"id": "a", "data": "xx", "transcript": "Hello"}, "content": null});
    assert_eq!(read(completion(audio)).text, "Hello");
}

#[test]
fn w7_citations_wait_for_text_and_come_once() {
    let citations = json!(["https://a"]);
    let mut data: Vec<Value> =
        ["", "A", "B"].iter().map(|text| chunk(json!({"content": text}))).collect();
    for chunk in &mut data {
        chunk["citations"] = citations.clone();
    }
    let answer = read(events(&data));
    let expected = json!({"type": "url_citation", "url": "https://a", "title": "https://a",
        "start_index": 0, "end_index": 0});
    assert_eq!(answer.annotations, [expected]);
    assert_eq!(answer.order, ["text", "annotation", "text"]);
    let nested = json!({"url": "https://a", "title": "A", "start_index": 1, "end_index": 2});
    let delta =
        json!({"content": "A", "annotations": [{"type": "url_citation", "url_citation": nested}]});
    assert_eq!(read(stream(&[delta])).annotations[0]["end_index"], 2);
}

#[test]
fn w7_log_probabilities_come_before_their_text() {
    let mut data = chunk(json!({"content": "Hi"}));
    data["choices"][0]["logprobs"] =
        json!({"content": [{"token": "Hi", "logprob": -0.1}], "refusal": null});
    let mut none = chunk(json!({"content": "!"}));
    none["choices"][0]["logprobs"] = json!({"content": null});
    let answer = read(events(&[data, none]));
    assert_eq!(answer.logprobs, [json!([{"token": "Hi", "logprob": -0.1}])]);
    assert_eq!(answer.order, ["logprobs", "text"]);
}

/// Errors in all their shapes, and their class.
fn errors() -> Vec<(Value, Class)> {
    vec![
        (json!({"error": {"message": "x", "type": "server_error", "code": null}}), Class::Server),
        (json!({"error": {"message": "x", "code": 429}}), Class::RateLimitExceeded),
        (json!({"error": {"message": "x", "code": "429"}}), Class::RateLimitExceeded),
        (
            json!({"object": "error", "message": "x", "type": "BadRequestError", "code": 400}),
            Class::InvalidRequest,
        ),
        (json!({"error": "Stream error: error decoding response body"}), Class::Server),
        (
            json!({"error": "Input validation error", "error_type": "validation"}),
            Class::InvalidRequest,
        ),
        (
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
            Class::Overloaded,
        ),
        (
            json!({"choices": null, "base_resp": {"status_code": 1008, "status_msg": "x"}}),
            Class::InsufficientQuota,
        ),
        (
            json!({"id": "a", "error": {"code": 502, "message": "x", "metadata": {"raw": "{\"error\":{\"message\":\"prompt is too long\"}}"}},
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}),
            Class::ContextLengthExceeded,
        ),
        (
            json!({"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 429, "message": "x"}}]}),
            Class::RateLimitExceeded,
        ),
        (json!({"x_groq": {"id": "r", "error": "over capacity: at capacity"}}), Class::Server),
        (json!({"error": {"message": "x", "code": "content_filter"}}), Class::Policy),
        (json!({"error": {"message": "x", "code": "tool_use_failed"}}), Class::Server),
        (
            json!({"error": {"message": "The model produced too much", "type": "invalid_request_error"}}),
            Class::InvalidRequest,
        ),
        (json!({"detail": "Internal"}), Class::Server),
        (
            json!({"errors": [{"message": "x", "code": 3040}], "success": false}),
            Class::RateLimitExceeded,
        ),
    ]
}

#[test]
fn e1_errors_in_all_shapes() {
    for (error, class) in errors() {
        let body = events(&[chunk(json!({"content": "Part"})), error.clone()]);
        let answer = read(&body);
        assert_eq!((answer.text.as_str(), answer.class()), ("Part", Some(class)), "{error}");
        assert_eq!(answer.order, ["text", "failed"]);
        assert_eq!(read(error.to_string()).class(), Some(class), "document {error}");
        let bare = format!("data: {}\n\n{error}\n", chunk(json!({"content": "Part"})));
        assert_eq!(read(bare).class(), Some(class), "bare {error}");
    }
}

#[test]
fn e1_named_events() {
    let answer =
        read("event: error\ndata: {\"message\":\"tokens to keep from the initial prompt\"}\n\n");
    assert_eq!(answer.class(), Some(Class::ContextLengthExceeded));
    let answer = read("event: error\ndata: something broke\n\n");
    assert_eq!(answer.failed.unwrap().message, "something broke");
    let answer = read("event: error\ndata: {\"choices\": broken\n\n");
    assert_eq!(answer.class(), Some(Class::Server));
}

#[test]
fn e1_no_error_is_no_error() {
    for nothing in [json!(null), json!(""), json!({}), json!([]), json!(false), json!(0)] {
        let mut data = hi();
        data[0]["error"] = nothing.clone();
        data[0]["base_resp"] = json!({"status_code": 0, "status_msg": ""});
        data[1]["choices"][0]["error"] = nothing;
        check_hi(&events(&data));
    }
}

#[test]
fn e2_delays_reach_the_message() {
    let answer = read(events(&[json!({"error": {"message": "Slow down", "code": 429, "details":
        [{"retryDelay": "12s"}]}})]));
    let error = answer.failed.unwrap();
    assert_eq!(
        (error.retry_after_s, error.message.as_str()),
        (Some(12), "Slow down. Please try again in 12s.")
    );
}

#[test]
fn e3_truncation_proves_nothing() {
    let body = format!("data: {}\n\n", chunk(json!({"content": "A half sen"})));
    let answer = read(body + "data: {\"choices\":[{\"delta\":{\"con");
    assert_eq!(
        (answer.text.as_str(), answer.finishes.len(), answer.failed),
        ("A half sen", 0, None)
    );
}
