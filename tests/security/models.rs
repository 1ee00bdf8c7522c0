//! The model that routes and rules are chosen by is the model that the upstream is asked for.

use responses_filter::config::Config;
use responses_filter::exchange::{Exchange, RequestBodyAction, RequestHeadersAction};
use serde_json::Value;
use std::rc::Rc;

/// The model that is told to routes and the body that goes upstream, or the status of a refusal.
fn chosen(config: &str, body: &str) -> Result<(String, Vec<u8>), u16> {
    let config = Rc::new(Config::parse(config).expect("a configuration"));
    let mut exchange = Exchange::new(config, || 0, 1);
    let headers =
        [(":method", "POST"), (":path", "/v1/responses"), ("x-llm-model", "what the client says")]
            .map(|(name, value)| (name.into(), value.into()));
    let action = exchange.request_headers(&headers, false);
    assert!(matches!(action, RequestHeadersAction::Translate { hold: true, .. }));
    match exchange.request_body(body.as_bytes().to_vec(), true) {
        RequestBodyAction::Forward { changes, body } => {
            let header = changes.into_iter().find(|(name, _)| name == "x-llm-model");
            let (_, model) = header.expect("the header is always set or removed");
            Ok((model.unwrap_or_default(), body))
        }
        RequestBodyAction::Reply(reply) => Err(reply.status),
        other => panic!("{other:?}"),
    }
}

/// Bodies in which two readers could see two models.
const AMBIGUOUS: [&str; 4] = [
    r#"{"model":"small","input":"x","model":"large"}"#,
    r#"{"model":"large","input":"x","mod\u0065l":"small"}"#,
    r#"{"\u006dodel":"small","model":"large","input":"x"}"#,
    r#"{"model":"small","input":"x","model":null}"#,
];

#[test]
fn a_translated_request_is_for_the_model_that_was_looked_at() {
    for body in AMBIGUOUS {
        let Ok((routed, chat)) = chosen("{}", body) else { continue };
        let text = String::from_utf8(chat).expect("text");
        assert_eq!(text.matches("model").count(), 1, "{text}");
        let chat: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(chat["model"], routed.as_str(), "{body}");
    }
    let (routed, _) = chosen("{}", AMBIGUOUS[1]).expect("the last one counts");
    assert_eq!(routed, "small");
}

/// What passes as it stands is read by somebody else.
#[test]
fn a_request_that_passes_as_it_stands_names_one_model() {
    for models in ["{}", r#"{"large":"renamed"}"#] {
        let config =
            format!(r#"{{"upstreams":{{"default":{{"wire":"responses","models":{models}}}}}}}"#);
        for body in AMBIGUOUS {
            assert_eq!(chosen(&config, body).map(|(model, _)| model), Err(400), "{body}");
        }
        let body = r#"{"mod\u0065l":"small","input":"x"}"#;
        assert_eq!(chosen(&config, body).expect("one model").0, "small");
    }
}

/// A name that is long or strange stays one header, and different names stay different.
#[test]
fn a_model_cannot_look_like_another_one() {
    for (model, header) in [
        ("small\\u0000", "small%00"),
        (" small", "%20small"),
        ("small\\r\\nx-llm-upstream: other", "small%0D%0Ax-llm-upstream:%20other"),
        ("sm\\u00e4ll", "sm%C3%A4ll"),
        ("small%20", "small%2520"),
    ] {
        let body = format!(r#"{{"model":"{model}","input":"x"}}"#);
        assert_eq!(chosen("{}", &body).expect("a request").0, header);
    }
}
