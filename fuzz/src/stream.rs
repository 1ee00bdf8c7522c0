//! Whatever an upstream sends, the client gets one legal answer, and the same however it was cut.

use super::settings::{choose, configurations, cuts, requests, split};
use super::support::drive::{Answer, Client, End, Upstream, exchange};
use super::support::verdict::verdict;

/// Checks the property for five bytes of settings and a body.
pub fn holds(data: &[u8]) {
    let Some(([shape, request, configuration, end, seed], body)) = split(data) else { return };
    let client = client(shape, request, configuration);
    let upstream = upstream(shape, body, *choose(end, &ENDS));
    check(&client, &upstream, seed);
}

/// Holds the answer to this body, whole and in pieces, against the oracles.
pub fn check(client: &Client, upstream: &Upstream, seed: usize) {
    let whole = exchange(client, upstream);
    legal(&whole, upstream);
    let length = upstream.pieces.concat().len();
    let answer = whole.body().len();
    let max = ANSWER_BYTES_MIN + ANSWER_PER_BYTE_MAX * length;
    assert!(answer <= max, "{length} bytes of an upstream make {answer}");
    for at in [cuts(seed, length), cuts(1, length)] {
        let pieces = exchange(client, &upstream.cut_at(at));
        legal(&pieces, upstream);
        // A reset hides the end, trailers what the host does not take any more; and where headers are
        // held, the first piece decides whether a failure still gets a status of its own.
        let comparable = matches!(upstream.end, End::Empty | End::WithLast);
        if comparable && (whole.status, pieces.status) == (200, 200) {
            assert_eq!(text(&whole), text(&pieces), "the answer depends on the cuts");
        }
    }
}

/// What an answer may have beside what the upstream says: three copies of the Response with all that it
/// repeats of the request.
const ANSWER_BYTES_MIN: usize = 64 << 10;
/// How much a byte of the upstream may become. The most that is legal is an item with all of its events
/// for a call of some fifty bytes.
const ANSWER_PER_BYTE_MAX: usize = 64;

const ENDS: [End; 4] = [End::Empty, End::WithLast, End::Trailers, End::Reset];

/// The client whose request the settings choose.
pub fn client(shape: usize, request: usize, configuration: usize) -> Client {
    let mut request = choose(request, &requests()).clone();
    request["stream"] = (shape & 1 == 0).into();
    let mut configuration = choose(configuration, &configurations()).clone();
    configuration["hold_headers"] = (shape & 2 == 0).into();
    Client::post(request.to_string()).with_config(configuration.to_string())
}

fn upstream(shape: usize, body: &[u8], end: End) -> Upstream {
    let types = ["text/event-stream", "application/json", "text/plain", "application/x-ndjson"];
    let content_type: &&str = choose(shape >> 2, &types);
    Upstream::new(content_type, body).ending(end)
}

/// A whole answer is legal; one that was cut off from outside at least did not panic.
pub fn legal(answer: &Answer, upstream: &Upstream) {
    if !answer.complete || answer.lost > 0 {
        return;
    }
    if let Err(violation) = verdict(answer) {
        let upstream = String::from_utf8_lossy(&upstream.pieces.concat()).into_owned();
        panic!("{violation}\nupstream: {upstream}\nanswer: {}", text(answer));
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body()).into_owned()
}
