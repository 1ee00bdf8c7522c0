//! Harmony, the wire format of gpt-oss, when a server lets it through as text (L1).
//!
//! ```text
//! <|start|>assistant<|channel|>analysis<|message|>reasoning<|end|>
//! <|start|>assistant<|channel|>commentary to=functions.name <|constrain|>json<|message|>{…}<|call|>
//! <|start|>assistant<|channel|>final<|message|>text<|return|>
//! ```
//!
//! Servers that drop special tokens leave `analysis…assistantfinal…`; that form is read at the very
//! start of an answer only, where no prose begins like it.

use super::text_calls::{Found, TextCall, is_cut, object};
use super::tool_names::ToolNames;
use super::value::Nesting;
use crate::json::search;

/// The tokens that end a body.
const ENDS: [&str; 5] = ["<|end|>", "<|return|>", "<|call|>", START, CHANNEL];
const START: &str = "<|start|>";
const CHANNEL: &str = "<|channel|>";
const MESSAGE: &str = "<|message|>";
const TOKENS: [&str; 6] = ["<|end|>", "<|return|>", "<|call|>", START, CHANNEL, MESSAGE];

/// What is left of the tokens between channels when a server drops them.
const BARE_ANALYSIS: &str = "analysis";
const BARE_CALL: &str = "commentary to=";
const BARE_NEXT: [&str; 2] = ["assistantfinal", "assistantcommentary to="];

/// Longer headers are no headers.
const HEADER_BYTES_MAX: usize = 1024;

/// Tells the channels of one answer apart.
#[derive(Debug)]
pub struct Harmony {
    state: State,
    /// Text that waits for the rest of a token, or for the end of a header or call.
    held: String,
    held_bytes_max: usize,
}

#[derive(Debug)]
enum State {
    /// Nothing but the start of a word without tokens, perhaps.
    Start,
    /// Between messages, or in text that knows no channels.
    Outside { seen_token: bool },
    /// Behind `<|start|>` or `<|channel|>`.
    Header,
    /// In a message that streams.
    Body(Channel),
    /// In the arguments of a call; the header is kept in case it is none.
    Call { name: String, header: String, searched: usize },
    /// Reasoning without tokens.
    BareThought,
    /// The header and arguments of a call without tokens.
    BareCall { nesting: Nesting, read: usize },
}

#[derive(Clone, Copy, Debug)]
enum Channel {
    Thought,
    Text,
}

/// Whether the state machine can go on with what is held.
#[derive(PartialEq, Eq)]
enum Step {
    Again,
    Wait,
}

impl State {
    const BARE_CALL: Self = Self::BareCall { nesting: Nesting::NEW, read: 0 };

    /// Where a token leads; the end of a body leads out.
    fn behind(token: &str) -> Self {
        match token {
            START | CHANNEL => Self::Header,
            MESSAGE => Self::Body(Channel::Text),
            _ => Self::Outside { seen_token: true },
        }
    }
}

impl Harmony {
    /// A reader that holds back `held_bytes_max` bytes at most.
    pub fn new(held_bytes_max: usize) -> Self {
        Self { state: State::Start, held: String::new(), held_bytes_max }
    }

    /// Takes the next piece; gives out what is certain.
    pub fn push(&mut self, text: &str, names: &ToolNames) -> Vec<Found> {
        self.held.push_str(text);
        let mut found = Vec::new();
        while self.step(names, &mut found) == Step::Again {}
        found
    }

    /// The text has ended. A call without its end token is whole only if the model `stopped` by
    /// itself, because the token that ends a call is a stop token.
    pub fn finish(&mut self, names: &ToolNames, stopped: bool) -> Vec<Found> {
        let mut found = Vec::new();
        let held = std::mem::take(&mut self.held);
        match std::mem::replace(&mut self.state, State::Outside { seen_token: true }) {
            State::Call { name, header, .. } => {
                let arguments = object(&held).filter(|_| stopped);
                found.push(call_or_text(&name, arguments, || format!("{header}{held}"), names));
            }
            State::Header => give(Channel::Text, &format!("{CHANNEL}{held}"), &mut found),
            State::Body(channel) => give(channel, &held, &mut found),
            State::BareThought => give(Channel::Thought, &held, &mut found),
            State::Start | State::Outside { .. } | State::BareCall { .. } => {
                give(Channel::Text, &held, &mut found);
            }
        }
        found
    }

    #[inline(never)]
    fn step(&mut self, names: &ToolNames, found: &mut Vec<Found>) -> Step {
        match &mut self.state {
            State::Start => self.start(),
            State::Outside { seen_token } => {
                let seen_token = *seen_token;
                self.outside(seen_token, found)
            }
            State::Header => self.header(names, found),
            State::Body(channel) => {
                let channel = *channel;
                self.body(channel, found)
            }
            State::Call { .. } => self.call(names, found),
            State::BareThought => self.bare_thought(found),
            State::BareCall { .. } => self.bare_call(names, found),
        }
    }

    fn start(&mut self) -> Step {
        let text = self.held.trim_start();
        if is_cut(text, BARE_ANALYSIS) || is_cut(text, BARE_CALL) || text == BARE_ANALYSIS {
            return Step::Wait;
        }
        // `analysis` runs into the first word of the reasoning; a word of prose would not.
        let thought = text
            .strip_prefix(BARE_ANALYSIS)
            .filter(|rest| rest.starts_with(|char: char| char.is_uppercase()));
        if let Some(thought) = thought {
            self.held = thought.to_owned();
            self.state = State::BareThought;
        } else if let Some(call) = text.strip_prefix(BARE_CALL) {
            self.held = call.to_owned();
            self.state = State::BARE_CALL;
        } else {
            self.state = State::Outside { seen_token: false };
        }
        Step::Again
    }

    fn outside(&mut self, seen_token: bool, found: &mut Vec<Found>) -> Step {
        let (text, token) = self.take_to(&TOKENS);
        // Blanks between messages are not of the answer.
        let text = if seen_token { text.trim_start() } else { &text };
        if !text.is_empty() {
            give(Channel::Text, text, found);
            self.state = State::Outside { seen_token: false };
        }
        let Some(token) = token else { return Step::Wait };
        self.state = State::behind(token);
        Step::Again
    }

    #[inline(never)]
    fn header(&mut self, names: &ToolNames, found: &mut Vec<Found>) -> Step {
        let Some((header, rest)) = search::split_once(&self.held, MESSAGE) else {
            if self.held.len() <= HEADER_BYTES_MAX {
                return Step::Wait;
            }
            let header = std::mem::take(&mut self.held);
            give(Channel::Text, &format!("{CHANNEL}{header}"), found);
            self.state = State::Outside { seen_token: true };
            return Step::Again;
        };
        self.state = match recipient(header) {
            Some(name) if names.declares(names.resolve(name)) => State::Call {
                name: name.to_owned(),
                header: format!("{CHANNEL}{header}{MESSAGE}"),
                searched: 0,
            },
            Some(_) => {
                give(Channel::Text, &format!("{CHANNEL}{header}{MESSAGE}"), found);
                State::Body(Channel::Text)
            }
            None if search::contains(header, "analysis") => State::Body(Channel::Thought),
            None => State::Body(Channel::Text),
        };
        self.held = rest.to_owned();
        Step::Again
    }

    fn body(&mut self, channel: Channel, found: &mut Vec<Found>) -> Step {
        let (text, token) = self.take_to(&ENDS);
        give(channel, &text, found);
        let Some(token) = token else { return Step::Wait };
        self.state = State::behind(token);
        Step::Again
    }

    #[inline(never)]
    fn call(&mut self, names: &ToolNames, found: &mut Vec<Found>) -> Step {
        let State::Call { searched, .. } = &mut self.state else { return Step::Again };
        let from = self.held.floor_char_boundary(*searched);
        *searched = self.held.len().saturating_sub(longest(&ENDS));
        let end = first_of(&ENDS, self.held.get(from..).unwrap_or_default());
        if end.is_none() && self.held.len() <= self.held_bytes_max {
            return Step::Wait;
        }
        let (at, token) = end.map_or((self.held.len(), ""), |(at, token)| (from + at, token));
        let rest = self.held.split_off(at + token.len());
        let body = std::mem::replace(&mut self.held, rest);
        if let State::Call { name, header, .. } =
            std::mem::replace(&mut self.state, State::behind(token))
        {
            let arguments = object(body.get(..at).unwrap_or_default());
            let arguments = arguments.filter(|_| end.is_some());
            found.push(call_or_text(&name, arguments, || format!("{header}{body}"), names));
        }
        Step::Again
    }

    fn bare_thought(&mut self, found: &mut Vec<Found>) -> Step {
        let (thought, next) = self.take_to(&BARE_NEXT);
        give(Channel::Thought, &thought, found);
        let Some(next) = next else { return Step::Wait };
        self.state =
            if next == BARE_NEXT[0] { State::Body(Channel::Text) } else { State::BARE_CALL };
        Step::Again
    }

    #[inline(never)]
    fn bare_call(&mut self, names: &ToolNames, found: &mut Vec<Found>) -> Step {
        let State::BareCall { nesting, read } = &mut self.state else { return Step::Wait };
        let opens = || self.held.get(..self.held.floor_char_boundary(HEADER_BYTES_MAX))?.find('{');
        let begun = (*read > 0).then_some(*read).or_else(opens);
        let behind = begun.and_then(|from| nesting.read(self.held.get(from..)?));
        *read = if begun.is_some() { self.held.len() } else { 0 };
        let Some(behind) = behind else {
            let is_header = begun.is_some() || self.held.len() <= HEADER_BYTES_MAX;
            if is_header && self.held.len() <= self.held_bytes_max {
                return Step::Wait;
            }
            give(Channel::Text, &std::mem::take(&mut self.held), found);
            self.state = State::Outside { seen_token: false };
            return Step::Again;
        };
        let rest = behind.to_owned();
        self.held.truncate(self.held.len() - rest.len());
        let text = std::mem::replace(&mut self.held, rest);
        let (header, arguments) =
            text.split_at_checked(text.find('{').unwrap_or(0)).unwrap_or((&text, ""));
        let name = header.split_whitespace().next().unwrap_or_default();
        found.push(call_or_text(name, object(arguments), || format!("{BARE_CALL}{text}"), names));
        self.state = State::BareThought;
        Step::Again
    }

    /// Takes the text before the first of `tokens`, and that token; without one the text before
    /// what may be the beginning of one.
    #[inline(never)]
    fn take_to(&mut self, tokens: &[&'static str]) -> (String, Option<&'static str>) {
        if let Some((at, token)) = first_of(tokens, &self.held) {
            let rest = self.held.split_off(at + token.len());
            let mut text = std::mem::replace(&mut self.held, rest);
            text.truncate(at);
            return (text, Some(token));
        }
        let from = self.held.floor_char_boundary(self.held.len().saturating_sub(longest(tokens)));
        let tail = self.held.get(from..).unwrap_or_default();
        let cut = tail
            .char_indices()
            .find(|(at, _)| {
                let end = tail.get(*at..).unwrap_or_default();
                tokens.iter().any(|token| is_cut(end, token))
            })
            .map_or(self.held.len(), |(at, _)| from + at);
        let rest = self.held.split_off(cut);
        (std::mem::replace(&mut self.held, rest), None)
    }
}

#[inline(never)]
fn first_of(tokens: &[&'static str], text: &str) -> Option<(usize, &'static str)> {
    tokens.iter().filter_map(|token| Some((search::find(text, token)?, *token))).min()
}

fn longest(tokens: &[&str]) -> usize {
    tokens.iter().map(|token| token.len()).max().unwrap_or(0)
}

#[inline(never)]
fn give(channel: Channel, text: &str, found: &mut Vec<Found>) {
    if text.is_empty() {
        return;
    }
    found.push(match channel {
        Channel::Thought => Found::Thought(text.to_owned()),
        Channel::Text => Found::Text(text.to_owned()),
    });
}

fn call_or_text(
    name: &str,
    arguments: Option<String>,
    text: impl FnOnce() -> String,
    names: &ToolNames,
) -> Found {
    let name = names.resolve(name);
    match arguments.filter(|_| names.declares(name)) {
        Some(arguments) => Found::Call(TextCall { id: None, name: name.to_owned(), arguments }),
        None => Found::Text(text()),
    }
}

/// Whom a message is to: `functions.exec` in `commentary to=functions.exec <|constrain|>json`.
fn recipient(header: &str) -> Option<&str> {
    let (_, rest) = search::split_once(header, "to=")?;
    rest.split(|char: char| char.is_whitespace() || char == '<').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, stopped: bool, expected: &str) {
        let names = ToolNames::from(vec!["exec".to_owned()]);
        let chars: Vec<char> = text.chars().collect();
        for size in 1..=chars.len() {
            let mut harmony = Harmony::new(1000);
            let mut found = Vec::new();
            for piece in chars.chunks(size) {
                found.extend(harmony.push(&piece.iter().collect::<String>(), &names));
            }
            found.extend(harmony.finish(&names, stopped));
            let mut read = String::new();
            let mut kind = ' ';
            for found in found {
                let (next, text) = match found {
                    Found::Text(text) => ('t', text),
                    Found::Thought(text) => ('r', text),
                    Found::Call(call) => ('c', format!("{} {}", call.name, call.arguments)),
                };
                if next != kind || next == 'c' {
                    read.push_str(&format!("|{next}:"));
                    kind = next;
                }
                read.push_str(&text);
            }
            assert_eq!(read, expected, "pieces of {size}");
        }
    }

    #[test]
    fn l1_channels() {
        check(
            "<|channel|>analysis<|message|>Easy é.<|end|>\n<|start|>assistant<|channel|>final\
             <|message|>Four\n\n4<|return|>",
            true,
            "|r:Easy é.|t:Four\n\n4",
        );
    }

    #[test]
    fn l1_calls() {
        check(
            "<|start|>assistant<|channel|>commentary<|message|>I look.<|end|><|start|>assistant\
             <|channel|>commentary to=functions.exec <|constrain|>json<|message|>{\"a\": 1}<|call|>",
            true,
            "|t:I look.|c:exec {\"a\":1}",
        );
        let cut = "<|channel|>commentary to=functions.exec json<|message|>{\"a\":1}";
        check(cut, true, "|c:exec {\"a\":1}");
        check(cut, false, &format!("|t:{cut}"));
        let half = "<|channel|>commentary to=functions.exec json<|message|>{\"a\":<|call|>";
        check(half, true, &format!("|t:{half}"));
    }

    #[test]
    fn l1_undeclared_recipients_stay_text() {
        check(
            "<|channel|>commentary to=python code<|message|>1+1<|call|>",
            true,
            "|t:<|channel|>commentary to=python code<|message|>1+1",
        );
    }

    #[test]
    fn l1_without_tokens() {
        check("analysisWe add.assistantfinalFour", true, "|r:We add.|t:Four");
        check(
            "analysisWe look.assistantcommentary to=functions.exec json{\"a\":{}}assistantfinalOk",
            true,
            "|r:We look.|c:exec {\"a\":{}}|t:Ok",
        );
        check("commentary to=functions.exec json{\"a\":1}", true, "|c:exec {\"a\":1}");
    }

    #[test]
    fn l1_prose_passes() {
        for text in ["analysis of it", "analysis", "a < b <| c", "Four", "commentary to"] {
            check(text, true, &format!("|t:{text}"));
        }
    }

    #[test]
    fn l1_what_is_held_back_has_a_limit() {
        let names = ToolNames::from(vec!["exec".to_owned()]);
        for head in ["<|channel|>commentary to=exec<|message|>{", "commentary to=exec {"] {
            let mut harmony = Harmony::new(100);
            harmony.push(head, &names);
            let found = harmony.push(&"x".repeat(200), &names);
            assert!(matches!(&found[..], [Found::Text(text)] if text.len() >= 200), "{head}");
        }
    }
}
