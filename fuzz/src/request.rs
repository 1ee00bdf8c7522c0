//! Any request becomes one that the upstream takes or is refused in the client's own terms, and what
//! its answer repeats of it is legal too.

use std::cell::RefCell;
use std::collections::BTreeMap;

use responses_filter::config::Config;
use responses_filter::dialect::presets;

use super::settings::split;
use super::support::chat_request::{self, Allowed};
use super::support::drive::{Answer, Client, Upstream, chat_request as translated, exchange};
use super::support::grammar;
use super::support::profile;
use super::support::verdict::verdict;

/// Checks the property for two bytes of settings and a body.
pub fn holds(data: &[u8]) {
    let Some(([preset, shape], body)) = split(data) else { return };
    if body.is_empty() {
        return;
    }
    let (config, allowed) = profile_of(preset, ["lenient", "strict"][shape & 1]);
    let path = ["/v1/responses", "/v1/responses/compact"][shape >> 1 & 1];
    let client = Client::post(body).with_header(":path", path).with_config(config);
    match translated(&client) {
        Ok(chat) => {
            let mut faults = chat_request::faults(&chat.body, &allowed);
            faults.retain(|fault| !CARRIED.iter().any(|carried| fault.contains(carried)));
            let text = String::from_utf8_lossy(&chat.body);
            assert!(faults.is_empty(), "{faults:#?}\nfrom: {}\nto: {text}", text_of(body));
            legal(&exchange(&client, &Upstream::json(ANSWER)), body);
        }
        Err(reply) => {
            grammar::check_error(&reply.body).unwrap_or_else(|wrong| panic!("{wrong}"));
            assert!((400..500).contains(&reply.status), "status {}", reply.status);
        }
    }
}

/// What is carried as the client wrote it: the upstream says best what it does not like about it.
const CARRIED: [&str; 2] = ["has parameters that are no object with properties", "has no URL"];

fn legal(answer: &Answer, body: &[u8]) {
    if let Err(violation) = verdict(answer) {
        // What a client asked for in words that do not exist, or twice, comes back as it was.
        let echoed = violation.rule == "shape" && violation.detail.contains("response.")
            || violation.detail.contains("comes twice");
        assert!(echoed, "{violation}\nfrom: {}\nto: {}", text_of(body), text_of(&answer.body()));
    }
}

const ANSWER: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A configuration and what its upstream takes, by preset and strictness.
type Profiles = BTreeMap<(usize, &'static str), (String, Allowed)>;

thread_local! {
    static PROFILES: RefCell<Profiles> = const { RefCell::new(BTreeMap::new()) };
}

/// The configuration with the preset that the byte chooses, and what its upstream takes. Reading all
/// presets takes longer than a thousand requests, so each is read once.
fn profile_of(choice: usize, strictness: &'static str) -> (String, Allowed) {
    PROFILES.with_borrow_mut(|profiles| {
        let entry = profiles.entry((choice, strictness));
        entry
            .or_insert_with(|| {
                let presets = presets::names();
                let preset = &presets[choice % presets.len()];
                let upstream = format!(r#"{{"default":{{"preset":"{preset}"}}}}"#);
                let config = format!(r#"{{"upstreams":{upstream},"strictness":"{strictness}"}}"#);
                let parsed = Config::parse(&config).expect("a preset");
                let dialect = &parsed.upstream("default").expect("the default").dialect;
                (config, profile::allowed(dialect))
            })
            .clone()
    })
}
