//! What an answer amounts to, in the few words in which expectations are written.

use serde_json::Value;

use super::schema::kind_of;

/// An answer without its form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// `completed`, `incomplete:<reason>` or `failed:<code>`.
    pub terminal: String,
    /// All text of all messages.
    pub text: String,
    /// All refusals.
    pub refusal: String,
    /// All reasoning, whether summarised or raw.
    pub reasoning: String,
    /// Calls that a client would execute.
    pub calls: Vec<Call>,
    /// Token counts, when the answer has any.
    pub usage: Option<Usage>,
    /// The types of all items in order, cut ones included.
    pub items: Vec<String>,
}

/// A finished call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// The type of the item.
    pub kind: String,
    pub call_id: String,
    pub name: String,
    pub namespace: Option<String>,
    /// Arguments, or the input of a custom tool, as they were written.
    pub arguments: String,
}

/// Token counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
    pub reasoning: u64,
    pub total: u64,
}

impl Summary {
    /// Of a finished Response and the items that came with it, unfinished ones included.
    pub fn of(response: &Value, items: &[Value]) -> Self {
        let mut summary = Self {
            terminal: terminal(response),
            usage: usage(&response["usage"]),
            ..Self::default()
        };
        for item in items {
            summary.items.push(kind_of(item).to_owned());
            let parts = ["summary", "content"].iter().filter_map(|key| item[*key].as_array());
            parts.flatten().for_each(|part| summary.part(part));
            if item["call_id"].is_string() && item["status"] == "completed" {
                summary.calls.push(call(item));
            }
        }
        summary
    }

    /// Of a finished Response alone.
    pub fn of_response(response: &Value) -> Self {
        Self::of(response, response["output"].as_array().map(Vec::as_slice).unwrap_or_default())
    }

    fn part(&mut self, part: &Value) {
        let text = |key: &str| part[key].as_str().unwrap_or_default().to_owned();
        match kind_of(part) {
            "output_text" => self.text.push_str(&text("text")),
            "refusal" => self.refusal.push_str(&text("refusal")),
            _ => self.reasoning.push_str(&text("text")),
        }
    }
}

fn terminal(response: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    match response["status"].as_str() {
        Some("incomplete") => {
            format!("incomplete:{}", word(&response["incomplete_details"]["reason"]))
        }
        Some("failed") => format!("failed:{}", word(&response["error"]["code"])),
        _ => word(&response["status"]),
    }
}

fn call(item: &Value) -> Call {
    let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let arguments = ["arguments", "input", "action", "operation"]
        .iter()
        .find_map(|key| item.get(*key))
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    Call {
        kind: text("type"),
        call_id: text("call_id"),
        name: text("name"),
        namespace: item["namespace"].as_str().map(str::to_owned),
        arguments: arguments.unwrap_or_default(),
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    usage.is_object().then(|| Usage {
        input: count(&usage["input_tokens"]),
        cached: count(&usage["input_tokens_details"]["cached_tokens"]),
        output: count(&usage["output_tokens"]),
        reasoning: count(&usage["output_tokens_details"]["reasoning_tokens"]),
        total: count(&usage["total_tokens"]),
    })
}
