//! The one way to drive an exchange: a client before it, an upstream behind it, Envoy around it.
//!
//! [`exchange`] does with the returned actions what Envoy would do, and refuses what would hang, crash
//! or corrupt a real connection: late header writes, large writes into a paused response, a wrong
//! `content-length`, events cut between two writes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use responses_filter::config::{Config, DEFAULT};
use responses_filter::exchange::{
    BodyAction, Exchange, HELD_OUTPUT_BYTES_MAX, Header, HeaderChanges, Reply, RequestBodyAction,
    RequestHeadersAction, ResponseHeadersAction,
};

use super::chat_request::Allowed;
use super::profile;

/// The time at which every exchange begins, in milliseconds since 1970.
pub const START_MS: u64 = 1_760_000_000_000;

const ID_SEED: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

thread_local! {
    static CONFIG: RefCell<Option<(String, Rc<Config>)>> = const { RefCell::new(None) };
    static NOW_MS: Cell<u64> = const { Cell::new(START_MS) };
}

fn clock() -> u64 {
    NOW_MS.get()
}

/// Header names and values in order.
pub type Headers = Vec<(String, String)>;

/// The same as an exchange takes them.
fn lent(headers: &Headers) -> Vec<Header<'_>> {
    headers.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// Looks a header up.
pub fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// What the client sends and how the filter is configured.
#[derive(Clone, Debug)]
pub struct Client {
    pub config: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Client {
    /// A `POST /v1/responses` with this body and the configuration `{}`.
    pub fn post(body: impl Into<Vec<u8>>) -> Self {
        let headers = [
            (":method", "POST"),
            (":path", "/v1/responses"),
            (":scheme", "http"),
            (":authority", "127.0.0.1"),
            ("content-type", "application/json"),
            ("authorization", "Bearer none"),
        ];
        let headers = headers.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        Self { config: "{}".into(), headers, body: body.into() }
    }

    /// The same client before a filter with this configuration.
    pub fn with_config(mut self, config: impl Into<String>) -> Self {
        self.config = config.into();
        self
    }

    /// The same client with another header, which replaces one of the same name.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        change(&mut self.headers, name, Some(value));
        self
    }
}

/// How an upstream's answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With an empty piece that says so, as Envoy mostly reports it.
    Empty,
    /// With the last piece.
    WithLast,
    /// With trailers.
    Trailers,
    /// Not at all: the connection was reset and the filter hears nothing more.
    Reset,
}

/// What the upstream answers.
#[derive(Clone, Debug)]
pub struct Upstream {
    pub status: u16,
    pub headers: Headers,
    pub pieces: Vec<Vec<u8>>,
    pub end: End,
    /// The time that passes before each piece.
    pub pace_ms: u64,
    /// Whether events that are like the one before may take the fast way.
    pub memo: bool,
}

impl Upstream {
    /// A 200 with this body in one piece.
    pub fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".into(), content_type.into())],
            pieces: vec![body.into()],
            end: End::Empty,
            pace_ms: 0,
            memo: true,
        }
    }

    /// A stream with this body in one piece.
    pub fn sse(body: impl Into<Vec<u8>>) -> Self {
        Self::new("text/event-stream", body)
    }

    /// A JSON answer with this body in one piece.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new("application/json", body)
    }

    /// The same answer, its body cut at these offsets.
    pub fn cut_at(&self, offsets: impl IntoIterator<Item = usize>) -> Self {
        let body = self.pieces.concat();
        let mut from = 0;
        let mut pieces = Vec::new();
        for offset in offsets.into_iter().chain([body.len()]) {
            let offset = offset.clamp(from, body.len());
            pieces.push(body[from..offset].to_vec());
            from = offset;
        }
        Self { pieces, ..self.clone() }
    }

    /// The same answer in pieces of `size` bytes.
    pub fn in_pieces_of(&self, size: usize) -> Self {
        let body = self.pieces.concat();
        Self { pieces: body.chunks(size).map(<[u8]>::to_vec).collect(), ..self.clone() }
    }

    /// The same answer with another end.
    pub fn ending(&self, end: End) -> Self {
        Self { end, ..self.clone() }
    }
}

/// What reaches the upstream.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// What reaches the client, and what reached the upstream before that.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// `None` when the filter answered by itself.
    pub chat: Option<ChatRequest>,
    /// Whether the filter stepped aside, at the request or at the response.
    pub passed: bool,
    pub status: u16,
    pub headers: Headers,
    /// What each piece of the upstream's answer made the client receive; one more for the end.
    pub pieces: Vec<Vec<u8>>,
    /// Whether the client's connection ended as HTTP wants it.
    pub complete: bool,
    /// Bytes that came when the host took no more: with trailers, unless the body was held.
    pub lost: usize,
}

impl Answer {
    /// The body as the client reads it.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// Whether the client was told to read a stream.
    pub fn is_stream(&self) -> bool {
        header(&self.headers, "content-type").is_some_and(|kind| kind.contains("event-stream"))
    }
}

/// Drives one exchange from the first header to the last byte.
pub fn exchange(client: &Client, upstream: &Upstream) -> Answer {
    NOW_MS.set(START_MS);
    let mut exchange = Exchange::new(configured(client), clock, ID_SEED);
    match request(&mut exchange, client) {
        Request::Passed => Answer { passed: true, ..Answer::default() },
        Request::Answered(reply) => answered(reply, None),
        Request::Forwarded(chat) => response(&mut exchange, upstream, chat),
    }
}

/// Drives an exchange up to the request that reaches the upstream, or the answer instead of it.
pub fn chat_request(client: &Client) -> Result<ChatRequest, Reply> {
    NOW_MS.set(START_MS);
    match request(&mut Exchange::new(configured(client), clock, ID_SEED), client) {
        Request::Passed => panic!("the filter did not translate the request"),
        Request::Answered(reply) => Err(reply),
        Request::Forwarded(chat) => Ok(chat),
    }
}

/// The client's configuration. The last one is kept: most tests drive thousands of exchanges with one.
fn configured(client: &Client) -> Rc<Config> {
    CONFIG.with_borrow_mut(|kept| match kept {
        Some((text, config)) if *text == client.config => Rc::clone(config),
        _ => {
            let config = Config::parse(&client.config).expect("a valid configuration");
            let (_, config) = kept.insert((client.config.clone(), Rc::new(config)));
            Rc::clone(config)
        }
    })
}

/// What the oracle for requests may let pass for this client's default upstream.
pub fn allowed(client: &Client) -> Allowed {
    let config = Config::parse(&client.config).expect("a valid configuration");
    profile::allowed(&config.upstream(DEFAULT).expect("the default upstream").dialect)
}

enum Request {
    Passed,
    Answered(Reply),
    Forwarded(ChatRequest),
}

fn request(exchange: &mut Exchange, client: &Client) -> Request {
    let mut headers = client.headers.clone();
    if header(&headers, "content-length").is_none() && !client.body.is_empty() {
        change(&mut headers, "content-length", Some(&client.body.len().to_string()));
    }
    let hold = match exchange.request_headers(&lent(&headers), client.body.is_empty()) {
        RequestHeadersAction::Pass | RequestHeadersAction::Change(_) => return Request::Passed,
        RequestHeadersAction::Reply(reply) => return Request::Answered(reply),
        RequestHeadersAction::Translate { changes, hold } => {
            apply(&mut headers, changes);
            hold
        }
    };
    let (one, other) = client.body.split_at(client.body.len() / 2);
    let mut action = exchange.request_body(one.to_vec(), false);
    if action == RequestBodyAction::Hold {
        action = exchange.request_body(other.to_vec(), true);
    }
    match action {
        RequestBodyAction::Hold | RequestBodyAction::HoldBuffered => {
            panic!("nothing will ever release this request")
        }
        RequestBodyAction::Reply(reply) => Request::Answered(reply),
        RequestBodyAction::Forward { changes, body } => {
            assert!(hold || changes.is_empty(), "headers are gone, too late for {changes:?}");
            apply(&mut headers, changes);
            if let Some(length) = header(&headers, "content-length") {
                assert_eq!(length, body.len().to_string(), "content-length of the request");
            }
            Request::Forwarded(ChatRequest { headers, body })
        }
    }
}

/// The answer that a reply of the filter makes.
pub fn answered(reply: Reply, chat: Option<ChatRequest>) -> Answer {
    let headers = reply.headers.into_iter().map(|(key, value)| (key.to_owned(), value));
    Answer {
        chat,
        passed: false,
        status: reply.status,
        headers: headers.collect(),
        pieces: vec![reply.body],
        complete: true,
        lost: 0,
    }
}

fn response(exchange: &mut Exchange, upstream: &Upstream, chat: ChatRequest) -> Answer {
    let bodiless = upstream.end == End::WithLast && upstream.pieces.concat().is_empty();
    let mut headers = upstream.headers.clone();
    headers.insert(0, (":status".into(), upstream.status.to_string()));
    let held = match exchange.response_headers(&lent(&headers), bodiless) {
        ResponseHeadersAction::Pass => {
            return Answer {
                chat: Some(chat),
                passed: true,
                status: upstream.status,
                headers: upstream.headers.clone(),
                pieces: upstream.pieces.clone(),
                complete: upstream.end != End::Reset,
                lost: 0,
            };
        }
        ResponseHeadersAction::Reply(reply) => return answered(reply, Some(chat)),
        ResponseHeadersAction::Forward(changes) => {
            apply(&mut headers, changes);
            false
        }
        ResponseHeadersAction::Hold(changes) => {
            assert!(!bodiless, "nothing will ever release these headers");
            apply(&mut headers, changes);
            true
        }
    };
    let mut client =
        Downstream { held, buffered: false, flushing: false, pieces: Vec::new(), lost: 0 };
    if !bodiless && let Some(reply) = client.receive(exchange, upstream) {
        return answered(reply, Some(chat));
    }
    assert!(!client.held || upstream.end == End::Reset, "the answer ended, its headers are held");
    finish(headers, client, chat, upstream.end)
}

/// What a client must be able to rely on in any answer.
fn finish(mut headers: Headers, client: Downstream, chat: ChatRequest, end: End) -> Answer {
    let status = headers.remove(0).1.parse().expect("a status");
    let answer = Answer {
        chat: Some(chat),
        passed: false,
        status,
        headers,
        pieces: client.pieces,
        complete: end != End::Reset,
        lost: client.lost,
    };
    if let Some(length) = header(&answer.headers, "content-length") {
        assert_eq!(length, answer.body().len().to_string(), "content-length of the answer");
    }
    // Codex tells its user that the account was flagged when it sees this header.
    assert_eq!(header(&answer.headers, "openai-model"), None);
    if answer.is_stream() {
        for piece in answer.pieces.iter().filter(|piece| !piece.is_empty()) {
            assert!(piece.ends_with(b"\n\n"), "an event is cut between two writes");
        }
    }
    answer
}

/// How many times longer events are than the shortest deltas.
const OUTPUT_PER_BYTE_MAX: usize = 16;

/// How often the shell looks for silence.
const TICK_MS: u64 = 1000;

/// The host's side of the connection to the client.
struct Downstream {
    held: bool,
    buffered: bool,
    /// Whether time may bring something.
    flushing: bool,
    pieces: Vec<Vec<u8>>,
    lost: usize,
}

impl Downstream {
    /// Feeds the upstream's body; a reply replaces the whole answer.
    fn receive(&mut self, exchange: &mut Exchange, upstream: &Upstream) -> Option<Reply> {
        let count = upstream.pieces.len();
        for (n, piece) in upstream.pieces.iter().enumerate() {
            self.wait(exchange, upstream.pace_ms);
            let last = n + 1 == count && upstream.end == End::WithLast;
            if piece.is_empty() && !last {
                // Envoy reports nothing then; an empty piece would tell of added trailers.
                continue;
            }
            if !upstream.memo {
                exchange.turn_memo_off();
            }
            let action = exchange.response_body(piece, last);
            if let Some(reply) = self.obey(action, exchange, piece.len(), last) {
                return Some(reply);
            }
        }
        let action = match upstream.end {
            End::Empty => exchange.response_body(&[], true),
            End::Trailers => exchange.response_trailers(),
            End::WithLast | End::Reset => return None,
        };
        // Envoy takes a body with trailers only when it buffers it.
        let refused = upstream.end == End::Trailers && !self.buffered;
        assert!(!refused || !self.held || action != BodyAction::Forward, "an answer is lost");
        let reply = self.obey(action, exchange, 0, true);
        if refused {
            self.lost = self.pieces.pop().map_or(0, |late| late.len());
        }
        reply
    }

    /// Time passes without a piece. The host looks for silence every second.
    fn wait(&mut self, exchange: &mut Exchange, ms: u64) {
        let until = NOW_MS.get() + ms;
        while self.flushing && NOW_MS.get() + TICK_MS <= until {
            NOW_MS.set(NOW_MS.get() + TICK_MS);
            if exchange.tick() {
                self.pieces.push(exchange.output().to_vec());
                exchange.output_sent();
            }
        }
        NOW_MS.set(until);
    }

    /// Does what the exchange wants for a piece of this size.
    fn obey(
        &mut self,
        action: BodyAction,
        exchange: &mut Exchange,
        taken: usize,
        end: bool,
    ) -> Option<Reply> {
        match action {
            BodyAction::Forward | BodyAction::Flush => {
                let flushing = action == BodyAction::Flush;
                let output = exchange.output().to_vec();
                exchange.output_sent();
                // Twice what was foreseen is still a small host's buffer; what this very piece brings
                // cannot be foreseen.
                let max = 2 * HELD_OUTPUT_BYTES_MAX + OUTPUT_PER_BYTE_MAX * taken;
                let fits = !self.buffered || self.flushing || output.len() <= max;
                assert!(fits, "{} bytes written into the host's buffer", output.len());
                assert!(!flushing || !end, "nothing would ever release this body");
                self.pieces.push(output);
                (self.buffered, self.flushing) = (flushing, flushing);
                self.held = false;
                None
            }
            BodyAction::Keep => panic!("a translated answer goes by as it is"),
            BodyAction::Hold | BodyAction::HoldForTrailers => {
                assert!(!end, "nothing will ever release this body");
                self.pieces.push(Vec::new());
                self.buffered = action == BodyAction::HoldForTrailers;
                self.flushing = false;
                None
            }
            BodyAction::Reply(reply) => {
                assert!(self.held, "a reply behind headers that the client has");
                Some(reply)
            }
        }
    }
}

fn apply(headers: &mut Headers, changes: HeaderChanges) {
    for (name, value) in changes {
        change(headers, &name, value.as_deref());
    }
}

fn change(headers: &mut Headers, name: &str, value: Option<&str>) {
    let place = headers.iter().position(|(key, _)| key == name);
    match (place, value) {
        (Some(place), Some(value)) => headers[place].1 = value.to_owned(),
        (None, Some(value)) => headers.push((name.to_owned(), value.to_owned())),
        (_, None) => headers.retain(|(key, _)| key != name),
    }
}
