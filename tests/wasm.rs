//! The core under wasm32: the same fixtures, the same bytes. There is no file system in wasm, so the
//! fixtures are compiled in.
//!
//! `cargo test --target wasm32-unknown-unknown --no-default-features --test wasm`

#![cfg(target_arch = "wasm32")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use support::drive::{Client, End, Upstream, exchange};
use support::grammar;
use wasm_bindgen_test::wasm_bindgen_test;

/// A fixture of a stream without a configuration: request, upstream, expected answer.
macro_rules! streams {
    ($($test:ident = $folder:literal,)+) => {
        $(#[wasm_bindgen_test]
        fn $test() {
            stream(
                include_bytes!(concat!("fixtures/", $folder, "/request.json")),
                include_bytes!(concat!("fixtures/", $folder, "/upstream.sse")),
                include_bytes!(concat!("fixtures/", $folder, "/expected.sse")),
            );
        })+
    };
}

streams! {
    text = "generic-text",
    text_with_characters_of_any_width = "generic-text-unicode",
    reasoning_then_text = "generic-reasoning-then-text",
    interleaved_calls = "generic-interleaved-calls",
    custom_tool = "generic-custom-tool",
    think_tags = "generic-think-tags",
    cut_call = "generic-length-in-call",
    truncated_text = "generic-truncated-text",
    error_in_text = "generic-error-in-text",
}

fn stream(request: &[u8], upstream: &[u8], expected: &[u8]) {
    let (client, upstream) = (Client::post(request), Upstream::sse(upstream));
    for cut in [upstream.clone(), upstream.in_pieces_of(7), upstream.ending(End::WithLast)] {
        let answer = exchange(&client, &cut);
        assert_eq!(answer.body(), expected);
        grammar::check(&answer.body()).unwrap();
    }
}

#[wasm_bindgen_test]
fn a_whole_answer() {
    let client = Client::post(&include_bytes!("fixtures/generic-text-as-json/request.json")[..]);
    let upstream =
        Upstream::json(&include_bytes!("fixtures/generic-text-as-json/upstream.json")[..]);
    let answer = exchange(&client, &upstream);
    let got = grammar::check_response(&answer.body()).unwrap();
    let expected = include_bytes!("fixtures/generic-text-as-json/expected.json");
    let expected: serde_json::Value = serde_json::from_slice(expected).unwrap();
    assert_eq!(got, expected);
}

#[wasm_bindgen_test]
fn a_refused_request() {
    let answer = exchange(&Client::post(*b"{"), &Upstream::sse(""));
    assert_eq!(answer.status, 400);
    grammar::check_error(&answer.body()).unwrap();
}
