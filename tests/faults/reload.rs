//! A new configuration while streams run: none of them is lost, new ones are served by the new one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};

use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::http::{DONE, ask, ask_whole, checked_stream, delta, finish, stream_of, whole_of};
use crate::upstream::{Answer, Gate, PATIENCE};
use crate::{Envoy, Events, Setup, logged, until};

/// A configuration that can be told from others by the path upstream.
fn configuration(path: &str) -> Value {
    json!({"hold_headers": true, "upstreams": {"default": {"path": path}}})
}

/// A client with a connection for every request: kept ones belong to the old configuration.
fn client() -> Client {
    let client = Client::builder().no_proxy().timeout(PATIENCE).pool_max_idle_per_host(0);
    client.build().unwrap()
}

fn path_of(envoy: &Envoy, input: &str) -> String {
    let post = client().post(envoy.url("/v1/responses")).json(&ask_whole(input));
    assert_eq!(whole_of(post.send().unwrap()).terminal, "completed");
    let requests = envoy.upstream.requests();
    let request = requests.iter().rfind(|request| request.json().to_string().contains(input));
    request.expect("the request").path.clone()
}

#[test]
fn streams_that_have_begun_end_well_and_new_ones_are_served_anew() {
    const STREAMS: usize = 16;
    let envoy = Setup::new().workers(4).reloadable().start();
    let gate = Gate::new();
    for _ in 0..STREAMS {
        let begun = Answer::sse().write(delta(json!({"content": "Begun, "}))).wait(&gate);
        let rest = [delta(json!({"content": "done"})), finish("stop"), DONE.to_owned()].concat();
        envoy.upstream.push(begun.write(rest).only_for("begins early"));
    }
    let mut streams: Vec<_> = (0..STREAMS)
        .map(|_| {
            let post = client().post(envoy.url("/v1/responses")).json(&ask("begins early"));
            Events::new(post.send().unwrap())
        })
        .collect();
    for events in &mut streams {
        assert_eq!(events.next().unwrap().unwrap()["type"], "response.created");
    }
    envoy.reload(&configuration("/new/chat/completions")).unwrap();
    assert_eq!(path_of(&envoy, "begins late"), "/new/chat/completions");
    gate.open();
    for mut events in streams {
        assert!(events.by_ref().all(|event| event.is_ok()));
        assert_eq!(checked_stream(events.text.as_bytes()).summary.text, "Begun, done");
    }
    logged(&envoy, "200 via_upstream");
}

#[test]
fn no_request_fails_while_configurations_change() {
    let envoy = Setup::new().workers(4).reloadable().start();
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = || {
        let client = client();
        let post = |request| client.post(envoy.url("/v1/responses")).json(&request).send().unwrap();
        while !is_over.load(Ordering::Relaxed) {
            assert_eq!(whole_of(post(ask_whole("load"))).terminal, "completed");
            assert_eq!(stream_of(post(ask("load"))).summary.terminal, "completed");
            answered.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let load: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
        for number in 0..5 {
            let before = answered.load(Ordering::Relaxed);
            envoy.reload(&configuration(&version(number))).unwrap();
            // A thread that is done has failed.
            until("the load has stopped", || {
                load.iter().any(ScopedJoinHandle::is_finished)
                    || answered.load(Ordering::Relaxed) > before + 20
            });
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(path_of(&envoy, "the last one"), version(4));
    logged(&envoy, "200 via_upstream");
}

fn version(number: usize) -> String {
    format!("/version/{number}/chat/completions")
}

#[test]
fn a_refused_configuration_changes_nothing() {
    let envoy = Setup::new().complains().reloadable().start();
    envoy.reload(&configuration("/good/chat/completions")).unwrap();
    let log = envoy.reload(&json!({"strictness": "very"})).unwrap_err();
    assert!(log.contains("strictness"), "{log}");
    assert_eq!(path_of(&envoy, "still here"), "/good/chat/completions");
}
