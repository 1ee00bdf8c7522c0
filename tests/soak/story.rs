//! What is asked and answered in one exchange; both ends make it up from the same number.

use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{DONE, completion, delta, finish};
use crate::support::random::Random;
use crate::upstream::Answer;

/// What an exchange is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A streamed text.
    Text,
    /// Two streamed calls, their pieces interleaved.
    Calls,
    /// An answer in one piece.
    Whole,
    /// A quarter of a mebibyte of streamed text.
    LargeAnswer,
    /// A request of a mebibyte.
    LargeRequest,
    /// A client that leaves in the middle.
    Leaves,
    /// An upstream that breaks off in the middle.
    Cut,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Calls,
        Self::Whole,
        Self::LargeAnswer,
        Self::LargeRequest,
        Self::Leaves,
        Self::Cut,
    ];

    fn nth(number: u64) -> Self {
        match number % 25 {
            0..13 => Self::Text,
            13..18 => Self::Calls,
            18..20 => Self::Whole,
            20 => Self::LargeAnswer,
            21 => Self::LargeRequest,
            22 | 23 => Self::Leaves,
            _ => Self::Cut,
        }
    }
}

/// Pieces of a streamed answer.
const PIECES: usize = 30;

/// One exchange.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    pub kind: Kind,
    number: u64,
}

impl Story {
    /// The exchange of this number.
    pub fn nth(number: u64) -> Self {
        Self { kind: Kind::nth(number), number }
    }

    /// What the client sends.
    pub fn request(&self) -> Value {
        let parameters = json!({"type": "object", "properties": {"say": {"type": "string"}}});
        let tool = json!({"type": "function", "name": "say", "parameters": parameters});
        json!({
            "model": format!("story-{}", self.number),
            "input": self.input(),
            "stream": self.kind != Kind::Whole,
            "tools": [tool],
        })
    }

    fn input(&self) -> String {
        let words = if self.kind == Kind::LargeRequest { 1 << 18 } else { 20 };
        self.words("input", words)
    }

    /// What the model says, apart from calls.
    pub fn text(&self) -> String {
        match self.kind {
            Kind::Calls => String::new(),
            Kind::LargeAnswer => self.words("text", 1 << 16),
            _ => self.words("text", 200),
        }
    }

    /// The arguments of the model's calls.
    pub fn arguments(&self) -> Vec<String> {
        if self.kind != Kind::Calls {
            return Vec::new();
        }
        let say = |name| json!({"say": self.words(name, 100)}).to_string();
        vec![say("first"), say("second")]
    }

    /// Made-up words, four bytes each.
    fn words(&self, name: &str, count: usize) -> String {
        const SYLLABLES: [&str; 8] = ["ka ", "no ", "é ", "ri\n", "\"u ", "mä", "tou ", "\\s "];
        let mut random = Random::named(name, self.number);
        (0..count).map(|_| *random.of(&SYLLABLES)).collect()
    }

    /// What the upstream answers to this request.
    pub fn answer(request: &Value) -> Answer {
        let number = request["model"].as_str().and_then(|model| model.strip_prefix("story-"));
        let Some(number) = number.and_then(|number| number.parse().ok()) else {
            return Answer::json(400, "{}");
        };
        let story = Self::nth(number);
        if request["messages"][0]["content"] != story.input().as_str() {
            return Answer::json(400, r#"{"error": {"message": "the request has changed"}}"#);
        }
        if story.kind == Kind::Whole {
            let message = json!({"role": "assistant", "content": story.text()});
            return Answer::json(200, completion(message));
        }
        let mut random = Random::named("pause", number);
        let mut answer = Answer::sse();
        let events = story.events();
        let until = if story.kind == Kind::Cut { events.len() / 2 } else { events.len() };
        for event in events.into_iter().take(until) {
            let pause = Duration::from_millis(20 + random.below(400) as u64);
            answer = answer.pause(pause).write(event);
        }
        match story.kind {
            Kind::Cut => answer.cut(),
            _ => answer.write([finish(story.finish_reason()), DONE.to_owned()].concat()),
        }
    }

    fn finish_reason(&self) -> &'static str {
        if self.kind == Kind::Calls { "tool_calls" } else { "stop" }
    }

    /// The upstream's events but for the last ones.
    fn events(&self) -> Vec<String> {
        let text = cut(&self.text(), PIECES);
        let mut events: Vec<String> =
            text.into_iter().map(|piece| delta(json!({ "content": piece }))).collect();
        let arguments: Vec<_> = self.arguments().iter().map(|all| cut(all, PIECES / 2)).collect();
        for piece in 0..PIECES / 2 {
            for (index, pieces) in arguments.iter().enumerate() {
                let Some(arguments) = pieces.get(piece) else { continue };
                let mut function = json!({ "arguments": arguments });
                let mut call = json!({"index": index});
                if piece == 0 {
                    function["name"] = "say".into();
                    call["id"] = format!("call_{}_{index}", self.number).into();
                }
                call["function"] = function;
                events.push(delta(json!({"tool_calls": [call]})));
            }
        }
        events
    }
}

/// A text in so many pieces, or a few less.
fn cut(text: &str, pieces: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let size = characters.len().div_ceil(pieces).max(1);
    characters.chunks(size).map(|piece| piece.iter().collect()).collect()
}
