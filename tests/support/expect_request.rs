//! The expectations of the shared corpus about the request that leaves, word by word as its README
//! explains them.

use serde_json::Value;

/// Fails unless the Chat Completions request is what the case expects.
pub fn sent(case: &Value, chat: &Value) -> Result<(), String> {
    let expect = case["expect"].as_object().ok_or("a case without expect")?;
    for (word, wanted) in expect {
        let met = match word.as_str() {
            "messages" => messages(wanted, chat, expect.contains_key("order_of_tool_messages")),
            "order_of_tool_messages" => equal(word, wanted, &"any".into()),
            "messages_roles" => {
                let roles = list(chat, "messages").iter().map(|message| message["role"].clone());
                equal(word, wanted, &Value::Array(roles.collect()))
            }
            "first_contains" => strings(wanted).try_for_each(|text| {
                contains(word, &text_of(&chat["messages"][0]["content"]), text)
            }),
            "text_contains" => {
                let texts =
                    list(chat, "messages").iter().map(|message| text_of(&message["content"]));
                let all = texts.collect::<Vec<_>>().join("\n");
                contains(word, &all, wanted.as_str().unwrap_or_default())
            }
            "no_message_with_role" => {
                none(word, chat, "messages", |message| message["role"] == *wanted)
            }
            "all_tools_type" => none(word, chat, "tools", |tool| tool["type"] != *wanted),
            "tool_names_include" => strings(wanted).try_for_each(|name| {
                let is_there =
                    list(chat, "tools").iter().any(|tool| tool["function"]["name"] == name);
                if is_there { Ok(()) } else { Err(format!("no tool {name}: {}", chat["tools"])) }
            }),
            "no_tool_named" => strings(wanted).try_for_each(|name| {
                none(word, chat, "tools", |tool| tool["function"]["name"] == name)
            }),
            "every_tool_has_object_parameters" => {
                none(word, chat, "tools", |tool| tool["function"]["parameters"]["type"] != "object")
            }
            "no_field_in_tools" => strings(wanted).try_for_each(|field| {
                none(word, chat, "tools", |tool| {
                    tool.get(field).is_some() || tool["function"].get(field).is_some()
                })
            }),
            "allowed_top_level" => {
                let stray = chat.as_object().into_iter().flatten().map(|(key, _)| key);
                let stray = stray.filter(|key| !strings(wanted).any(|allowed| allowed == *key));
                let stray: Vec<_> = stray.collect();
                if stray.is_empty() { Ok(()) } else { Err(format!("{stray:?} left the proxy")) }
            }
            "body_has" => {
                wanted.as_object().into_iter().flatten().try_for_each(|(path, wanted)| {
                    let pointer = format!("/{}", path.replace('.', "/"));
                    equal(path, wanted, chat.pointer(&pointer).unwrap_or(&Value::Null))
                })
            }
            _ => Err("this runner does not know it".to_owned()),
        };
        met.map_err(|wrong| format!("{word}: {wrong}"))?;
    }
    Ok(())
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn equal(what: &str, wanted: &Value, got: &Value) -> Result<(), String> {
    if wanted == got { Ok(()) } else { Err(format!("{what} is {got}, expected {wanted}")) }
}

fn contains(what: &str, text: &str, needle: &str) -> Result<(), String> {
    if text.contains(needle) { Ok(()) } else { Err(format!("{what}: no {needle:?} in {text:?}")) }
}

fn none(what: &str, chat: &Value, key: &str, wrong: impl Fn(&Value) -> bool) -> Result<(), String> {
    match list(chat, key).iter().find(|element| wrong(element)) {
        Some(element) => Err(format!("{what}: {element}")),
        None => Ok(()),
    }
}

fn messages(wanted: &Value, chat: &Value, any_order: bool) -> Result<(), String> {
    let mut got = list(chat, "messages").to_vec();
    let mut wanted = wanted.as_array().cloned().unwrap_or_default();
    if any_order {
        // Only runs of tool messages may be in another order; their ids tell them apart.
        for messages in [&mut got, &mut wanted] {
            for run in
                messages.chunk_by_mut(|one, next| one["role"] == "tool" && next["role"] == "tool")
            {
                run.sort_by_key(|message| message["tool_call_id"].to_string());
            }
        }
    }
    let fits = got.len() == wanted.len() && wanted.iter().zip(&got).all(|(w, g)| message(w, g));
    let shown = |messages: Vec<Value>| format!("{:#}", Value::Array(messages));
    if fits { Ok(()) } else { Err(format!("{}\nexpected {}", shown(got), shown(wanted))) }
}

fn message(wanted: &Value, got: &Value) -> bool {
    wanted.as_object().into_iter().flatten().all(|(key, wanted)| match key.as_str() {
        "content_any" => true,
        "content" => text_of(&got["content"]) == wanted.as_str().unwrap_or_default(),
        "content_parts" => {
            let kinds = list(got, "content").iter().map(|part| part["type"].clone());
            *wanted == Value::Array(kinds.collect())
        }
        "tool_calls" => {
            let (wanted, got) = (wanted.as_array().cloned(), got["tool_calls"].as_array().cloned());
            let (wanted, got) = (wanted.unwrap_or_default(), got.unwrap_or_default());
            wanted.len() == got.len() && wanted.iter().zip(&got).all(|(w, g)| call(w, g))
        }
        _ => got[key] == *wanted,
    })
}

fn call(wanted: &Value, got: &Value) -> bool {
    let arguments = |call: &Value| {
        let text = call["function"]["arguments"].as_str().unwrap_or_default().to_owned();
        serde_json::from_str::<Value>(&text).unwrap_or(Value::String(text))
    };
    wanted["id"] == got["id"]
        && wanted["type"] == got["type"]
        && wanted["function"]["name"] == got["function"]["name"]
        && arguments(wanted) == arguments(got)
}

/// The text of a message, whether it is a string or parts; null and absent are empty.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}
