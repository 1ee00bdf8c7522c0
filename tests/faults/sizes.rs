//! Every path on which the filter writes into a message that it has held, with bodies around the sizes
//! at which hosts run out of buffer. Envoy survives, and what fits nowhere passes all the same.

use serde_json::{Value, json};

use crate::http::{DONE, ask_whole, completion, delta, finish, says, stream_of, whole_of};
use crate::upstream::Answer;
use crate::{
    Envoy, in_both_modes, in_both_modes_of, in_both_modes_with_small_buffers, logged,
    small_buffers, timed,
};

/// Sizes of texts around those of buffers; answers are a little larger, streams five times.
const SIZES: [usize; 12] = [
    1000,
    3 << 10,
    6 << 10,
    16 << 10,
    31 << 10,
    33 << 10,
    100 << 10,
    (512 << 10) - 1000,
    512 << 10,
    (1 << 20) - 1000,
    (1 << 20) + 1,
    2_000_000,
];

fn json_answer(text: &str) -> Answer {
    let document = completion(json!({"role": "assistant", "content": text}));
    Answer::new(200).header("content-type", "application/json").write(document)
}

fn both_ways(envoy: &Envoy, request: &Value, text: &str, answer: impl Fn() -> Answer) {
    for stream in [true, false] {
        envoy.upstream.push(answer());
        let mut request = request.clone();
        request["stream"] = stream.into();
        let response = envoy.respond(&request);
        let told = if stream { stream_of(response).summary } else { whole_of(response) };
        assert!(told.text == text, "{} bytes of {}", told.text.len(), text.len());
    }
}

fn every_size(envoy: &Envoy, answers: &[impl Fn(&str) -> Answer]) {
    for size in SIZES {
        let text = "0123456789abcdef".repeat(size / 16 + 1);
        for answer in answers {
            both_ways(envoy, &ask_whole("?"), &text, || answer(&text));
        }
    }
}

/// What waits behind a finish reason, for usage or trailers, is written when the end comes.
fn without_done(text: &str) -> Answer {
    Answer::sse().write([delta(json!({"content": text})), finish("stop")].concat())
}

fn with_done(text: &str) -> Answer {
    Answer::sse().write(says(text))
}

#[test]
fn answers_of_every_size_where_envoy_buffers_little() {
    in_both_modes_with_small_buffers(|envoy| {
        every_size(envoy, &[json_answer, with_done, without_done]);
    });
}

#[test]
fn answers_of_every_size_where_envoy_buffers_as_it_does_by_default() {
    in_both_modes(|envoy| every_size(envoy, &[json_answer, with_done, without_done]));
}

#[test]
fn answers_of_every_size_before_trailers() {
    let answers: [fn(&str) -> Answer; 2] = [
        |text| json_answer(text).trailer("x-checksum", "1"),
        |text| with_done(text).trailer("x-checksum", "1"),
    ];
    in_both_modes_of(|| small_buffers().http2_upstream(), |envoy| every_size(envoy, &answers));
}

/// A text in pieces, as models make it; only the end is large.
fn in_pieces(text: &str) -> Answer {
    let pieces = text.as_bytes().chunks(1 << 10).map(|piece| String::from_utf8_lossy(piece));
    let pieces = pieces.map(|piece| delta(json!({ "content": piece })));
    let end = [finish("stop"), DONE.to_owned()];
    Answer::sse().write_every(pieces.chain(end).collect::<String>(), 20_000)
}

/// Behind each piece the host waits for the next one, and what is written then goes into its buffer.
#[test]
fn answers_of_every_size_where_a_timer_keeps_clients_waiting() {
    let envoy = timed().start();
    every_size(&envoy, &[json_answer, with_done, without_done, in_pieces]);
    let before_trailers = [json_answer, with_done, in_pieces];
    let before_trailers =
        before_trailers.map(|answer| move |text: &str| answer(text).trailer("x-checksum", "1"));
    let envoy = timed().http2_upstream().start();
    every_size(&envoy, &before_trailers);
    both_ways(&envoy, &ask_whole("?"), "Hi", || without_done("Hi").trailer("x-checksum", "1"));
    for stream in [true, false] {
        let half = delta(json!({"content": "Half an answer"}));
        envoy.upstream.push(Answer::sse().write(half).trailer("x-checksum", "1"));
        let mut request = ask_whole("?");
        request["stream"] = stream.into();
        let body = envoy.respond(&request).text().unwrap();
        assert!(body.contains("cut off"), "{body}");
    }
}

/// Instructions and tools come back in every Response, so they count for what is written.
#[test]
fn large_echoes_in_held_answers() {
    in_both_modes_with_small_buffers(|envoy| {
        for size in [10 << 10, 31 << 10, 127 << 10, 129 << 10, 600 << 10, 2 << 20] {
            let mut request = ask_whole("?");
            request["instructions"] = "0123456789abcdef".repeat(size / 16).into();
            for answer in [json_answer, with_done, without_done] {
                both_ways(envoy, &request, "small", || answer("small"));
            }
        }
    });
}

#[test]
fn streams_of_thirty_megabytes() {
    let piece = "0123456789abcdef".repeat(4096);
    let mut body: String = (0..480).map(|_| delta(json!({ "content": piece }))).collect();
    body.push_str(&[finish("stop"), DONE.to_owned()].concat());
    let text = piece.repeat(480);
    let envoy = small_buffers().start();
    both_ways(&envoy, &ask_whole("?"), &text, || Answer::sse().write(body.clone()));
    logged(&envoy, "200 via_upstream");
}
