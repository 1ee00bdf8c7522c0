//! One output item from `added` to `done`, and its parts.

use serde_json::Value;

use super::super::schema::{self, Checked, Violation, ensure, kind_of};
use super::{list, same, whole};

/// What an item may still change between `added` and `done`.
const CHANGING: &[&str] = &[
    "action",
    "arguments",
    "content",
    "encrypted_content",
    "input",
    "operation",
    "result",
    "status",
    "summary",
];

/// An item as far as its events have told it.
pub(super) struct Item {
    added: Value,
    done: Option<Value>,
    content: Vec<Part>,
    summary: Vec<Part>,
    /// Arguments of a function, input of a custom tool.
    arguments: String,
    arguments_done: bool,
}

/// A part of an item: the added one with what came since.
struct Part {
    value: Value,
    text_done: bool,
    done: bool,
}

impl Item {
    /// A new item; everything it will hold is still empty.
    pub(super) fn added(item: &Value) -> Checked<Self> {
        let zero = |key: &str| match item.get(key) {
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::Object(object)) => object.is_empty(),
            Some(Value::Null) | None => true,
            Some(_) => false,
        };
        for key in ["arguments", "content", "input", "summary"] {
            ensure(zero(key), "zero value", || format!("{key} is already {}", item[key]))?;
        }
        let status = item.get("status").is_none_or(|status| status == "in_progress");
        ensure(status, "item status", || format!("an added item says {}", item["status"]))?;
        Ok(Self {
            added: item.clone(),
            done: None,
            content: Vec::new(),
            summary: Vec::new(),
            arguments: String::new(),
            arguments_done: false,
        })
    }

    pub(super) fn id(&self) -> &Value {
        &self.added["id"]
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.is_some()
    }

    pub(super) fn arguments_are_done(&self) -> bool {
        self.arguments_done
    }

    /// Whether a client executes this item, so that it must never look whole when it is cut.
    pub(super) fn is_call(&self) -> bool {
        let kind = kind_of(&self.added);
        kind.ends_with("_call") && kind != "image_generation_call"
    }

    /// The key that holds the streamed text of a call.
    fn arguments_key(&self) -> Option<&'static str> {
        match kind_of(&self.added) {
            "function_call" => Some("arguments"),
            "custom_tool_call" => Some("input"),
            _ => None,
        }
    }

    /// The finished item, or what has come of it.
    pub(super) fn so_far(&self) -> Value {
        if let Some(done) = &self.done {
            return done.clone();
        }
        let mut item = self.added.clone();
        if let Some(key) = self.arguments_key() {
            item[key] = self.arguments.as_str().into();
        }
        for (key, parts) in [("content", &self.content), ("summary", &self.summary)] {
            if !parts.is_empty() {
                item[key] = parts.iter().map(|part| part.value.clone()).collect();
            }
        }
        item
    }

    pub(super) fn done(&mut self, item: &Value) -> Checked {
        let keys = self.added.as_object().into_iter().flat_map(|object| object.keys());
        for key in keys.filter(|key| !CHANGING.contains(&key.as_str())) {
            same("item identity", key, &item[key], &self.added[key])?;
        }
        let finished: &[&str] =
            if self.is_call() { &["completed"] } else { &["completed", "incomplete"] };
        let status = item["status"].as_str().unwrap_or("completed");
        ensure(finished.contains(&status), "item status", || format!("it is done and {status}"))?;
        if let Some(key) = self.arguments_key() {
            ensure(self.arguments_done, "nesting", || format!("its {key} are not done"))?;
            same("same text", key, &item[key], &self.arguments.as_str().into())?;
        }
        for (key, parts) in [("content", &self.content), ("summary", &self.summary)] {
            ensure(parts.iter().all(|part| part.done), "nesting", || {
                format!("a part of its {key} is not done")
            })?;
            let said: Vec<Value> = parts.iter().map(|part| part.value.clone()).collect();
            same("same text", key, &list(&item[key]).into(), &said.into())?;
        }
        whole::not_empty(item)?;
        self.done = Some(item.clone());
        Ok(())
    }

    /// Any event between `added` and `done`.
    pub(super) fn event(&mut self, event: &Value) -> Checked {
        let kind = kind_of(event).trim_start_matches("response.");
        match kind {
            "content_part.added" | "reasoning_summary_part.added" => self.part_added(event),
            "content_part.done" | "reasoning_summary_part.done" => {
                self.open_part(event)?.done(event)
            }
            "output_text.annotation.added" => self.open_part(event)?.annotation(event),
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => {
                self.arguments_delta(kind, event)
            }
            "function_call_arguments.done" | "custom_tool_call_input.done" => {
                self.arguments_end(kind, event)
            }
            _ if kind.starts_with("image_generation_call.") => {
                self.is_of("image_generation_call", kind)
            }
            _ if kind.ends_with(".delta") => self.open_part(event)?.delta(event),
            _ => self.open_part(event)?.text_done(event),
        }
    }

    fn is_of(&self, kind: &str, event: &str) -> Checked {
        ensure(kind_of(&self.added) == kind, "nesting", || {
            format!("{event} inside a {}", kind_of(&self.added))
        })
    }

    fn arguments_delta(&mut self, kind: &str, event: &Value) -> Checked {
        self.arguments_of(kind)?;
        ensure(!self.arguments_done, "nesting", || "a delta behind its done".into())?;
        self.arguments.push_str(event["delta"].as_str().unwrap_or_default());
        Ok(())
    }

    fn arguments_end(&mut self, kind: &str, event: &Value) -> Checked {
        let key = self.arguments_of(kind)?;
        ensure(!self.arguments_done, "nesting", || "done comes twice".into())?;
        same("same text", key, &event[key], &self.arguments.as_str().into())?;
        if key == "arguments" {
            same("item identity", "name", &event["name"], &self.added["name"])?;
        }
        self.arguments_done = true;
        Ok(())
    }

    fn arguments_of(&self, kind: &str) -> Checked<&'static str> {
        let (own, key) = match kind.split_once('.') {
            Some(("custom_tool_call_input", _)) => ("custom_tool_call", "input"),
            _ => ("function_call", "arguments"),
        };
        self.is_of(own, kind).map(|()| key)
    }

    fn part_added(&mut self, event: &Value) -> Checked {
        let summary = event.get("summary_index").is_some();
        let admitted: &[&str] = match (kind_of(&self.added), summary) {
            ("message", false) => &["output_text", "refusal"],
            ("reasoning", false) => &["reasoning_text"],
            ("reasoning", true) => &["summary_text"],
            _ => &[],
        };
        schema::part("part", &event["part"], admitted)?;
        let parts = if summary { &mut self.summary } else { &mut self.content };
        let index = if summary { "summary_index" } else { "content_index" };
        same("index", index, &event[index], &parts.len().into())?;
        ensure(parts.last().is_none_or(|part| part.done), "nesting", || {
            "the part before it is still open".into()
        })?;
        parts.push(Part::added(&event["part"])?);
        Ok(())
    }

    fn open_part(&mut self, event: &Value) -> Checked<&mut Part> {
        let summary = event.get("summary_index").is_some();
        let parts = if summary { &mut self.summary } else { &mut self.content };
        let index = if summary { "summary_index" } else { "content_index" };
        let last = parts.len().saturating_sub(1);
        let Some(open) = parts.last_mut().filter(|part| !part.done) else {
            return Err(Violation { rule: "nesting", detail: "no part is open".into() });
        };
        same("index", index, &event[index], &last.into())?;
        Ok(open)
    }
}

impl Part {
    fn added(part: &Value) -> Checked<Self> {
        let empty = |key: &str| match part.get(key) {
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            _ => true,
        };
        for key in ["annotations", "logprobs", "refusal", "text"] {
            ensure(empty(key), "zero value", || format!("{key} is already {}", part[key]))?;
        }
        Ok(Self { value: part.clone(), text_done: false, done: false })
    }

    /// The name of the events that carry this part's text, and the key of its text.
    fn names(&self) -> (&'static str, &'static str) {
        match kind_of(&self.value) {
            "reasoning_text" => ("reasoning_text", "text"),
            "refusal" => ("refusal", "refusal"),
            "summary_text" => ("reasoning_summary_text", "text"),
            _ => ("output_text", "text"),
        }
    }

    /// Holds `event` against the kind of this part, which has to be still open for text.
    fn takes(&self, event: &Value, suffix: &str) -> Checked {
        let due = format!("response.{}.{suffix}", self.names().0);
        ensure(kind_of(event) == due, "nesting", || {
            format!("{} inside a part of {}", kind_of(event), kind_of(&self.value))
        })?;
        ensure(!self.text_done, "nesting", || "its text is already done".into())
    }

    fn append(&mut self, key: &str, more: &Value) {
        let list = self.value.get_mut(key).and_then(Value::as_array_mut);
        if let (Some(list), Some(more)) = (list, more.as_array()) {
            list.extend(more.iter().cloned());
        }
    }

    fn delta(&mut self, event: &Value) -> Checked {
        self.takes(event, "delta")?;
        let (_, key) = self.names();
        let mut text = self.value[key].as_str().unwrap_or_default().to_owned();
        text.push_str(event["delta"].as_str().unwrap_or_default());
        self.value[key] = text.into();
        for logprob in list(&event["logprobs"]) {
            schema::logprob("logprobs", logprob)?;
        }
        self.append("logprobs", &event["logprobs"]);
        Ok(())
    }

    fn annotation(&mut self, event: &Value) -> Checked {
        self.takes_annotations()?;
        let count = list(&self.value["annotations"]).len();
        same("index", "annotation_index", &event["annotation_index"], &count.into())?;
        schema::annotation("annotation", &event["annotation"])?;
        self.append("annotations", &vec![event["annotation"].clone()].into());
        Ok(())
    }

    fn takes_annotations(&self) -> Checked {
        ensure(kind_of(&self.value) == "output_text" && !self.text_done, "nesting", || {
            "an annotation outside running text".into()
        })
    }

    fn text_done(&mut self, event: &Value) -> Checked {
        self.takes(event, "done")?;
        let (_, key) = self.names();
        same("same text", key, &event[key], &self.value[key])?;
        if let Some(logprobs) = event.get("logprobs") {
            same("same text", "logprobs", logprobs, &self.value["logprobs"])?;
        }
        ensure(self.value[key] != "", "empty item", || "a part without any text".into())?;
        self.text_done = true;
        Ok(())
    }

    fn done(&mut self, event: &Value) -> Checked {
        ensure(self.text_done, "nesting", || "its text is not done".into())?;
        same("same text", "part", &event["part"], &self.value)?;
        self.done = true;
        Ok(())
    }
}
