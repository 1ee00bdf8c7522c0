//! What must never be in a log: the keys and the texts that went through.

use serde_json::Value;

use crate::upstream::Request;

/// Headers whose values are keys.
const KEYS: [&str; 5] = ["authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"];

/// Shorter ones occur in any log by chance.
const BYTES_MIN: usize = 12;

/// The keys and texts of a request, as far as they are long enough to be recognised.
pub fn of_request(request: &Request) -> Vec<String> {
    let keys = request.headers.iter().filter(|(name, _)| KEYS.contains(&name.as_str()));
    let mut found: Vec<String> =
        keys.map(|(_, value)| value.trim_start_matches("Bearer ").to_owned()).collect();
    texts(&request.json()["messages"], &mut found);
    found.retain(|secret| secret.len() >= BYTES_MIN);
    found
}

/// The values of headers that a plugin configuration sets.
pub fn of_configuration(configuration: &Value) -> Vec<String> {
    let upstreams = configuration["upstreams"].as_object().into_iter().flatten();
    let headers = upstreams.filter_map(|(_, upstream)| upstream["headers"].as_object()).flatten();
    let values = headers.filter_map(|(_, value)| value.as_str());
    values.filter(|value| value.len() >= BYTES_MIN).map(str::to_owned).collect()
}

/// All that is said: contents, arguments, reasoning. Roles and types are words of the API.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            // As a log would show it, line by line.
            found.extend(text.lines().filter(|line| line.contains(' ')).map(str::to_owned));
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(members) => members.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// Fails if a log tells one of these.
pub fn assert_absent(log: &str, secrets: &[String], whose: &str) {
    for secret in secrets {
        assert!(!log.contains(secret.as_str()), "{whose} tells {secret:?}");
    }
}
