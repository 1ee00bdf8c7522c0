//! Ways in which bytes, events and values go wrong.

use serde_json::{Value, json};

use super::random::Random;

/// A stream, or whatever else the upstream sent, with something wrong in it.
pub fn mutated_stream(body: &[u8], random: &mut Random) -> Vec<u8> {
    match random.below(3) {
        0 => mutated_bytes(body, random),
        1 => mutated_events(body, random),
        _ => mutated_values(body, random),
    }
}

/// JSON with something wrong in it, mostly still JSON.
pub fn mutated_json(body: &[u8], random: &mut Random) -> Vec<u8> {
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) if random.below(4) > 0 => {
            for _ in 0..1 + random.below(3) {
                mutate(&mut value, random);
            }
            value.to_string().into_bytes()
        }
        _ => mutated_bytes(body, random),
    }
}

fn mutated_bytes(body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = random.below(body.len());
        let end = (at + random.below(40)).min(body.len());
        match random.below(5) {
            0 if at < body.len() => body[at] = random.next() as u8,
            1 => drop(body.drain(at..end)),
            2 => {
                let twin = body[at..end].to_vec();
                body.splice(at..at, twin);
            }
            3 => {
                let odd: [&[u8]; 8] =
                    [b"\n", b"\r", b"\n\n", b"\0", b"\"", b"{", b"\xff", b"data:"];
                body.splice(at..at, random.of(&odd).iter().copied());
            }
            _ => body.truncate(end),
        }
    }
    body
}

fn mutated_events(body: &[u8], random: &mut Random) -> Vec<u8> {
    let text = String::from_utf8_lossy(body).into_owned();
    let mut events: Vec<&str> = text.split_inclusive("\n\n").collect();
    for _ in 0..1 + random.below(3) {
        let (one, other) = (random.below(events.len()), random.below(events.len()));
        match random.below(4) {
            0 if !events.is_empty() => drop(events.remove(one)),
            1 if !events.is_empty() => events.insert(other, events[one]),
            2 if !events.is_empty() => events.swap(one, other),
            _ => {
                let strange: [&str; 8] = [
                    ": ping\n\n",
                    "data: {}\n\n",
                    "data: null\n\n",
                    "data: [DONE]\n\n",
                    "data: {\"error\":{\"message\":\"Overloaded.\",\"code\":503}}\n\n",
                    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n",
                    "event: error\ndata: oh no\n\n",
                    "<html>\n\n",
                ];
                let at = one.min(events.len());
                events.insert(at, *random.of(&strange));
            }
        }
    }
    events.concat().into_bytes()
}

/// One value somewhere in one of the events becomes another.
fn mutated_values(body: &[u8], random: &mut Random) -> Vec<u8> {
    let text = String::from_utf8_lossy(body).into_owned();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for _ in 0..1 + random.below(3) {
        let at = random.below(lines.len());
        let (prefix, json) = match lines[at].strip_prefix("data: ") {
            Some(json) => ("data: ", json),
            None => ("", lines[at].as_str()),
        };
        let Ok(mut value) = serde_json::from_str::<Value>(json) else { continue };
        mutate(&mut value, random);
        lines[at] = format!("{prefix}{value}");
    }
    lines.join("\n").into_bytes()
}

/// Walks down to a random place and puts something strange there.
fn mutate(value: &mut Value, random: &mut Random) {
    let deeper = random.below(8) > 0;
    match value {
        Value::Array(list) if deeper && !list.is_empty() => {
            let at = random.below(list.len());
            return mutate(&mut list[at], random);
        }
        Value::Object(object) if deeper && !object.is_empty() => {
            let at = random.below(object.len());
            let key = object.keys().nth(at).cloned().unwrap_or_default();
            if random.below(8) == 0 {
                object.remove(&key);
            } else if let Some(value) = object.get_mut(&key) {
                mutate(value, random);
            }
            return;
        }
        _ => {}
    }
    *value = strange(value, random);
}

fn strange(value: &Value, random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => json!(""),
        2 => json!([]),
        3 => json!({}),
        4 => json!(-1),
        5 => json!(1e300),
        6 => json!(true),
        7 => json!("\u{0}\u{7f}\u{2028}\u{1f600}\"\\\n</think><think>"),
        8 => json!([value, value]),
        9 => json!({"type": value, "text": value, "id": value}),
        10 => json!("x".repeat(3000)),
        _ => (0..200).fold(value.clone(), |inner, _| json!([inner])),
    }
}
