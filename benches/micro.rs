//! What the parts cost by themselves: framing, reading chunks, writing events, whole answers and
//! requests.
//!
//! ```text
//! cargo bench --bench micro
//! CARGO_TARGET_WASM32_WASIP1_RUNNER='node --no-warnings --no-turbo-fast-api-calls benches/wasi.mjs' \
//!     cargo bench --bench micro --target wasm32-wasip1 --no-default-features      the same in V8
//! ```
//! These show where time goes; what counts is `make bench`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a benchmark fails by panicking; the macros make public functions"
)]
// The host calls of the shell are not there: only the core may be linked.
#[path = "envoy/answer.rs"]
#[allow(dead_code, reason = "`make bench` uses more of it")]
mod answer;
#[path = "envoy/conversation.rs"]
mod conversation;
#[path = "envoy/workload.rs"]
#[allow(dead_code, reason = "`make bench` uses more of it")]
mod workload;

use std::hint::black_box;
use std::rc::Rc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use answer::Script;
use responses_filter::config::Config;
use responses_filter::dialect::deltas::Reader;
use responses_filter::exchange::{BodyAction, Exchange, Header, RequestBodyAction};
use responses_filter::json::JsonText;
use responses_filter::responses::event::{self, OutputTextDelta};
use responses_filter::sse::{Decoder, Frame};
use workload::{Kind, Workload};

const KINDS: [(&str, Kind); 4] = [
    ("text", Kind::Text),
    ("padded", Kind::Padded),
    ("tool", Kind::Tool),
    ("reason", Kind::Reason),
];

const CHUNKS: usize = 256;

/// What Envoy reads at once from a fast upstream.
const READ_BYTES: usize = 16 << 10;

fn body(kind: Kind) -> Vec<u8> {
    let work = workload::table().into_iter().find(|work| work.name == "bulk256").expect("its row");
    Script::new(&Workload { kind, chunks: CHUNKS, ..work }).body
}

fn config() -> Rc<Config> {
    Rc::new(Config::parse("{}").expect("a valid configuration"))
}

fn clock() -> u64 {
    1_763_700_000_000
}

fn headers(pairs: &[(&'static str, &'static str)]) -> Vec<Header<'static>> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

/// An exchange whose request headers have come.
fn opened(config: &Rc<Config>) -> Exchange {
    let mut exchange = Exchange::new(Rc::clone(config), clock, 7);
    let request = headers(&[
        (":method", "POST"),
        (":path", "/v1/responses"),
        (":authority", "bench"),
        ("content-type", "application/json"),
    ]);
    exchange.request_headers(&request, false);
    exchange
}

/// An exchange whose answer is about to come.
fn waiting(config: &Rc<Config>) -> Exchange {
    let mut exchange = opened(config);
    exchange.request_body(conversation::request(2 << 10).into_bytes(), true);
    let answer = headers(&[(":status", "200"), ("content-type", "text/event-stream")]);
    exchange.response_headers(&answer, false);
    exchange
}

fn frames(criterion: &mut Criterion) {
    let body = body(Kind::Text);
    let mut group = criterion.benchmark_group("frames");
    group.throughput(Throughput::Elements(CHUNKS as u64));
    group.bench_function("events", |bencher| {
        bencher.iter(|| {
            let mut decoder = Decoder::new(1 << 20);
            for piece in body.chunks(READ_BYTES) {
                decoder.push(piece, &mut |frame| _ = black_box(frame)).expect("small events");
            }
        });
    });
}

fn chunks(criterion: &mut Criterion) {
    let config = config();
    let dialect = &config.upstreams[0].dialect;
    let mut group = criterion.benchmark_group("chunks");
    group.throughput(Throughput::Elements(CHUNKS as u64));
    for (name, kind) in KINDS {
        let mut events: Vec<Vec<u8>> = Vec::new();
        let mut keep = |frame: Frame<'_>| {
            if let Frame::Data { data, .. } = frame {
                events.push(data.to_vec());
            }
        };
        Decoder::new(1 << 20).push(&body(kind), &mut keep).expect("small events");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut reader = Reader::new(dialect, vec![answer::TOOL.to_owned()]);
                for data in &events {
                    reader.read(b"", data, &mut |delta| _ = black_box(delta));
                }
            });
        });
    }
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(CHUNKS as u64));
    let delta = JsonText::encode(" naïve\n").into_owned();
    let mut out = Vec::with_capacity(1 << 20);
    group.bench_function("text", |bencher| {
        bencher.iter(|| {
            out.clear();
            for sequence_number in 0..CHUNKS as u64 {
                let event = OutputTextDelta {
                    item_id: "msg_0123456789abcdef0123456789abcdef",
                    output_index: 0,
                    content_index: 0,
                    delta: black_box(&delta),
                    logprobs: b"[]",
                };
                event::write(&event, sequence_number, &mut out);
            }
        });
    });
}

fn answers(criterion: &mut Criterion) {
    let config = config();
    let mut group = criterion.benchmark_group("answers");
    group.throughput(Throughput::Elements(CHUNKS as u64));
    for (name, kind) in KINDS {
        let body = body(kind);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || waiting(&config),
                |mut exchange| {
                    for piece in body.chunks(READ_BYTES) {
                        let action = exchange.response_body(piece, false);
                        black_box(exchange.output());
                        if action == BodyAction::Forward {
                            exchange.output_sent();
                        }
                    }
                    exchange
                },
                BatchSize::SmallInput,
            );
        });
    }
}

fn requests(criterion: &mut Criterion) {
    let config = config();
    let mut group = criterion.benchmark_group("requests");
    for (name, bytes) in [("2k", 2 << 10), ("100k", 100 << 10), ("1m", 1 << 20)] {
        let request = conversation::request(bytes);
        group.throughput(Throughput::Bytes(request.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || opened(&config),
                |mut exchange| {
                    let action = exchange.request_body(request.clone().into_bytes(), true);
                    assert!(matches!(action, RequestBodyAction::Forward { .. }));
                    (exchange, action)
                },
                BatchSize::SmallInput,
            );
        });
    }
}

/// What every exchange costs, however short.
fn exchanges(criterion: &mut Criterion) {
    let config = config();
    let request = conversation::request(2 << 10);
    let work = workload::table().into_iter().find(|work| work.name == "req2k").expect("its row");
    let body = Script::new(&work).body;
    let answer = headers(&[(":status", "200"), ("content-type", "text/event-stream")]);
    criterion.bench_function("exchanges/2k", |bencher| {
        bencher.iter(|| {
            let mut exchange = opened(&config);
            black_box(exchange.request_body(request.clone().into_bytes(), true));
            exchange.response_headers(&answer, false);
            exchange.response_body(&body, false);
            black_box(exchange.output());
            exchange.response_body(&[], true);
            if let Some(report) = exchange.report() {
                report.describe(&mut |name, value| _ = black_box((name, value)));
            }
        });
    });
}

criterion_group!(benches, frames, chunks, events, answers, requests, exchanges);
criterion_main!(benches);
