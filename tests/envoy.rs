//! The filter in real Envoy.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "support/envoy.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod envoy;
#[path = "support/upstream.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod upstream;

use envoy::{Events, Setup};
use serde_json::json;
use upstream::{Answer, Gate, Outcome};

#[test]
fn without_the_filter_everything_passes_through() {
    let envoy = Setup::new().without_filter().start();
    let gate = Gate::new();
    envoy.upstream.push(Answer::sse().write("data: 1\n\n").wait(&gate).write("data: 2\n\n"));

    let mut events = Events::new(envoy.respond(&json!({"model": "m"})));
    assert_eq!(events.next().unwrap().unwrap(), json!(1));
    gate.open();
    assert_eq!(events.next().unwrap().unwrap(), json!(2));
    assert!(events.next().is_none());

    assert_eq!(envoy.upstream.outcome(0), Outcome::Sent);
    let request = envoy.upstream.request(0);
    assert_eq!(request.path, "/v1/responses");
    assert_eq!(request.json(), json!({"model": "m"}));
}
