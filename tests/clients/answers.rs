//! What the upstream answers to the clients, by the name of the model.

use serde_json::{Value, json};

use crate::completion::Completion;
use crate::upstream::{Answer, Request};

/// What the upstream answers to this model.
pub fn answer(_before: usize, request: &Request) -> Answer {
    let body = request.json();
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let of = |role: &str| -> Vec<&Value> {
        messages.iter().filter(|message| message["role"] == role).collect()
    };
    let calling = |cities: &[&str]| match of("tool").as_slice() {
        [] => cities.iter().fold(Completion::text(""), |completion, city| {
            completion.call("get_weather", json!({"city": city}))
        }),
        outputs => {
            let said = outputs.iter().map(|output| output["content"].as_str().unwrap_or("?"));
            Completion::text(format!("The tools said: {}", said.collect::<Vec<_>>().join(" | ")))
        }
    };
    let completion = match body["model"].as_str().unwrap_or_default() {
        "text" => Completion::text("Hello, world!"),
        "tools" => calling(&["Paris"]),
        "parallel" => calling(&["Paris", "Rome"]),
        "reasoning" if of("user").len() == 1 => {
            Completion::text("4").reasoning("Two plus two is four.")
        }
        "reasoning" => {
            let thought = of("assistant")[0]["reasoning_content"].as_str().unwrap_or("nothing");
            Completion::text(format!("You thought: {thought}"))
        }
        "structured" if body["response_format"]["type"] == "json_schema" => {
            Completion::text(r#"{"city":"Paris","degrees":22}"#)
        }
        "structured" => Completion::text("Nobody asked for JSON."),
        "refusal" => Completion::refusal("I cannot help with that."),
        "length" => Completion::text("Once upon a").finish("length"),
        "filter" => Completion::text("Here is").finish("content_filter"),
        "image" => {
            let parts = of("user")[0]["content"].as_array().cloned().unwrap_or_default();
            let image = parts.iter().find(|part| part["type"] == "image_url");
            let url = image.and_then(|part| part["image_url"]["url"].as_str()).unwrap_or("nothing");
            Completion::text(format!("I see {}", &url[..22.min(url.len())]))
        }
        "error" => return failure(400, "This model does not take that."),
        "rate" => return failure(429, "Slow down, please.").header("retry-after", "1"),
        "failure" => {
            let error = json!({"error": {"message": "The engine has crashed.", "code": 500}});
            return half().write(format!("data: {error}\n\n"));
        }
        "truncated" => return half(),
        model => return failure(404, &format!("There is no model {model}.")),
    };
    completion.answer(request)
}

fn failure(status: u16, message: &str) -> Answer {
    Answer::json(status, json!({"error": {"message": message}}).to_string())
}

fn half() -> Answer {
    Answer::sse().write(Completion::text("Half an").pieces().concat())
}
