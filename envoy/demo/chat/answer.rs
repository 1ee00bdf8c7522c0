//! What a scripted answer is made of: a head, steps that write, wait or cut, and trailers.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::{mpsc, watch};

/// A door in an answer: the server stops at it until somebody opens it, for good.
///
/// Tests use gates where a sleep would make them depend on timing: "write this part, wait until the
/// test says go".
#[derive(Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets everything through that waits here now or later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn passed(&self) {
        // The sender lives in `self`, so the wait cannot fail for want of one.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate(open: {})", *self.0.borrow())
    }
}

/// One thing the server does while it sends a body.
#[derive(Clone, Debug)]
pub enum Step {
    /// Writes these bytes and flushes them: a write of its own on the wire.
    Write(Bytes),
    /// Waits this long.
    Pause(Duration),
    /// Waits for the gate.
    Wait(Gate),
    /// Ends the connection (HTTP/1.1) or the stream (HTTP/2) in the middle of the body.
    Cut,
}

/// An answer, byte for byte. What is not set is not sent, the content type included.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) before: Vec<Step>,
    pub(super) steps: Vec<Step>,
    pub(super) trailers: Vec<(String, String)>,
    pub(super) only_for: Option<String>,
}

impl Answer {
    /// An answer with this status, no headers and no body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            before: Vec::new(),
            steps: Vec::new(),
            trailers: Vec::new(),
            only_for: None,
        }
    }

    /// A JSON document with its exact `content-length`.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self::new(status)
            .header("content-type", "application/json")
            .header("content-length", &body.len().to_string())
            .write(body)
    }

    /// An event stream: status 200, no length; the steps follow.
    pub fn sse() -> Self {
        Self::new(200).header("content-type", "text/event-stream")
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes these bytes at once.
    pub fn write(mut self, bytes: impl Into<Bytes>) -> Self {
        self.steps.push(Step::Write(bytes.into()));
        self
    }

    /// Writes these bytes in pieces of `size`, each a write of its own.
    pub fn write_every(mut self, bytes: impl Into<Bytes>, size: usize) -> Self {
        let mut rest: Bytes = bytes.into();
        while !rest.is_empty() {
            let piece = rest.split_to(size.clamp(1, rest.len()));
            self.steps.push(Step::Write(piece));
        }
        self
    }

    /// Waits for the gate before it goes on.
    pub fn wait(mut self, gate: &Gate) -> Self {
        self.steps.push(Step::Wait(gate.clone()));
        self
    }

    /// Waits for the gate before even the status line is sent.
    pub fn wait_before_head(mut self, gate: &Gate) -> Self {
        self.before.push(Step::Wait(gate.clone()));
        self
    }

    /// Waits for a time before it goes on.
    pub fn pause(mut self, time: Duration) -> Self {
        self.steps.push(Step::Pause(time));
        self
    }

    /// Breaks off here.
    pub fn cut(mut self) -> Self {
        self.steps.push(Step::Cut);
        self
    }

    /// Breaks off before the status line.
    pub fn cut_before_head(mut self) -> Self {
        self.before.push(Step::Cut);
        self
    }

    /// Adds a trailer; HTTP/2 only.
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Keeps this answer for a request whose body contains `needle`.
    pub fn only_for(mut self, needle: &str) -> Self {
        self.only_for = Some(needle.to_owned());
        self
    }
}

/// The upstream broke off on purpose.
#[derive(Debug)]
pub struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut by the script")
    }
}

impl std::error::Error for Cut {}

/// The receiving end of the steps, as a body.
///
/// It answers `Pending` once after every frame: that is when the connection flushes, so each
/// [`Step::Write`] is a write of its own and a [`Step::Cut`] never swallows what was written.
pub(super) struct SteppedBody {
    frames: mpsc::Receiver<Result<Frame<Bytes>, Cut>>,
    flush_first: bool,
}

impl SteppedBody {
    /// A body and the sender that feeds it.
    pub(super) fn new() -> (mpsc::Sender<Result<Frame<Bytes>, Cut>>, Self) {
        let (sender, frames) = mpsc::channel(1);
        (sender, Self { frames, flush_first: false })
    }
}

impl Body for SteppedBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.flush_first {
            self.flush_first = false;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let frame = self.frames.poll_recv(cx);
        self.flush_first = frame.is_ready();
        frame
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was handed to the connection.
    Sent,
    /// The script broke it off.
    Cut,
    /// The other side went away first.
    Abandoned,
}

/// Does what comes before the status line; anything but `Sent` means that no answer follows.
pub(super) async fn play_before_head(steps: &[Step]) -> Outcome {
    for step in steps {
        match step {
            Step::Write(_) => {}
            Step::Pause(time) => tokio::time::sleep(*time).await,
            Step::Wait(gate) => gate.passed().await,
            Step::Cut => return Outcome::Cut,
        }
    }
    Outcome::Sent
}

/// Plays the steps and the trailers into the body.
pub(super) async fn play(answer: Answer, body: mpsc::Sender<Result<Frame<Bytes>, Cut>>) -> Outcome {
    for step in answer.steps {
        let alive = match step {
            Step::Write(bytes) => body.send(Ok(Frame::data(bytes))).await.is_ok(),
            Step::Pause(time) => tokio::select! {
                () = tokio::time::sleep(time) => true,
                () = body.closed() => false,
            },
            Step::Wait(gate) => tokio::select! {
                () = gate.passed() => true,
                () = body.closed() => false,
            },
            Step::Cut => {
                let _ = body.send(Err(Cut)).await;
                return Outcome::Cut;
            }
        };
        if !alive {
            return Outcome::Abandoned;
        }
    }
    if !answer.trailers.is_empty() {
        let trailers = header_map(&answer.trailers);
        if body.send(Ok(Frame::trailers(trailers))).await.is_err() {
            return Outcome::Abandoned;
        }
    }
    Outcome::Sent
}

/// Names and values as a header map; what is no legal header is left out.
pub(super) fn header_map(headers: &[(String, String)]) -> HeaderMap {
    headers
        .iter()
        .filter_map(|(name, value)| {
            Some((
                HeaderName::try_from(name.as_str()).ok()?,
                HeaderValue::try_from(value.as_str()).ok()?,
            ))
        })
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
}
