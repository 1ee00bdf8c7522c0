//! From deltas to a response: the state machine that every answer goes through.
//!
//! ```text
//!           start              delta                     finish | fail
//!  Idle ────────────> Open ──────────────> Open ───────────────────────────> Ended
//!   │  created,        │ items: the first one is live,       exactly one       │
//!   │  in_progress     │ the others wait behind it           terminal event    │ later input is
//!   └───────────────── fail ─────────────────────────────────────────────────> │ dropped
//! ```
//!
//! Items are strictly sequential, because Codex gives deltas to the item opened last (measured). An item
//! is closed when news for another one comes, except for a call whose arguments are not whole yet: it
//! stays open, and what comes for others waits behind it in the order in which it came.

use super::compaction::seal_summary;
use super::items::{Forms, Items};
use super::request::Task;
use super::sink::Sink;
use super::tools::ToolTable;
use crate::chat::{FinishReason, Usage};
use crate::config::Limits;
use crate::dialect::Delta;
use crate::dialect::steady::Channel;
use crate::error::{ApiError, Class};
use crate::ids::Ids;
use crate::json::{self, JsonBytes, JsonText};
use crate::responses::event::{self, Carried};
use crate::responses::output::OutputItem;
use crate::responses::response::{IncompleteReason, Response, Snapshot, Status, write_usage};

/// How the client is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// With events, as they come about.
    Stream,
    /// With one object at the end.
    Whole,
}

/// Why the upstream's answer is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The upstream said so: `[DONE]`, or the answer was one whole document.
    Proven,
    /// The body just ended. Without any finish reason that is a truncated answer.
    Body,
}

/// What an answer needs to know about its request.
pub struct Options {
    /// How the client is answered.
    pub delivery: Delivery,
    /// What the answer is for.
    pub task: Task,
    /// In which forms the client gets it.
    pub forms: Forms,
    /// Whether an answer without text and calls is a failure.
    pub empty_is_error: bool,
    /// Limits on what is kept.
    pub limits: Limits,
}

/// Builds one response. See the module's diagram.
pub struct Translator {
    state: State,
    delivery: Delivery,
    task: Task,
    empty_is_error: bool,
    response: Response,
    items: Items,
    /// Ids of what is no ordinary item.
    ids: Ids,
    sequence_number: u64,
    /// The text of a compaction.
    summary: String,
    finish_reason: Option<FinishReason>,
    /// Whether more was said behind a finish reason: some upstreams send one with every piece.
    talks_on: bool,
    failure: Option<ApiError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Open,
    Ended,
}

impl Translator {
    /// A translator for the answer to one request.
    pub fn new(response: Response, tools: ToolTable, ids: Ids, options: Options) -> Self {
        Self {
            state: State::Idle,
            delivery: options.delivery,
            task: options.task,
            empty_is_error: options.empty_is_error,
            response,
            items: Items::new(options.forms, options.limits, tools, ids.clone()),
            ids,
            sequence_number: 0,
            summary: String::new(),
            finish_reason: None,
            talks_on: false,
            failure: None,
        }
    }

    /// The upstream has begun to answer.
    pub fn start(&mut self, out: &mut Vec<u8>) {
        if self.state != State::Idle {
            return;
        }
        self.state = State::Open;
        if self.delivery == Delivery::Stream {
            // Two of them, and the first events of an item.
            out.reserve(2 * self.response.echo.len() + 4096);
        }
        let response = Snapshot { response: &self.response, completed_at: None, output: b"" };
        let response = &event::Shared::new(&response);
        let mut sink = self.delivery.sink(out, &mut self.sequence_number);
        sink.emit(&event::Created { response });
        sink.emit(&event::InProgress { response });
    }

    /// Tells a streaming client that the response is still being made. A complete
    /// `response.in_progress` feeds every client's idle timer; comments do not feed Codex's (measured).
    pub fn keep_alive(&mut self, out: &mut Vec<u8>) {
        if self.state == State::Open {
            let response = &Snapshot { response: &self.response, completed_at: None, output: b"" };
            let mut sink = self.delivery.sink(out, &mut self.sequence_number);
            sink.emit(&event::InProgress { response });
        }
    }

    /// Whether the terminal event has been written.
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether a finish reason has come, so that only usage and the end are to be expected.
    pub fn is_finishing(&self) -> bool {
        self.finish_reason.is_some() && !self.talks_on && !self.is_ended()
    }

    /// How the response stands.
    pub fn status(&self) -> &Status {
        &self.response.status
    }

    /// What went wrong, if the response has failed.
    pub fn failure(&self) -> Option<&ApiError> {
        self.failure.as_ref()
    }

    /// Why the model stopped, as far as the upstream has said.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.finish_reason
    }

    /// Whether anything the model made has come.
    pub fn has_output(&self) -> bool {
        !self.items.is_empty() || !self.summary.is_empty()
    }

    /// Token counts, as far as they are known.
    pub fn usage(&self) -> Option<&Usage> {
        self.response.usage.as_ref()
    }

    /// An upper bound for the bytes that the end of the response will take.
    pub fn terminal_bytes_max(&self) -> usize {
        // created, in_progress and the terminal event each carry the response.
        let echoes = if self.state == State::Idle { 3 } else { 1 };
        self.items.ending_bytes_max() + echoes * self.response.echo.len() + 4096
    }

    /// News from the upstream.
    pub fn delta(&mut self, delta: Delta<'_>, out: &mut Vec<u8>) {
        self.start(out);
        if self.is_ended() {
            log::debug!("news after the end of the response is dropped");
            return;
        }
        match delta {
            Delta::Finish(reason) => self.finish_reason = Some(reason),
            Delta::Usage(usage) => self.response.usage = Some(usage),
            Delta::Failed(error) => self.fail(error, out),
            Delta::ServiceTier(tier) => self.response.service_tier = tier.decode().into_owned(),
            // Clients get the model they asked for back: Codex warns when it differs (measured).
            Delta::Model(_) => {}
            content => {
                self.talks_on = self.finish_reason.is_some();
                let mut sink = self.delivery.sink(out, &mut self.sequence_number);
                let result = match self.task {
                    Task::Respond => self.items.delta(content, &mut sink),
                    Task::CompactionItem | Task::CompactEndpoint => {
                        if let Delta::Text(text) = content {
                            self.summary.push_str(&text.decode());
                        }
                        Ok(())
                    }
                };
                if let Err(error) = result {
                    self.fail(error, out);
                }
            }
        }
    }

    /// The short way for pieces of this channel, together of `bytes_max` bytes at most; returns what they
    /// say. `None`, and no piece has been taken, when [`Self::delta`] might do more with one of them than
    /// to grow an item by one event.
    pub fn extend<'p>(
        &mut self,
        channel: Channel,
        (pieces, bytes_max): (impl Iterator<Item = JsonBytes<'p>>, usize),
        out: &mut Vec<u8>,
    ) -> Option<JsonText<'static>> {
        let is_plain = self.state == State::Open
            && self.task == Task::Respond
            && self.delivery == Delivery::Stream
            && self.finish_reason.is_none();
        if !is_plain {
            return None;
        }
        self.items.extend(channel, (pieces, bytes_max), &mut self.sequence_number, out)
    }

    /// The upstream's answer is over. `now_s` is in seconds since 1970.
    pub fn finish(&mut self, end: End, now_s: u64, out: &mut Vec<u8>) {
        self.start(out);
        if self.is_ended() {
            return;
        }
        let status = match self.outcome(end) {
            Ok(status) => status,
            Err(error) => return self.fail(error, out),
        };
        let mut sink = self.delivery.sink(out, &mut self.sequence_number);
        let closed = match (&status, self.task) {
            (Status::Incomplete(_), Task::Respond) => self.items.cut(&mut sink),
            (_, Task::Respond) => self.items.close_all(&mut sink),
            (_, Task::CompactionItem | Task::CompactEndpoint) => Ok(()),
        };
        if let Err(error) = closed {
            return self.fail(error, out);
        }
        self.response.status = status;
        self.terminate(Some(now_s), out);
    }

    /// The response cannot be finished. Open items stay open: nothing cut in half is executable.
    pub fn fail(&mut self, error: ApiError, out: &mut Vec<u8>) {
        self.start(out);
        if self.is_ended() {
            return;
        }
        let code = error.class.stream_code().to_owned();
        let mut sink = self.delivery.sink(out, &mut self.sequence_number);
        sink.emit(&event::Error {
            code: &code,
            message: &error.message,
            param: error.param.as_deref(),
            kind: error.class.error_type(),
        });
        self.response.status = Status::Failed { code, message: error.message.clone() };
        self.failure = Some(error);
        self.terminate(None, out);
    }

    /// How the response ends, from what the upstream said about it.
    fn outcome(&self, end: End) -> Result<Status, ApiError> {
        let has_output = !self.items.is_empty() || !self.summary.is_empty();
        match (self.finish_reason, end) {
            (Some(FinishReason::Length), _) => {
                Ok(Status::Incomplete(IncompleteReason::MaxOutputTokens))
            }
            (Some(FinishReason::ContentFilter), _) => {
                Ok(Status::Incomplete(IncompleteReason::ContentFilter))
            }
            (Some(FinishReason::ContextWindow), _) if has_output => {
                Ok(Status::Incomplete(IncompleteReason::MaxOutputTokens))
            }
            (Some(FinishReason::ContextWindow), _) => Err(ApiError::new(
                Class::ContextLengthExceeded,
                "The conversation exceeds the model's context window.",
            )),
            (Some(FinishReason::Unknown), _) if !has_output => Err(ApiError::new(
                Class::Server,
                "The upstream ended its answer without output, for a reason it did not name.",
            )),
            (None, End::Body) => Err(ApiError::new(
                Class::Server,
                "The upstream's answer was cut off: it ended without a finish reason.",
            )),
            (Some(FinishReason::Stop | FinishReason::Unknown), _) | (None, End::Proven) => {
                let has_answer = self.items.has_answer() || !self.summary.is_empty();
                if self.empty_is_error && !has_answer {
                    return Err(ApiError::new(
                        Class::Server,
                        "The upstream ended its answer without any text or tool call.",
                    ));
                }
                Ok(Status::Completed)
            }
        }
    }

    /// Writes the terminal event, or the whole response.
    fn terminate(&mut self, completed_at: Option<u64>, out: &mut Vec<u8>) {
        self.state = State::Ended;
        let completed_at = completed_at.filter(|_| self.response.status == Status::Completed);
        let compaction = match (self.task, &self.response.status) {
            (Task::Respond, _) | (_, Status::Failed { .. }) => None,
            (Task::CompactionItem | Task::CompactEndpoint, _) => Some(self.compaction(out)),
        };
        let output = compaction.as_deref().unwrap_or(self.items.finished());
        let response = &Snapshot { response: &self.response, completed_at, output };
        match (self.delivery, self.task, &self.failure) {
            // A compaction has no status of its own, so a failure can only be said in its place.
            (_, Task::CompactEndpoint, Some(error)) => out.extend_from_slice(&error.to_json()),
            (_, Task::CompactEndpoint, None) => self.compacted(output, out),
            (Delivery::Whole, _, _) => response.write(out),
            (Delivery::Stream, _, _) => {
                let mut sink = self.delivery.sink(out, &mut self.sequence_number);
                match self.response.status {
                    Status::Completed => sink.emit(&event::Completed { response }),
                    Status::Incomplete(_) => sink.emit(&event::Incomplete { response }),
                    Status::Failed { .. } => sink.emit(&event::Failed { response }),
                    Status::InProgress => {}
                }
                out.extend_from_slice(event::DONE);
            }
        }
    }

    /// The one item that answers a compaction.
    fn compaction(&mut self, out: &mut Vec<u8>) -> Vec<u8> {
        let id = self.ids.next("cmp");
        let mut item = Vec::new();
        let encrypted_content = seal_summary(&self.summary);
        OutputItem::Compaction { id: &id, encrypted_content: &encrypted_content }.write(&mut item);
        let mut sink = self.delivery.sink(out, &mut self.sequence_number);
        sink.emit(&event::OutputItemAdded { output_index: 0, item: &item });
        sink.emit(&event::OutputItemDone { output_index: 0, item: &item });
        item
    }

    /// Writes the `response.compaction` object (API reference, `POST /responses/compact`).
    fn compacted(&self, output: &[u8], out: &mut Vec<u8>) {
        json::object(out, |object| {
            object.str("id", &self.response.id);
            object.str("object", "response.compaction");
            object.number("created_at", self.response.created_at);
            object.array("output", |list| list.raw(output));
            write_usage(&self.response.usage.unwrap_or_default(), object);
        });
    }
}

impl Delivery {
    /// Where events go.
    fn sink<'o>(self, out: &'o mut Vec<u8>, sequence_number: &'o mut u64) -> Sink<'o> {
        match self {
            Self::Stream => Sink::stream(out, sequence_number),
            Self::Whole => Sink::silent(sequence_number),
        }
    }
}
