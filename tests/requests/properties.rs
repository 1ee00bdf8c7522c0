//! Properties that hold for every request.

use std::collections::BTreeSet;

use proptest::prelude::*;
use responses_filter::dialect::{SystemMessages, ToolCallId, presets};
use serde_json::{Value, json};

use crate::drive::{Drive, with};
use crate::support::{chat_request, profile};

/// What happens in a conversation.
#[derive(Clone, Debug)]
enum Event {
    User {
        image: bool,
    },
    Developer,
    Assistant,
    Reasoning,
    /// Calls of one answer: text between the first and the second, outputs backwards, one output missing.
    Calls {
        count: usize,
        text: bool,
        backwards: bool,
        missing: bool,
        custom: bool,
        image: bool,
    },
    Search,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => any::<bool>().prop_map(|image| Event::User { image }),
        1 => Just(Event::Developer),
        2 => Just(Event::Assistant),
        1 => Just(Event::Reasoning),
        4 => (1..4usize, any::<[bool; 5]>()).prop_map(
            |(count, [text, backwards, missing, custom, image])| Event::Calls {
                count, text, backwards, missing: missing && text, custom, image
            }
        ),
        1 => Just(Event::Search),
    ];
    prop::collection::vec(event, 0..14)
}

/// Items in which every text is a word of its own.
#[derive(Default)]
struct History {
    items: Vec<Value>,
    words: usize,
    /// Words of users and assistants in their order.
    spoken: Vec<String>,
    /// Words of calls with the words of their outputs.
    answered: Vec<(String, String)>,
    /// Where a user speaks and all calls before are answered.
    rests: Vec<usize>,
}

impl History {
    fn of(events: &[Event]) -> Self {
        let mut history = Self::default();
        history.add(&Event::User { image: false });
        events.iter().for_each(|event| history.add(event));
        history
    }

    fn word(&mut self) -> String {
        self.words += 1;
        format!("w{}.", self.words)
    }

    fn message(&mut self, role: &str, kind: &str, spoken: bool) -> &mut Value {
        let word = self.word();
        if spoken {
            self.spoken.push(word.clone());
        }
        let part = json!({"type": kind, "text": word});
        self.items.push(json!({"type": "message", "role": role, "content": [part]}));
        self.items.last_mut().unwrap()
    }

    fn add(&mut self, event: &Event) {
        match event {
            Event::User { image } => {
                self.rests.push(self.items.len());
                let message = self.message("user", "input_text", true);
                if *image {
                    let image =
                        json!({"type": "input_image", "image_url": "data:image/png;base64,AA"});
                    message["content"].as_array_mut().unwrap().push(image);
                }
            }
            Event::Developer => drop(self.message("developer", "input_text", false)),
            Event::Assistant => drop(self.message("assistant", "output_text", true)),
            Event::Reasoning => {
                let summary = json!([{"type": "summary_text", "text": self.word()}]);
                self.items.push(json!({"type": "reasoning", "summary": summary}));
            }
            Event::Calls { count, text, backwards, missing, custom, image } => {
                self.calls(*count, *text, *backwards, *missing, *custom, *image);
            }
            Event::Search => {
                let id = format!("s{}", self.items.len());
                let word = self.word();
                self.items
                    .push(json!({"type": "tool_search_call", "call_id": id, "execution": "client",
                                       "arguments": {"query": word}}));
                let found =
                    json!({"type": "function", "name": format!("found_{id}"), "description": word});
                self.items
                    .push(json!({"type": "tool_search_output", "call_id": id, "tools": [found]}));
            }
        }
    }

    fn calls(
        &mut self,
        count: usize,
        text: bool,
        backwards: bool,
        missing: bool,
        custom: bool,
        image: bool,
    ) {
        let mut outputs = Vec::new();
        for index in 0..count {
            let id = format!("call_{}_{index}", self.items.len());
            let (word, answer) = (self.word(), self.word());
            let kind = if custom { "custom_tool_call" } else { "function_call" };
            let mut call = json!({"type": kind, "call_id": id, "name": "run"});
            if custom {
                call["input"] = json!(word);
            } else {
                call["arguments"] = json!(json!({"word": word}).to_string());
            }
            self.items.push(call);
            if text && index == 0 {
                self.message("assistant", "output_text", true);
            }
            let mut parts = vec![json!({"type": "input_text", "text": answer})];
            if image {
                parts.push(json!({"type": "input_image", "image_url": "data:image/png;base64,AA"}));
            }
            outputs.push(json!({"type": format!("{kind}_output"), "call_id": id, "output": parts}));
            if !(missing && index + 1 == count) {
                self.answered.push((word, answer));
            }
        }
        if missing {
            outputs.pop();
            // Without any output the next answer of the model would join this one.
            if outputs.is_empty() {
                self.message("user", "input_text", true);
            }
        }
        if backwards {
            outputs.reverse();
        }
        self.items.extend(outputs);
    }

    fn request(&self) -> Value {
        json!({"model": "m", "stream": true, "input": self.items, "tools": [
            {"type": "function", "name": "run", "parameters": {"type": "object", "properties": {}}},
            {"type": "custom", "name": "run"}]})
    }
}

fn any_preset() -> impl Strategy<Value = String> {
    prop::sample::select(presets::names())
}

fn texts(message: &Value) -> String {
    match &message["content"] {
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        content => content.as_str().unwrap_or_default().to_owned(),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().filter(|word| word.starts_with('w') && word.ends_with('.'))
}

fn messages(drive: &Drive, request: &Value) -> Vec<Value> {
    drive.chat(request)["messages"].as_array().unwrap().clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 300 } else { 3000 }))]

    #[test]
    fn conversations_keep_order_pairing_and_content(events in events(), preset in any_preset()) {
        let drive = with(&preset, &json!({}));
        let history = History::of(&events);
        let request = history.request();
        let messages = messages(&drive, &request);

        let mut spoken: Vec<String> = Vec::new();
        for message in messages.iter().filter(|message| message["role"] != "tool") {
            let text = texts(message);
            spoken.extend(words(&text).filter(|word| history.spoken.iter().any(|w| w == word)).map(str::to_owned));
        }
        prop_assert_eq!(&spoken, &history.spoken);

        for (asked, answer) in &history.answered {
            let has = |call: &&Value| call["function"]["arguments"].as_str().unwrap().contains(asked);
            let mut calls = messages.iter().filter_map(|m| m["tool_calls"].as_array()).flatten();
            let call = calls.find(has).expect("the call");
            let answered = messages.iter().any(|message| {
                message["tool_call_id"] == call["id"] && words(&texts(message)).any(|word| word == answer)
            });
            prop_assert!(answered, "{} is not the answer to {}", answer, asked);
        }

        let all: String = messages.iter().map(|message| message.to_string() + "\n").collect();
        for item in history.items.iter().filter(|item| item["role"] == "developer") {
            let word = item["content"][0]["text"].as_str().unwrap();
            prop_assert!(all.contains(word));
        }
        let images = history.items.iter().map(|item| item.to_string().matches("base64").count()).sum::<usize>();
        prop_assert_eq!(all.matches("base64").count(), images);
    }

    #[test]
    fn the_same_request_gives_the_same_bytes(events in events(), preset in any_preset()) {
        let drive = with(&preset, &json!({}));
        let request = History::of(&events).request();
        let (once, twice) = (drive.translated(&request), drive.translated(&request));
        prop_assert_eq!(once.chat, twice.chat);
        prop_assert_eq!(once.echo, twice.echo);
    }

    /// Prompt caches hit as far as the messages are the same: a later turn changes nothing before it.
    #[test]
    fn later_turns_leave_earlier_messages_alone(
        events in events(),
        preset in any_preset(),
        at in any::<prop::sample::Index>(),
    ) {
        let drive = with(&preset, &json!({}));
        prop_assume!(drive.dialect.system_messages != SystemMessages::MergeFirst);
        let history = History::of(&events);
        let cut = *at.get(&history.rests);
        prop_assume!(cut > 0);
        let mut earlier = history.request();
        earlier["input"] = history.items[..cut].into();
        let earlier = messages(&drive, &earlier);
        let later = messages(&drive, &history.request());
        // The last message may grow: the next one of the same role joins it.
        let settled = earlier.len() - 1;
        prop_assert_eq!(&earlier[..settled], &later[..settled]);
    }

    #[test]
    fn tools_are_found_again_by_the_names_of_their_functions(
        names in prop::collection::btree_set(
            (prop::option::of("(functions|mcp__[a-c.]{1,3}|[a-c_é ]{1,60})"), "[a-cA-C_. é-]{1,70}", any::<bool>()),
            1..12,
        ),
        preset in any_preset(),
    ) {
        let tools: Vec<Value> = names.iter().map(|(namespace, name, custom)| {
            let kind = if *custom { "custom" } else { "function" };
            let tool = json!({"type": kind, "name": name});
            match namespace {
                Some(namespace) => json!({"type": "namespace", "name": namespace, "tools": [tool]}),
                None => tool,
            }
        }).collect();
        let drive = with(&preset, &json!({}));
        let table = drive.translated(&json!({"model": "m", "input": "x", "tools": tools})).tools;
        // `functions` is the namespace of tools that have none.
        let same = |namespace: &Option<String>| namespace.clone().filter(|name| name != "functions");
        let distinct: BTreeSet<_> =
            names.iter().map(|(namespace, name, custom)| (same(namespace), name.clone(), *custom)).collect();
        let found: BTreeSet<_> = table.chat_names().map(|name| {
            let tool = table.resolve(name).unwrap();
            let custom = tool.kind == responses_filter::translate::tools::ToolKind::Custom;
            (same(&tool.namespace), tool.name.clone(), custom)
        }).collect();
        prop_assert_eq!(found, distinct);
    }

    /// Whatever is sent, the answer is a request that upstreams accept or an error with a reason.
    #[test]
    fn any_input_is_translated_or_refused(body in bodies(), preset in any_preset()) {
        let drive = with(&preset, &json!({}));
        match drive.raw(body.as_bytes()) {
            Ok(translated) => {
                let faults = chat_request::faults(&translated.chat, &profile::allowed(&drive.dialect));
                // A URL is not looked into.
                let faults: Vec<_> = faults.iter().filter(|fault| !fault.contains("has no URL")).collect();
                prop_assert!(faults.is_empty(), "{:?}\n{}", faults, String::from_utf8_lossy(&translated.chat));
            }
            Err(error) => {
                prop_assert_eq!(error.status(), 400);
                prop_assert!(!error.message.is_empty());
            }
        }
    }

    #[test]
    fn any_bytes_are_translated_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = with("generic", &json!({})).raw(&bytes);
    }
}

/// Bodies made of the words of the API in places where they may or may not belong.
fn bodies() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..9i64).prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::vec((prop::sample::select(KEYS), inner), 0..5).prop_map(|members| {
                members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    });
    let item = (prop::sample::select(TYPES), prop::collection::vec((prop::sample::select(KEYS), value.clone()), 0..6))
        .prop_map(|(kind, members)| {
            let mut item = json!({"role": "user", "content": "x", "call_id": "c", "name": "f", "output": "o",
                                  "arguments": "{}", "input": "i", "action": {}, "operation": {}});
            for (key, value) in members {
                item[key] = value;
            }
            item["type"] = json!(kind);
            item
        });
    (
        prop::collection::vec(item, 0..6),
        prop::collection::vec((prop::sample::select(KEYS), value), 0..4),
    )
        .prop_map(|(items, members)| {
            let mut body = json!({"model": "m", "input": items});
            for (key, value) in members {
                body[key] = value;
            }
            body.to_string()
        })
}

const KEYS: &[&str] = &[
    "action",
    "arguments",
    "call_id",
    "content",
    "detail",
    "encrypted_content",
    "format",
    "id",
    "image_url",
    "include",
    "input",
    "instructions",
    "name",
    "namespace",
    "operation",
    "output",
    "parameters",
    "reasoning",
    "role",
    "schema",
    "store",
    "stream",
    "strict",
    "summary",
    "text",
    "tool_choice",
    "tools",
    "type",
    "zeta",
];

const WORDS: &[&str] = &[
    "",
    "a",
    "auto",
    "user",
    "assistant",
    "developer",
    "system",
    "function",
    "custom",
    "namespace",
    "input_text",
    "output_text",
    "input_image",
    "input_file",
    "json_schema",
    "required",
    "none",
    "{}",
    "{\"a\":1}",
    "data:x",
    "https://x",
    "allowed_tools",
    "web_search",
];

const TYPES: &[&str] = &[
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
    "agent_message",
    "compaction",
    "compaction_trigger",
    "local_shell_call",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "computer_call",
    "computer_call_output",
    "image_generation_call",
    "mcp_call",
    "web_search_call",
    "item_reference",
    "configuration_update",
    "telepathy",
];

#[test]
fn repeated_ids_of_every_form_stay_with_their_outputs() {
    for form in ["pass", "mistral9", "claude"] {
        let drive = with("generic", &json!({"tool_call_id": form}));
        assert!(drive.dialect.tool_call_id == ToolCallId::Pass || form != "pass");
        let items: Vec<Value> = ["", "", "x y", "x y", "x_y"]
            .iter()
            .map(|id| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"}))
            .collect();
        drive.messages(&json!(items));
    }
}
