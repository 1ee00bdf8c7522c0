//! The artifact of `make simd` does in Envoy what that of `make build` does.

use crate::envoy::{Setup, simd_artifact, wasm_artifact};
use crate::upstream::Answer;
use crate::{DONE, ask, delta, finish, stream_of};

#[test]
fn requests_and_streams_are_those_of_the_other_artifact() {
    // Whatever is special stands in every place of what is read at once.
    let pieces: Vec<String> =
        (0..300).map(|n| format!("{}\"\\\u{1}/\r\nä€𝄞", "x".repeat(n % 67))).collect();
    let text = pieces.concat();
    let deltas = pieces.iter().map(|piece| delta(serde_json::json!({ "content": piece })));
    let answer = deltas.chain([finish("stop"), DONE.to_owned()]).collect::<String>();

    let received = [wasm_artifact(), simd_artifact()].map(|artifact| {
        let envoy = Setup::new().artifact(&artifact).start();
        envoy.upstream.push(Answer::sse().write(answer.clone()));
        let summary = stream_of(envoy.respond(&ask(&text))).summary;
        assert_eq!((summary.terminal.as_str(), &summary.text), ("completed", &text));
        let request = envoy.upstream.request(0);
        assert_eq!(request.json()["messages"][0]["content"], *text);
        request.body
    });
    assert_eq!(received[0], received[1]);
}
