//! A Chat Completions upstream in one process: the default upstream of `make run` and the upstream
//! of every test.
//!
//! Without a script it answers by looking at the conversation ([`conversation`]). With a script it
//! plays [`Answer`]s byte for byte, in the order they were pushed. It records every request. Tests
//! script it through [`Server`]; other processes through HTTP ([`control`]). HTTP/1.1 and HTTP/2
//! without TLS share the port.

pub mod answer;
pub mod control;
pub mod conversation;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

pub use answer::{Answer, Gate, Outcome, Step};
use answer::{Cut, SteppedBody, header_map, play, play_before_head};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// Lower-case names and values, in the order of the wire.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: Bytes,
    /// Whether the body came to its end.
    pub complete: bool,
}

impl Request {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What the server has seen and what it will say.
#[derive(Debug, Default)]
pub struct Log {
    /// Requests in the order in which their bodies were complete (or had broken off).
    pub requests: Vec<Request>,
    /// How answers ended, in the order in which they did.
    pub outcomes: Vec<Outcome>,
    answers: VecDeque<Answer>,
    gates: Vec<(String, Gate)>,
    script: Option<Script>,
    /// Whether requests are forgotten at once.
    is_unrecorded: bool,
    /// How often everything has been forgotten: answers that began before do not count any more.
    age: u64,
}

impl Log {
    fn forget(&mut self) {
        *self = Self { age: self.age + 1, ..Self::default() };
    }

    /// Records how an answer to a request of that age has ended.
    fn ended(&mut self, age: u64, outcome: Outcome) {
        if age == self.age {
            self.outcomes.push(outcome);
        }
    }
}

/// Answers requests by what they say; the number counts the requests before this one.
#[derive(Clone)]
struct Script(Arc<ScriptFn>);

type ScriptFn = dyn Fn(usize, &Request) -> Answer + Send + Sync;

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

#[derive(Default)]
struct Shared {
    log: Mutex<Log>,
    changed: Condvar,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        let result = change(&mut self.log());
        self.changed.notify_all();
        result
    }
}

/// A running server; it stops with the runtime that it was bound on.
#[derive(Clone)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Listens on `address` (port 0 for any free one) and serves on the current runtime.
    /// `pause` is the time between two pieces of an unscripted streamed answer.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr, pause: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let server = Self { address: listener.local_addr()?, shared: Arc::default() };
        tokio::spawn(accept(listener, Arc::clone(&server.shared), pause));
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Queues an answer; each answers one request.
    pub fn push(&self, answer: Answer) {
        self.shared.change(|log| log.answers.push_back(answer));
    }

    /// Has `script` answer what no queued answer is meant for. It gets the number of requests
    /// before this one, and the request.
    pub fn script(&self, script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static) {
        self.shared.change(|log| log.script = Some(Script(Arc::new(script))));
    }

    /// Forgets requests, outcomes, answers, gates and the script.
    pub fn forget(&self) {
        self.shared.change(Log::forget);
    }

    /// Records no request from now on: there will be too many of them.
    pub fn record_nothing(&self) {
        self.shared.change(|log| log.is_unrecorded = true);
    }

    /// Everything recorded so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log().requests.clone()
    }

    /// Blocks until `done` finds what it looks for in the log, at most for `limit`.
    pub fn wait<T>(&self, limit: Duration, mut done: impl FnMut(&Log) -> Option<T>) -> Option<T> {
        let mut found = None;
        let waited = self.shared.changed.wait_timeout_while(self.shared.log(), limit, |log| {
            found = done(log);
            found.is_none()
        });
        drop(waited);
        found
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, pause: Duration) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&shared), pause));
            }
            // Out of file descriptors, most likely: the next connection may be luckier.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, pause: Duration) {
    // Every write of a script is to be a packet of its own.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(request, Arc::clone(&shared), pause));
    let connection = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // It ends with an error when a script cuts it; nobody wants to hear of that.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared>,
    pause: Duration,
) -> Result<hyper::Response<SteppedBody>, Cut> {
    let begun = shared.log().age;
    let request = receive(request).await;
    if let Some(answer) = control::answer(&request, &shared) {
        return Ok(send(answer, None));
    }
    let (answer, script, before, age) = shared.change(|log| {
        if log.age != begun {
            // It was begun before the log was cleared, and is nobody's any more.
            return (None, None, 0, begun);
        }
        if !log.is_unrecorded {
            log.requests.push(request.clone());
        }
        let answer = take_answer(&mut log.answers, &request.body);
        (answer, log.script.clone(), log.requests.len().saturating_sub(1), log.age)
    });
    let answer = answer
        .or_else(|| script.map(|script| script.0(before, &request)))
        .unwrap_or_else(|| conversation::answer(&request, pause));

    let mut waiting = AbandonedUnlessDisarmed { shared: Some(&shared), age };
    let outcome = play_before_head(&answer.before).await;
    waiting.shared = None;
    if outcome != Outcome::Sent {
        shared.change(|log| log.ended(age, outcome));
        return Err(Cut);
    }
    Ok(send(answer, Some((Arc::clone(&shared), age))))
}

/// Hyper drops the future of a request whose client has gone: that is news for the log as well.
struct AbandonedUnlessDisarmed<'a> {
    shared: Option<&'a Shared>,
    age: u64,
}

impl Drop for AbandonedUnlessDisarmed<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared {
            shared.change(|log| log.ended(self.age, Outcome::Abandoned));
        }
    }
}

async fn receive(request: hyper::Request<Incoming>) -> Request {
    let (head, mut incoming) = request.into_parts();
    let mut body = Vec::new();
    let mut complete = true;
    while let Some(frame) = incoming.frame().await {
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => body.extend_from_slice(&data),
            Ok(Err(_trailers)) => {}
            Err(_) => {
                complete = false;
                break;
            }
        }
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Request {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        version: format!("{:?}", head.version),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        body: body.into(),
        complete,
    }
}

/// The first answer in the queue that is meant for anyone or for this body.
fn take_answer(answers: &mut VecDeque<Answer>, body: &[u8]) -> Option<Answer> {
    let body = String::from_utf8_lossy(body);
    let fits = |answer: &Answer| {
        answer.only_for.as_ref().is_none_or(|needle| body.contains(needle.as_str()))
    };
    let index = answers.iter().position(fits)?;
    answers.remove(index)
}

fn send(answer: Answer, record: Option<(Arc<Shared>, u64)>) -> hyper::Response<SteppedBody> {
    let (sender, body) = SteppedBody::new();
    let mut response = hyper::Response::new(body);
    *response.status_mut() =
        hyper::StatusCode::from_u16(answer.status).unwrap_or(hyper::StatusCode::BAD_GATEWAY);
    *response.headers_mut() = header_map(&answer.headers);
    tokio::spawn(async move {
        let outcome = play(answer, sender).await;
        if let Some((shared, age)) = record {
            shared.change(|log| log.ended(age, outcome));
        }
    });
    response
}
