//! The oracle for requests: what every Chat Completions upstream accepts.
//!
//! Written from the API reference and the catalogue of dialects. It shares no type with the crate and
//! reads `serde_json::Value`. [`check`] holds a request against the rules of the strictest upstreams,
//! loosened only where [`Allowed`] says that a profile asked for it.

use std::collections::BTreeSet;

use serde_json::Value;

/// What a profile allows beyond the strictest upstream.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Members of the body beyond those that everybody takes.
    pub members: Vec<String>,
    /// System messages anywhere.
    pub system_anywhere: bool,
    /// The role `developer`.
    pub developer: bool,
    /// Members of assistant messages that carry reasoning.
    pub reasoning: Vec<&'static str>,
    /// `null` and missing content beside tool calls.
    pub null_content: bool,
    /// `strict` on functions.
    pub strict: bool,
    /// `detail` on images.
    pub detail: bool,
    /// Files and audio.
    pub attachments: bool,
    /// `thinking` parts in assistant messages.
    pub thinking: bool,
    /// `extra_content` on calls.
    pub extra_content: bool,
    /// A message of the user directly behind one of a tool.
    pub user_after_tool: bool,
}

/// Every rule the request breaks; none when it is fine.
pub fn faults(body: &[u8], allowed: &Allowed) -> Vec<String> {
    let body: Value = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(error) => return vec![format!("no JSON: {error}")],
    };
    let mut checker = Checker { allowed, faults: Vec::new() };
    checker.body(&body);
    checker.faults
}

/// Fails unless the request is fine.
pub fn check(body: &[u8], allowed: &Allowed) {
    let faults = faults(body, allowed);
    assert!(faults.is_empty(), "{faults:#?}\n{}", String::from_utf8_lossy(body));
}

const MEMBERS: &[&str] = &["model", "messages", "stream", "stream_options", "tools", "tool_choice"];

struct Checker<'a> {
    allowed: &'a Allowed,
    faults: Vec<String>,
}

impl Checker<'_> {
    fn fault(&mut self, place: &str, what: &str) {
        self.faults.push(format!("{place}: {what}"));
    }

    fn members(&mut self, place: &str, value: &Value, required: &[&str], optional: &[&str]) {
        let Some(object) = value.as_object() else {
            return self.fault(place, "is no object");
        };
        for name in required.iter().filter(|name| !object.contains_key(**name)) {
            self.fault(place, &format!("lacks `{name}`"));
        }
        for name in object
            .keys()
            .filter(|name| !required.contains(&name.as_str()) && !optional.contains(&name.as_str()))
        {
            self.fault(place, &format!("has an unknown member `{name}`"));
        }
    }

    fn body(&mut self, body: &Value) {
        let extra: Vec<&str> = self.allowed.members.iter().map(String::as_str).collect();
        let optional: Vec<&str> = MEMBERS.iter().copied().chain(extra).collect();
        self.members("body", body, &["model", "messages", "stream"], &optional);
        if body["model"].as_str().is_none_or(str::is_empty) {
            self.fault("model", "is no name");
        }
        let stream = body["stream"].as_bool();
        if stream.is_none() {
            self.fault("stream", "is no boolean");
        }
        if let Some(options) = body.get("stream_options") {
            self.members("stream_options", options, &["include_usage"], &[]);
            if stream != Some(true) {
                self.fault("stream_options", "without a stream");
            }
        }
        let names = self.tools(body);
        self.tool_choice(body, &names);
        self.messages(&body["messages"]);
    }

    fn tools(&mut self, body: &Value) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let Some(tools) = body.get("tools") else { return names };
        let tools = tools.as_array().cloned().unwrap_or_default();
        if tools.is_empty() {
            self.fault("tools", "is empty or no array");
        }
        for (index, tool) in tools.iter().enumerate() {
            let place = format!("tools[{index}]");
            self.members(&place, tool, &["type", "function"], &[]);
            if tool["type"] != "function" {
                self.fault(&place, "is no function");
            }
            let function = &tool["function"];
            let optional: &[&str] =
                if self.allowed.strict { &["description", "strict"] } else { &["description"] };
            self.members(&place, function, &["name", "parameters"], optional);
            let name = function["name"].as_str().unwrap_or_default().to_owned();
            self.tool_name(&place, &name);
            if function.get("description").is_some_and(|text| !text.is_string()) {
                self.fault(&place, "has a description that is no string");
            }
            let parameters = &function["parameters"];
            if parameters["type"] != "object" || !parameters["properties"].is_object() {
                self.fault(&place, "has parameters that are no object with properties");
            }
            if !names.insert(name) {
                self.fault(&place, "has the name of another tool");
            }
        }
        names
    }

    fn tool_name(&mut self, place: &str, name: &str) {
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(fine) {
            self.fault(place, &format!("has a bad name `{name}`"));
        }
    }

    fn tool_choice(&mut self, body: &Value, names: &BTreeSet<String>) {
        for member in ["tool_choice", "parallel_tool_calls"] {
            if body.get(member).is_some() && names.is_empty() {
                self.fault(member, "without tools");
            }
        }
        match body.get("tool_choice") {
            None => {}
            Some(Value::String(word))
                if ["none", "auto", "required", "any"].contains(&word.as_str()) => {}
            Some(Value::String(_)) => self.fault("tool_choice", "is an unknown word"),
            Some(choice) => {
                self.members("tool_choice", choice, &["type", "function"], &[]);
                self.members("tool_choice", &choice["function"], &["name"], &[]);
                if !names.contains(choice["function"]["name"].as_str().unwrap_or_default()) {
                    self.fault("tool_choice", "names no tool");
                }
            }
        }
    }

    fn messages(&mut self, messages: &Value) {
        let messages = messages.as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            self.fault("messages", "is empty or no array");
        }
        let mut index = 0;
        let mut before = "";
        while let Some(message) = messages.get(index) {
            let place = format!("messages[{index}]");
            let role = message["role"].as_str().unwrap_or_default();
            match role {
                "system" | "developer" => self.system(&place, index, message),
                "user" => {
                    self.user(&place, message);
                    if before == "user" {
                        self.fault(&place, "follows another message of the user");
                    }
                    if before == "tool" && !self.allowed.user_after_tool {
                        self.fault(&place, "follows a message of a tool");
                    }
                }
                "assistant" => {
                    if before == "assistant" {
                        self.fault(&place, "follows another message of the assistant");
                    }
                    let calls = self.assistant(&place, message);
                    let answered = self.answers(&messages, index + 1, calls);
                    index += answered;
                    if answered > 0 {
                        before = "tool";
                        index += 1;
                        continue;
                    }
                }
                "tool" => self.fault(&place, "answers no call"),
                _ => self.fault(&place, "has an unknown role"),
            }
            before = match role {
                "user" => "user",
                "assistant" => "assistant",
                _ => "",
            };
            index += 1;
        }
    }

    fn system(&mut self, place: &str, index: usize, message: &Value) {
        self.members(place, message, &["role", "content"], &[]);
        self.text(place, &message["content"]);
        if index > 0 && !self.allowed.system_anywhere {
            self.fault(place, "is a system message behind the first message");
        }
        if message["role"] == "developer" && !self.allowed.developer {
            self.fault(place, "has a role that not everybody takes");
        }
    }

    fn user(&mut self, place: &str, message: &Value) {
        self.members(place, message, &["role", "content"], &[]);
        match &message["content"] {
            Value::Array(parts) if !parts.is_empty() => {
                for (index, part) in parts.iter().enumerate() {
                    self.part(&format!("{place}.content[{index}]"), part);
                }
            }
            content => self.text(place, content),
        }
    }

    fn part(&mut self, place: &str, part: &Value) {
        match part["type"].as_str() {
            Some("text") => {
                self.members(place, part, &["type", "text"], &[]);
                self.text(place, &part["text"]);
            }
            Some("image_url") => {
                self.members(place, part, &["type", "image_url"], &[]);
                let optional: &[&str] = if self.allowed.detail { &["detail"] } else { &[] };
                self.members(place, &part["image_url"], &["url"], optional);
                let url = part["image_url"]["url"].as_str().unwrap_or_default();
                if !url.starts_with("data:") && !url.starts_with("http") {
                    self.fault(place, "has no URL");
                }
                if let Some(detail) = part["image_url"].get("detail")
                    && !["auto", "low", "high"].iter().any(|known| detail == known)
                {
                    self.fault(place, "has an unknown detail");
                }
            }
            Some("file") if self.allowed.attachments => {
                let optional = &["file_data", "file_id", "filename"];
                self.members(place, &part["file"], &[], optional);
            }
            Some("input_audio") if self.allowed.attachments => {
                self.members(place, &part["input_audio"], &["data", "format"], &[]);
            }
            _ => self.fault(place, "is of an unknown type"),
        }
    }

    fn text(&mut self, place: &str, content: &Value) {
        if !content.is_string() {
            self.fault(place, "has content that is no string");
        }
    }

    /// The ids of the calls.
    fn assistant(&mut self, place: &str, message: &Value) -> Vec<String> {
        let mut optional = vec!["tool_calls"];
        optional.extend(&self.allowed.reasoning);
        let has_calls = message.get("tool_calls").is_some();
        if has_calls && self.allowed.null_content {
            optional.push("content");
            self.members(place, message, &["role"], &optional);
        } else {
            self.members(place, message, &["role", "content"], &optional);
        }
        match &message["content"] {
            Value::String(text) if text.is_empty() && !has_calls => {
                self.fault(place, "says nothing and calls nothing");
            }
            Value::String(_) => {}
            Value::Array(parts) if self.allowed.thinking => {
                for part in parts {
                    if part["type"] != "text" && part["type"] != "thinking" {
                        self.fault(place, "has a part of an unknown type");
                    }
                }
            }
            Value::Null if has_calls && self.allowed.null_content => {}
            _ => self.fault(place, "has content that is no string"),
        }
        for name in &self.allowed.reasoning {
            match message.get(*name) {
                None => {}
                Some(Value::String(_)) if *name != "reasoning_details" => {}
                Some(Value::Array(details))
                    if *name == "reasoning_details" && details.iter().all(Value::is_object) => {}
                Some(_) => self.fault(place, &format!("has a bad `{name}`")),
            }
        }
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        if has_calls && calls.is_empty() {
            self.fault(place, "has an empty list of calls");
        }
        let mut ids = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            let place = format!("{place}.tool_calls[{index}]");
            let id = self.call(&place, call);
            if ids.contains(&id) {
                self.fault(&place, "has the id of another call");
            }
            ids.push(id);
        }
        ids
    }

    fn call(&mut self, place: &str, call: &Value) -> String {
        let optional: &[&str] = if self.allowed.extra_content { &["extra_content"] } else { &[] };
        self.members(place, call, &["id", "type", "function"], optional);
        self.members(place, &call["function"], &["name", "arguments"], &[]);
        self.tool_name(place, call["function"]["name"].as_str().unwrap_or_default());
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        match serde_json::from_str::<Value>(arguments) {
            Ok(Value::Object(_)) => {}
            _ => self.fault(place, "has arguments that are no JSON object"),
        }
        let id = call["id"].as_str().unwrap_or_default().to_owned();
        if id.is_empty() {
            self.fault(place, "has no id");
        }
        id
    }

    /// How many messages of tools answer the calls; all of them must, each once, at once.
    fn answers(&mut self, messages: &[Value], from: usize, mut calls: Vec<String>) -> usize {
        let mut index = from;
        while let Some(message) = messages.get(index).filter(|message| message["role"] == "tool") {
            let place = format!("messages[{index}]");
            self.members(&place, message, &["role", "tool_call_id", "content"], &[]);
            match &message["content"] {
                Value::String(text) if text.is_empty() => self.fault(&place, "is empty"),
                content => self.text(&place, content),
            }
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            match calls.iter().position(|call| call == id) {
                Some(position) => drop(calls.remove(position)),
                None => self.fault(&place, "answers no call of the message before"),
            }
            index += 1;
        }
        if !calls.is_empty() {
            self.fault(&format!("messages[{}]", from - 1), "has calls without an answer");
        }
        index - from
    }
}
