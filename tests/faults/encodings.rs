//! Bodies in codings that the filter cannot read.

use serde_json::json;

use crate::http::{ask, ask_whole, completion, error_of, says, stream_of, whole_of};
use crate::upstream::Answer;
use crate::{Setup, Stage, in_both_modes, logged, play, small_buffers, timed};

/// Brotli without compression (RFC 7932 §9.2): stored blocks of 32 KiB.
fn brotli(text: &str) -> Vec<u8> {
    let mut bits = Bits::default();
    // A window of 64 KiB.
    bits.push(0, 1);
    for block in text.as_bytes().chunks(32 << 10) {
        // Not the last block, four digits of length, stored.
        bits.push(0, 1);
        bits.push(0, 2);
        bits.push(block.len() as u32 - 1, 16);
        bits.push(1, 1);
        bits.align();
        bits.bytes.extend_from_slice(block);
    }
    // The last block, and empty.
    bits.push(0b11, 2);
    bits.align();
    bits.bytes
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits of the last byte that are in use; zero when there is none.
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used == 0 {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> bit & 1) as u8) << self.used;
            self.used = (self.used + 1) % 8;
        }
    }

    fn align(&mut self) {
        self.used = 0;
    }
}

const DECOMPRESSOR: &str = r#"- name: envoy.filters.http.decompressor
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.decompressor.v3.Decompressor
    decompressor_library:
      name: brotli
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.compression.brotli.decompressor.v3.Brotli
"#;

#[test]
fn brotli_behind_a_decompressor() {
    let small_buffers = || small_buffers().filter_behind(DECOMPRESSOR);
    let timed = || timed().filter_behind(DECOMPRESSOR);
    let plain = || Setup::new().filter_behind(DECOMPRESSOR);
    // Without held headers what is unpacked from one piece must fit into the buffer.
    let stages = [
        Stage::new(small_buffers, true),
        Stage::new(timed, true),
        Stage::new(timed, false),
        Stage::new(plain, true),
        Stage::new(plain, false),
    ];
    play(&stages, |envoy| {
        let coded = |answer: Answer, body: &str| {
            answer.header("content-encoding", "br").write_every(brotli(body), 5000)
        };
        for text in ["Unpacked", &"Unpacked ".repeat(30_000)] {
            let document = completion(json!({"role": "assistant", "content": text}));
            for (answer, body) in [(Answer::sse(), says(text)), (Answer::new(200), document)] {
                for _ in 0..2 {
                    envoy.upstream.push(coded(answer.clone(), &body));
                }
                assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.text, text);
                assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, text);
            }
        }
        logged(envoy, "200 via_upstream");
    });
}

#[test]
fn brotli_that_nobody_unpacks() {
    in_both_modes(|envoy| {
        for request in [ask("?"), ask_whole("?")] {
            let answer = Answer::sse().header("content-encoding", "br");
            envoy.upstream.push(answer.write(brotli(&says("Packed"))));
            let response = envoy.respond(&request);
            assert_eq!(response.status(), 502);
            let error = error_of(response);
            assert!(error["message"].as_str().unwrap().contains("decompressor"), "{error}");
        }
        logged(envoy, "502 responses_filter{via_upstream}");
    });
}
