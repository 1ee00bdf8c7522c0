//! What comes back when all is well.

use serde_json::json;

use crate::envoy::Setup;
use crate::support::grammar::Stream;
use crate::upstream::Answer;
use crate::{
    DONE, ask, ask_whole, completion, delta, error_of, finish, header, in_both_modes,
    in_both_modes_of, in_both_modes_over_http_2, says, stream_of, whole_of,
};

#[test]
fn text_in_one_piece() {
    in_both_modes(|envoy| {
        let summary = whole_of(envoy.respond(&ask_whole("Good morning")));
        assert_eq!(summary.terminal, "completed");
        assert_eq!(summary.text, "Hello from the demo upstream. You said: \"Good morning\".");
        assert!(summary.usage.unwrap().total > 0);

        let request = envoy.upstream.request(0);
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/v1/chat/completions")
        );
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        assert_eq!(request.json()["model"], "m");
        assert_eq!(
            request.json()["messages"],
            json!([{"role": "user", "content": "Good morning"}])
        );
    });
}

#[test]
fn text_as_a_stream() {
    in_both_modes(|envoy| {
        let Stream { summary, .. } = stream_of(envoy.respond(&ask("Good morning")));
        assert_eq!(summary.terminal, "completed");
        assert_eq!(summary.text, "Hello from the demo upstream. You said: \"Good morning\".");
        assert!(summary.usage.unwrap().total > 0);
        assert_eq!(envoy.upstream.request(0).json()["stream"], true);
    });
}

#[test]
fn reasoning_comes_before_text() {
    in_both_modes(|envoy| {
        let Stream { summary, .. } = stream_of(envoy.respond(&ask("Please think.")));
        assert!(summary.reasoning.starts_with("The user wants to see me think."));
        assert_eq!(summary.items, ["reasoning", "message"]);
        let whole = whole_of(envoy.respond(&ask_whole("Please think.")));
        assert_eq!(
            (whole.text, whole.reasoning, whole.items),
            (summary.text, summary.reasoning, summary.items)
        );
    });
}

#[test]
fn a_tool_is_called_and_its_result_goes_back() {
    let tools = json!([{
        "type": "function",
        "name": "read_file",
        "description": "Reads a file.",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}},
            "required": ["path"],
        },
    }]);
    let question = json!({"type": "message", "role": "user", "content": "Use a tool."});
    in_both_modes(|envoy| {
        for stream in [true, false] {
            let request =
                |input| json!({"model": "m", "stream": stream, "tools": tools, "input": input});
            let answer = |input| {
                let response = envoy.respond(&request(input));
                if stream { stream_of(response).summary } else { whole_of(response) }
            };
            let first = answer(json!([question]));
            let [call] = first.calls.as_slice() else { panic!("{first:?}") };
            assert_eq!((call.kind.as_str(), call.name.as_str()), ("function_call", "read_file"));
            assert_eq!(call.arguments, r#"{"path":"demo 1"}"#);

            let last = answer(json!([
                question,
                {"type": "function_call", "call_id": call.call_id, "name": call.name,
                 "arguments": call.arguments},
                {"type": "function_call_output", "call_id": call.call_id, "output": "forty-two"},
            ]));
            assert_eq!(last.text, "The tools answered: \"forty-two\".");
        }
    });
}

#[test]
fn two_tools_are_called_at_once() {
    let tool = |name: &str| json!({"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}});
    let tools = json!([tool("first"), tool("second")]);
    in_both_modes(|envoy| {
        let request = |stream: bool| json!({"model": "m", "stream": stream, "tools": tools, "input": "Use tools in parallel."});
        let streamed = stream_of(envoy.respond(&request(true))).summary;
        assert_eq!(streamed.calls.len(), 2);
        assert_ne!(streamed.calls[0].call_id, streamed.calls[1].call_id);
        assert_eq!(whole_of(envoy.respond(&request(false))).calls, streamed.calls);
    });
}

#[test]
fn a_stream_is_asked_for_and_json_comes() {
    in_both_modes(|envoy| {
        envoy
            .upstream
            .push(Answer::json(200, completion(json!({"role": "assistant", "content": "Hi"}))));
        assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.text, "Hi");
    });
}

#[test]
fn json_is_asked_for_and_a_stream_comes() {
    in_both_modes(|envoy| {
        envoy.upstream.push(Answer::sse().write_every(says("Hi"), 7));
        assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, "Hi");
    });
}

#[test]
fn the_content_type_decides_nothing() {
    in_both_modes(|envoy| {
        for content_type in ["", "application/json", "text/plain", "application/octet-stream"] {
            let head = || match content_type {
                "" => Answer::new(200),
                other => Answer::new(200).header("content-type", other),
            };
            envoy.upstream.push(head().write(says("A stream")));
            assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.text, "A stream");
            let document = completion(json!({"role": "assistant", "content": "JSON"}));
            envoy.upstream.push(head().write(document));
            assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, "JSON");
        }
    });
}

#[test]
fn the_end_comes_with_trailers() {
    in_both_modes_over_http_2(|envoy| {
        let text = delta(json!({"content": "Hi"}));
        let streams =
            [says("Hi"), [text.clone(), finish("stop")].concat(), [text, DONE.to_owned()].concat()];
        for stream in streams {
            envoy.upstream.push(Answer::sse().write(stream.clone()).trailer("x-checksum", "1"));
            let summary = stream_of(envoy.respond(&ask("?"))).summary;
            assert_eq!((summary.terminal.as_str(), summary.text.as_str()), ("completed", "Hi"));
            envoy.upstream.push(Answer::sse().write(stream).trailer("x-checksum", "1"));
            assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, "Hi");
        }
        for (text, size) in [("JSON", 9999), ("JSON", 10), (&"JSON ".repeat(50_000), 60_000)] {
            let document = completion(json!({"role": "assistant", "content": text}));
            let answer = || {
                Answer::new(200)
                    .header("content-type", "application/json")
                    .write_every(document.clone(), size)
                    .trailer("x-checksum", "1")
            };
            envoy.upstream.push(answer());
            assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, text);
            envoy.upstream.push(answer());
            assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.text, text);
        }
        assert_eq!(envoy.upstream.request(0).version, "HTTP/2.0");
    });
}

#[test]
fn headers_of_the_upstream_arrive_but_for_those_that_mislead() {
    in_both_modes(|envoy| {
        let answer = |answer: Answer| {
            answer
                .header("openai-model", "another-model")
                .header("x-request-id", "req-17")
                .header("x-ratelimit-remaining-tokens", "99")
        };
        let document = completion(json!({"role": "assistant", "content": "Hi"}));
        envoy.upstream.push(answer(Answer::sse()).write(says("Hi")));
        envoy.upstream.push(answer(Answer::json(200, document)));
        for request in [ask("?"), ask_whole("?")] {
            let response = envoy.respond(&request);
            assert_eq!(header(&response, "openai-model"), "");
            assert_eq!(header(&response, "x-ratelimit-remaining-tokens"), "99");
            assert_eq!(header(&response, "x-request-id"), "req-17");
            let length = response.headers().get("content-length").cloned();
            let body = response.text().unwrap();
            assert!(body.contains("Hi"));
            assert!(length.is_none_or(|length| length == body.len().to_string()));
        }
    });
}

#[test]
fn a_client_that_takes_gzip_gets_what_it_can_read() {
    in_both_modes(|envoy| {
        let response = envoy
            .client
            .post(envoy.url("/v1/responses"))
            .header("accept-encoding", "gzip, br")
            .json(&ask("Hi"))
            .send()
            .unwrap();
        assert_eq!(header(&response, "content-encoding"), "");
        assert_eq!(stream_of(response).summary.terminal, "completed");
        assert_eq!(envoy.upstream.request(0).header("accept-encoding"), Some("identity"));
    });
}

const DECOMPRESSOR: &str = r#"- name: envoy.filters.http.decompressor
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.decompressor.v3.Decompressor
    decompressor_library:
      name: gzip
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.compression.gzip.decompressor.v3.Gzip
"#;

#[test]
fn an_upstream_that_compresses_all_the_same_is_read_behind_a_decompressor() {
    in_both_modes_of(
        || Setup::new().filter_behind(DECOMPRESSOR),
        |envoy| {
            let gzipped = |answer: Answer, body: &str| {
                answer.header("content-encoding", "gzip").write(gzip(body))
            };
            for end in ["", DONE] {
                let body =
                    [delta(json!({"content": "Unpacked"})), finish("stop"), end.into()].concat();
                envoy.upstream.push(gzipped(Answer::sse(), &body));
                assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.text, "Unpacked");
                envoy.upstream.push(gzipped(Answer::sse(), &body));
                assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, "Unpacked");
            }
            for text in ["JSON", &"JSON ".repeat(12_000), &"JSON ".repeat(50_000)] {
                let document = completion(json!({"role": "assistant", "content": text}));
                envoy.upstream.push(gzipped(Answer::new(200), &document));
                assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, text);
                envoy.upstream.push(gzipped(Answer::new(200), &document));
                assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.text, text);
            }
            let error = json!({"error": {"message": "no such thing", "type": "x"}}).to_string();
            for body in [error.as_str(), ""] {
                envoy.upstream.push(gzipped(Answer::new(400), body));
                let response = envoy.respond(&ask("?"));
                assert_eq!(response.status(), 400);
                let said = error_of(response);
                assert!(
                    body.is_empty() || said["message"].as_str().unwrap().contains("no such thing")
                );
            }
        },
    );
}

#[test]
fn a_client_that_compresses_is_read_behind_a_decompressor() {
    in_both_modes_of(
        || Setup::new().filter_in_front(DECOMPRESSOR),
        |envoy| {
            let response = envoy
                .client
                .post(envoy.url("/v1/responses"))
                .header("content-type", "application/json")
                .header("content-encoding", "gzip")
                .body(gzip(&ask_whole("Unpack me").to_string()))
                .send()
                .unwrap();
            assert!(whole_of(response).text.contains("Unpack me"));
        },
    );
}

/// Gzip without compression: a header, stored blocks, checksum and length.
fn gzip(text: &str) -> Vec<u8> {
    const BLOCK: usize = 0xffff;
    let bytes = text.as_bytes();
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1))
        })
    });
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for block in bytes.chunks(BLOCK) {
        let length = u16::try_from(block.len()).expect("a stored block");
        out.push(0);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    // The last block is an empty one, so that an empty text has one as well.
    out.extend([1, 0, 0, 0xff, 0xff]);
    out.extend((!crc).to_le_bytes());
    out.extend(u32::try_from(bytes.len()).expect("a small text").to_le_bytes());
    out
}

#[test]
fn large_answers_arrive_whole_even_when_they_exceed_the_buffer_limit() {
    // Writing more than the limit while a response is paused crashes Envoy.
    let setup = || {
        Setup::new().edit(
            "per_connection_buffer_limit_bytes: 1048576",
            "per_connection_buffer_limit_bytes: 32768",
        )
    };
    in_both_modes_of(setup, |envoy| {
        for bytes in [60 << 10, 300 << 10, 1 << 20, 3 << 20] {
            let text = "0123456789abcdef".repeat(bytes / 16);
            let document = completion(json!({"role": "assistant", "content": text}));
            envoy.upstream.push(Answer::json(200, document.clone()));
            assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, text);
            envoy.upstream.push(Answer::json(200, document));
            assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.text, text);
            envoy.upstream.push(Answer::sse().write(says(&text)));
            assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.text, text);
            envoy.upstream.push(Answer::sse().write(says(&text)));
            assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, text);
        }
    });
}

#[test]
fn a_large_echo_of_the_request_does_not_matter() {
    in_both_modes(|envoy| {
        let instructions = "0123456789abcdef".repeat((2 << 20) / 16);
        for stream in [true, false] {
            let request = json!({"model": "m", "instructions": instructions, "input": "Hi", "stream": stream});
            let response = envoy.respond(&request);
            let summary = if stream { stream_of(response).summary } else { whole_of(response) };
            assert_eq!(summary.text, "Hello from the demo upstream. You said: \"Hi\".");
        }
    });
}
