//! F: finish reasons. U: usage. N: whole messages.

use responses_filter::chat::FinishReason;
use responses_filter::error::Class;
use serde_json::{Value, json};

use crate::read::{chunk, completion, events, finish, read};

#[test]
fn f1_the_finish_reason_does_not_decide_whether_there_are_calls() {
    let call = json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "list_dir"}}]});
    assert_eq!(read(events(&[chunk(call), finish("stop")])).calls(), ["a list_dir "]);
    let answer = read(events(&[chunk(json!({"content": "Hi"})), finish("tool_calls")]));
    assert_eq!((answer.calls.len(), answer.finishes), (0, vec![FinishReason::Stop]));
}

#[test]
fn f2_words() {
    for (word, reason) in [
        ("end_turn", FinishReason::Stop),
        ("STOP", FinishReason::Stop),
        ("model_length", FinishReason::Length),
        ("sensitive", FinishReason::ContentFilter),
        ("model_context_window_exceeded", FinishReason::ContextWindow),
        ("banana", FinishReason::Unknown),
    ] {
        assert_eq!(read(events(&[finish(word)])).finishes, [reason], "{word}");
    }
    for (word, class) in [
        ("insufficient_system_resource", Class::Overloaded),
        ("network_error", Class::Server),
        ("error", Class::Server),
        ("abort", Class::Server),
    ] {
        let answer = read(events(&[chunk(json!({"content": "Hi"})), finish(word)]));
        assert_eq!((answer.class(), answer.finishes.len()), (Some(class), 0), "{word}");
    }
}

#[test]
fn f3_empty_words_are_none() {
    let answer = read(events(&[finish(""), finish("null"), chunk(json!({"content": "Hi"}))]));
    assert_eq!(answer.finishes, []);
    let null = json!({"choices": [{"delta": {"content": "!"}, "finish_reason": null}]});
    assert_eq!(read(events(&[null])).finishes, []);
}

#[test]
fn f4_a_finish_reason_ends_nothing() {
    let each =
        |text: &str| json!({"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]});
    let call = json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "list_dir"}}]});
    let answer = read(events(&[each("A"), each("B"), chunk(call), finish("length")]));
    assert_eq!((answer.text.as_str(), answer.calls.len()), ("AB", 1));
    assert_eq!(answer.finishes.last(), Some(&FinishReason::Length));
}

#[test]
fn u_everywhere() {
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120});
    for data in [
        json!({"choices": [], "usage": usage}),
        json!({"usage": usage}),
        json!({"choices": null, "usage": usage}),
        json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage}),
        json!({"choices": [{"delta": {}, "finish_reason": "stop", "usage": usage}]}),
        json!({"choices": [{"index": 0, "delta": {}}], "x_groq": {"id": "r", "usage": usage}}),
        json!({"choices": [{"index": 1, "delta": {}}], "usage": usage}),
    ] {
        let answer = read(events(&[chunk(json!({"content": "Hi"})), data.clone()]));
        assert_eq!(answer.usage.map(|usage| usage.total_tokens), Some(120), "{data}");
    }
}

#[test]
fn u_behind_the_end_mark() {
    let body = events(&[chunk(json!({"content": "Hi"}))]);
    let late = json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}});
    assert_eq!(read(format!("{body}data: {late}\n\n")).usage.map(|u| u.total_tokens), Some(3));
    assert_eq!(
        read(format!("{body}data: {late}\ndata: [DONE]\n")).usage.map(|u| u.total_tokens),
        Some(3)
    );
}

#[test]
fn u_the_last_count_counts_and_nothing_takes_it_back() {
    let with = |usage: Value| json!({"choices": [{"delta": {"content": "x"}}], "usage": usage});
    let answer = read(events(&[
        with(json!({"prompt_tokens": 9, "completion_tokens": 1})),
        with(json!({"prompt_tokens": 9, "completion_tokens": 2})),
        with(json!(null)),
        with(json!({})),
        with(json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})),
    ]));
    assert_eq!(answer.usage.map(|usage| usage.total_tokens), Some(11));
}

#[test]
fn n1_a_whole_message() {
    let answer =
        read(completion(json!({"role": "assistant", "content": "Hi.", "reasoning": "Hm.",
        "refusal": null, "tool_calls": []})));
    assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("Hm.", "Hi."));
    assert_eq!(answer.order, ["reasoning", "text", "finish"]);
    let answer = read(completion(json!({"content": "<think>\nHm.\n</think>\n\nHi."})));
    assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("Hm.", "Hi."));
}

#[test]
fn n1_a_whole_body_is_its_own_proof() {
    for reason in [json!(null), json!("")] {
        let body = json!({"choices": [{"message": {"content": "Hi"}, "finish_reason": reason}]});
        assert_eq!(read(body.to_string()).finishes, [FinishReason::Stop]);
    }
    // A chunk proves nothing, though it may carry a message.
    let body =
        json!({"object": "chat.completion.chunk", "choices": [{"message": {"content": "Hi"}}]});
    assert_eq!(read(body.to_string()).finishes, []);
}

#[test]
fn n1_content_in_every_shape() {
    for (content, text) in [
        (json!([]), ""),
        (json!(null), ""),
        (json!([{"type": "text", "text": "a"}, "b", {"text": "c"}]), "abc"),
        (json!({"type": "text", "text": "a"}), "a"),
        (json!(7), "7"),
        (json!(true), ""),
    ] {
        assert_eq!(read(completion(json!({"content": content}))).text, text, "{content}");
    }
    assert_eq!(
        read(json!({"choices": [{"text": "Hi", "finish_reason": "stop"}]}).to_string()).text,
        "Hi"
    );
}
