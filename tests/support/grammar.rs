//! The legal event grammar of a streamed answer, and the consistency of everything it says twice.
//!
//! ```text
//! stream     := created in_progress item* terminal "[DONE]"
//! terminal   := completed | incomplete | (error failed)
//! item       := output_item.added part* output_item.done             one open at a time
//! part       := part.added delta+ text.done part.done
//! keep-alive := a complete in_progress, anywhere before the terminal event
//! ```
//!
//! A call that was cut is the exception: it gets no `.done` event, stands last before `incomplete`
//! and is left out before `failed`, because Codex runs a call as soon as its item is done.

mod item;
mod whole;

use serde_json::Value;

use self::item::Item;
use super::frames;
use super::schema::{self, Checked, Violation, ensure, kind_of};
use super::summary::Summary;

pub use self::whole::{check_compaction, check_error, check_response};

/// A streamed answer that passed every check.
#[derive(Debug)]
pub struct Stream {
    /// The Response of the terminal event.
    pub response: Value,
    /// What the events themselves brought, an unfinished item included.
    pub summary: Summary,
    /// All events in order.
    pub events: Vec<Value>,
}

/// Checks a whole streamed answer.
pub fn check(body: &[u8]) -> Checked<Stream> {
    let events = frames::events(body)?;
    let mut machine = Machine::default();
    for (n, event) in events.iter().enumerate() {
        machine.event(n, event).map_err(|violation| Violation {
            detail: format!("event {n} ({}): {}", kind_of(event), violation.detail),
            ..violation
        })?;
    }
    let Some(response) = machine.terminal else {
        let detail = format!("{} events and none of them terminal", events.len());
        return Err(Violation { rule: "terminal", detail });
    };
    let items: Vec<Value> = machine.items.iter().map(Item::so_far).collect();
    let summary = Summary::of(&response, &items);
    Ok(Stream { response, summary, events })
}

/// The final Response of a streamed answer that passes every check.
pub fn fold(body: &[u8]) -> Checked<Value> {
    check(body).map(|stream| stream.response)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn same(rule: &'static str, what: &str, one: &Value, other: &Value) -> Checked {
    ensure(one == other, rule, || format!("{what} is {one} here and {other} there"))
}

#[derive(Default)]
struct Machine {
    /// The Response of `response.created`.
    created: Value,
    /// The Response of the first `response.in_progress`.
    in_progress: Option<Value>,
    items: Vec<Item>,
    error: Option<Value>,
    terminal: Option<Value>,
}

impl Machine {
    fn event(&mut self, n: usize, event: &Value) -> Checked {
        schema::event(event)?;
        let kind = kind_of(event);
        same("sequence", "sequence_number", &event["sequence_number"], &n.into())?;
        ensure(self.terminal.is_none(), "terminal", || "it follows the terminal event".into())?;
        ensure(self.error.is_none() || kind == "response.failed", "error event", || {
            "only response.failed may follow error".into()
        })?;
        let due = match n {
            0 => "response.created",
            1 => "response.in_progress",
            _ => kind,
        };
        ensure(kind == due, "lifecycle", || format!("{due} is due"))?;
        match kind {
            "response.created" => self.created(n, &event["response"]),
            "response.in_progress" => self.in_progress(&event["response"]),
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.terminal(kind.trim_start_matches("response."), &event["response"])
            }
            "error" => {
                self.error = Some(event.clone());
                Ok(())
            }
            "response.output_item.added" => self.item_added(event),
            "response.output_item.done" => {
                schema::item("item", &event["item"])?;
                self.open_item(event)?.done(&event["item"])
            }
            _ => self.open_item(event)?.event(event),
        }
    }

    fn created(&mut self, n: usize, response: &Value) -> Checked {
        ensure(n == 0, "lifecycle", || "created comes once".into())?;
        whole::running(response)?;
        self.created = response.clone();
        Ok(())
    }

    fn in_progress(&mut self, response: &Value) -> Checked {
        whole::running(response)?;
        whole::same_response(&self.created, response)?;
        match &self.in_progress {
            Some(first) => same("keep-alive", "the response", response, first),
            None => {
                self.in_progress = Some(response.clone());
                Ok(())
            }
        }
    }

    fn item_added(&mut self, event: &Value) -> Checked {
        ensure(self.items.last().is_none_or(Item::is_done), "sequential", || {
            "the item before it is still open".into()
        })?;
        same("index", "output_index", &event["output_index"], &self.items.len().into())?;
        schema::item("item", &event["item"])?;
        self.items.push(Item::added(&event["item"])?);
        Ok(())
    }

    fn open_item(&mut self, event: &Value) -> Checked<&mut Item> {
        let index = self.items.len().saturating_sub(1);
        let Some(open) = self.items.last_mut().filter(|item| !item.is_done()) else {
            return Err(Violation { rule: "nesting", detail: "no item is open".into() });
        };
        same("index", "output_index", &event["output_index"], &index.into())?;
        if let Some(id) = event.get("item_id") {
            same("item id", "item_id", id, open.id())?;
        }
        Ok(open)
    }

    fn terminal(&mut self, status: &str, response: &Value) -> Checked {
        whole::same_response(&self.created, response)?;
        whole::finished(status, response)?;
        let expected = self.final_output(status)?;
        let output = list(&response["output"]);
        same("final output", "its length", &output.len().into(), &expected.len().into())?;
        for (n, (item, expected)) in output.iter().zip(&expected).enumerate() {
            same("final output", &format!("output[{n}]"), item, expected)?;
        }
        match &self.error {
            Some(error) => {
                same("error event", "code", &error["code"], &response["error"]["code"])?;
                same("error event", "message", &error["message"], &response["error"]["message"])?;
            }
            None => ensure(status != "failed", "error event", || {
                "failed comes without an error event before it".into()
            })?,
        }
        self.terminal = Some(response.clone());
        Ok(())
    }

    /// What the final output has to be after the items that came.
    fn final_output(&self, status: &str) -> Checked<Vec<Value>> {
        let done = self.items.iter().filter(|item| item.is_done());
        let mut output: Vec<Value> = done.map(Item::so_far).collect();
        let Some(open) = self.items.last().filter(|item| !item.is_done()) else {
            return Ok(output);
        };
        ensure(status != "completed", "unfinished item", || "an item is still open".into())?;
        ensure(status == "failed" || open.is_call(), "unfinished item", || {
            "only a cut call stays open before incomplete".into()
        })?;
        ensure(!open.arguments_are_done(), "cut call", || {
            "its arguments were said to be whole".into()
        })?;
        if status == "incomplete" {
            let mut cut = open.so_far();
            cut["status"] = "incomplete".into();
            output.push(cut);
        }
        Ok(output)
    }
}
