//! Many streams at once for long, mixed with clients that leave, upstreams that break off, and large
//! bodies: every stream arrives whole, memory stays flat, and the filter answers nothing with 5xx.
//!
//! `make test` runs it for seconds, `make soak` for minutes. It reads `SOAK_SECONDS`, `SOAK_STREAMS` and
//! `SOAK_REPORT`, a file for the report.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests fail by panicking and say where"
)]
#![allow(clippy::disallowed_types, reason = "it lasts as long as it is told to")]

#[path = "../support/envoy.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod envoy;
#[path = "../support/http.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod http;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/upstream.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses its part")]
mod upstream;

mod client;
mod report;
mod story;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use envoy::{Envoy, Setup};
use report::{Report, Sample};
use story::{Kind, Story};

/// Streams at once and for how long, unless the environment says otherwise.
const STREAMS: u64 = 100;
const SECONDS: u64 = 5;

const WORKERS: usize = 2;

fn wish(name: &str, otherwise: u64) -> u64 {
    let wish = std::env::var(name).ok().filter(|wish| !wish.is_empty());
    wish.map_or(otherwise, |wish| wish.parse().unwrap_or_else(|_| panic!("{name}: a number")))
}

#[test]
fn every_stream_arrives_whole_and_memory_stays_flat() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let (streams, seconds) = (wish("SOAK_STREAMS", STREAMS), wish("SOAK_SECONDS", SECONDS));
    let envoy = start();
    let report = run(&envoy, streams, Duration::from_secs(seconds));
    let text = report.text();
    println!("{text}");
    if let Some(file) = std::env::var_os("SOAK_REPORT").filter(|file| !file.is_empty()) {
        std::fs::write(file, text).unwrap();
    }
    report.assert_good();
}

/// An Envoy that takes more connections than by default, in front of an upstream that tells stories.
fn start() -> Envoy {
    let many = "thresholds: [{ max_connections: 100000, max_pending_requests: 100000, \
                max_requests: 100000 }]";
    let connect = "    connect_timeout: 5s\n";
    let setup = Setup::new().workers(WORKERS);
    let envoy = setup.edit(connect, &format!("{connect}    circuit_breakers: {{ {many} }}\n"));
    let envoy = envoy.start();
    envoy.upstream.record_nothing();
    envoy.upstream.script(|_, request| Story::answer(&request.json()));
    envoy
}

fn run(envoy: &Envoy, streams: u64, duration: Duration) -> Report {
    let (url, begin) = (envoy.url("/v1/responses"), Instant::now());
    let (is_over, counts) = (AtomicBool::new(false), Counts::default());
    let mut report = Report::new(envoy, WORKERS, streams, duration);
    thread::scope(|scope| {
        let samples = scope.spawn(|| samples(envoy, begin, &is_over));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(load(url, streams, begin + duration, &counts));
        is_over.store(true, Ordering::Relaxed);
        report.samples = samples.join().unwrap();
    });
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        report.exchanges.push((kind, counts.0.done[number].load(Ordering::Relaxed)));
    }
    report.wrong = counts.0.wrong.lock().unwrap().clone();
    report.server_errors = envoy.stat("http.responses.downstream_rq_5xx");
    report
}

/// How many exchanges of each kind were as they should be, and what was wrong with the others.
#[derive(Clone, Default)]
struct Counts(Arc<Counted>);

#[derive(Default)]
struct Counted {
    done: [AtomicU64; Kind::ALL.len()],
    wrong: Mutex<Vec<String>>,
}

impl Counts {
    fn add(&self, story: Story, result: Result<(), String>) {
        match (result, Kind::ALL.iter().position(|kind| *kind == story.kind)) {
            (Ok(()), Some(place)) => {
                self.0.done[place].fetch_add(1, Ordering::Relaxed);
            }
            (result, _) => self.0.wrong.lock().unwrap().push(format!("{story:?}: {result:?}")),
        }
    }
}

/// Keeps so many exchanges going until the time has come; then they end by themselves.
async fn load(url: String, streams: u64, end: Instant, counts: &Counts) {
    let next = Arc::new(AtomicU64::new(0));
    let clients = client::clients();
    let tasks: Vec<_> = (0..streams)
        .map(|task| {
            let (url, next, counts) = (url.clone(), Arc::clone(&next), counts.clone());
            // A quarter of them share connections over HTTP/2.
            let client = clients[usize::from(task % 4 == 0)].clone();
            tokio::spawn(async move {
                while Instant::now() < end {
                    let story = Story::nth(next.fetch_add(1, Ordering::Relaxed));
                    counts.add(story, client::exchange(&client, &url, story).await);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Looks at Envoy every second.
fn samples(envoy: &Envoy, begin: Instant, is_over: &AtomicBool) -> Vec<Sample> {
    let mut samples = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        samples.push(Sample {
            at: begin.elapsed(),
            resident_bytes: report::resident_bytes(envoy.pid()),
            active: envoy.stat("http.responses.downstream_rq_active"),
        });
        thread::sleep(Duration::from_secs(1));
    }
    samples
}
