//! Should the filter ever trap: what Envoy's failure policies make of it.
//!
//! Input cannot reach a panic (lints, fuzzing), so the artifact of these tests has a trap planted into the
//! callback for request trailers; requests without trailers never come by it.

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::http::{ask, ask_whole, delta};
use crate::trap;
use crate::upstream::{Answer, Gate};
use crate::{Envoy, Events, Setup, logged, until};

const RELOAD: &str = "failure_policy: FAIL_RELOAD";
const BACKOFF: &str = "reload_config: { backoff: { base_interval: 1s } }";

/// An Envoy with the trap and this policy.
fn trapped(policy: &str) -> Envoy {
    let folder = tempfile::tempdir().unwrap();
    let artifact = folder.path().join("trapped.wasm");
    trap::plant(&crate::envoy::wasm_artifact(), "proxy_on_request_trailers", &artifact);
    let mut setup = Setup::new().complains().artifact(&artifact).edit(RELOAD, policy);
    if policy != RELOAD {
        setup = setup.edit(BACKOFF, "");
    }
    let envoy = setup.start();
    let stream = crate::stream_of(envoy.respond(&ask("before")));
    assert_eq!(stream.summary.terminal, "completed");
    envoy
}

/// Sends a request with trailers and so into the trap; gives the status, if an answer comes at all.
fn spring(envoy: &Envoy) -> Option<u16> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(envoy.address()).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let mut trailers = hyper::HeaderMap::new();
        trailers.insert("x-checksum", hyper::header::HeaderValue::from_static("1"));
        let body = Bytes::from(ask("into the trap").to_string());
        let frames = [Frame::data(body), Frame::trailers(trailers)];
        let frames = frames.map(Ok::<_, std::convert::Infallible>);
        let body = StreamBody::new(futures_util::stream::iter(frames));
        let request = hyper::Request::post(envoy.url("/v1/responses")).body(body).unwrap();
        let response = sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        response.into_body().collect().await.ok()?;
        Some(status)
    })
}

/// The status of an answer that is read to its end: Envoy logs one that is not as a client that has left.
fn status(envoy: &Envoy) -> u16 {
    let response = envoy.respond(&ask_whole("after"));
    let status = response.status().as_u16();
    response.bytes().unwrap();
    status
}

#[test]
fn reload_takes_the_worker_back_into_service() {
    let envoy = trapped(RELOAD);
    let never = Gate::new();
    let begun = Answer::sse().write(delta(serde_json::json!({"content": "Begun"}))).wait(&never);
    envoy.upstream.push(begun.only_for("beside it"));
    let mut beside = Events::new(envoy.respond(&ask("beside it")));
    assert_eq!(beside.next().unwrap().unwrap()["type"], "response.created");

    assert!(spring(&envoy).is_none_or(|status| status == 503));
    // The VM is rebuilt for the first request after the back-off; until then all get 503.
    until("the VM is not rebuilt", || {
        let status = status(&envoy);
        assert!([200, 503].contains(&status), "{status}");
        status == 200
    });
    never.open();
    // Streams of the lost VM end: none of them looks complete.
    let rest: Vec<_> = beside.by_ref().collect();
    assert!(!beside.text.contains("response.completed"), "{rest:?}");
    crate::the_next_request_works(&envoy);
    logged(&envoy, "wasm_fail_stream");
}

#[test]
fn close_refuses_until_envoy_is_restarted() {
    let envoy = trapped("failure_policy: FAIL_CLOSED");
    assert!(spring(&envoy).is_none_or(|status| status == 503));
    for _ in 0..3 {
        assert_eq!(status(&envoy), 503);
    }
    logged(&envoy, "wasm_fail_stream");
}

/// Requests then reach the upstream as they are: not for a filter that others rely on.
#[test]
fn open_lets_requests_through_as_they_are() {
    let envoy = trapped("failure_policy: FAIL_OPEN");
    assert!(spring(&envoy).is_none_or(|status| status != 200));
    envoy.upstream.push(Answer::json(404, "{}"));
    assert_eq!(status(&envoy), 404);
    let request = envoy.upstream.requests().pop().unwrap();
    assert_eq!(request.path, "/v1/responses");
    logged(&envoy, "404 via_upstream");
}
