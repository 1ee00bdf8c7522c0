//! Tool calls that leaked into the text (L2): servers without a parser for their model's format.
//!
//! Only formats that the dialect names are looked for, because what looks like a call may be prose
//! about calls, and a call is executed. A block becomes calls when it is complete, when it can be
//! read to the end, when every tool in it is declared, and when it stands outside of code fences and
//! code spans; anything else stays text, unchanged. Harmony has its own file, [`super::harmony`].

mod formats;

use self::formats::{Block, KIMI_CALL_END, MARKERS, Marker, json_at};
use super::TextToolCalls;
use super::harmony::Harmony;
use super::tool_names::ToolNames;
use super::value::Nesting;
use crate::json::search;

pub use self::formats::object;

/// What a text turned out to hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Text.
    Text(String),
    /// Reasoning, in formats that mark it.
    Thought(String),
    /// A whole call of a declared tool.
    Call(TextCall),
}

/// A call that was written as text.
#[derive(Debug, PartialEq, Eq)]
pub struct TextCall {
    /// Its id, in formats that have one.
    pub id: Option<String>,
    /// The name of a declared tool.
    pub name: String,
    /// One JSON object.
    pub arguments: String,
}

/// Blocks with more end marks in their strings are text.
const UNFINISHED_MAX: u8 = 16;

/// More blanks than this are not held back, in bytes.
const BLANKS_BYTES_MAX: usize = 4096;

/// Longer names are none, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// Longer runs of backticks are text.
const FENCE_BYTES_MAX: usize = 64;

/// Finds calls in one channel of an answer.
#[derive(Debug)]
pub struct TextCalls {
    formats: Vec<TextToolCalls>,
    harmony: Option<Harmony>,
    /// Text that waits: blanks, half a marker, or a block without its end.
    held: String,
    held_bytes_max: usize,
    /// How much of `held` has been looked at, in bytes.
    scanned: usize,
    /// The block that begins in `held`.
    block: Option<Opened>,
    place: Place,
    /// A block was taken out: blanks that follow it go with it.
    after_block: bool,
}

/// A block without its end so far.
#[derive(Debug)]
struct Opened {
    marker: &'static Marker,
    /// Where it opens in `held`.
    at: usize,
    /// Where to go on looking for its end.
    searched: usize,
    /// The JSON value that ends it, in formats without an end mark.
    nesting: Option<Nesting>,
    /// How many end marks proved to be a part of a string.
    unfinished: u8,
}

/// Where in Markdown the scan stands.
#[derive(Debug)]
struct Place {
    /// Only blanks since the last line end.
    line_start: bool,
    /// The code fence around: its character and length.
    fence: Option<(char, usize)>,
    before: char,
}

impl TextCalls {
    /// A finder of these formats that holds back `held_bytes_max` bytes at most.
    pub fn new(formats: &[TextToolCalls], held_bytes_max: usize) -> Self {
        let harmony = formats.contains(&TextToolCalls::Harmony);
        Self {
            formats: formats.to_vec(),
            harmony: harmony.then(|| Harmony::new(held_bytes_max)),
            held: String::new(),
            held_bytes_max,
            scanned: 0,
            block: None,
            place: Place { line_start: true, fence: None, before: '\n' },
            after_block: false,
        }
    }

    /// True when no format is looked for.
    pub fn is_off(&self) -> bool {
        self.formats.is_empty()
    }

    /// Takes the next decoded piece; gives out what is certain.
    pub fn push(&mut self, text: &str, names: &ToolNames) -> Vec<Found> {
        let mut found = Vec::new();
        match &mut self.harmony {
            Some(harmony) => {
                let parts = harmony.push(text, names);
                self.scan_parts(parts, names, &mut found);
            }
            None => {
                self.held.push_str(text);
                self.scan(names, &mut found);
            }
        }
        found
    }

    /// A call of another kind comes between: text that waits for nothing but more text goes out.
    pub fn interrupt(&mut self) -> Vec<Found> {
        let mut found = Vec::new();
        if self.block.is_none() {
            self.give_text(self.held.len(), &mut found);
        }
        found
    }

    /// The text has ended; `stopped` says that the model ended it by itself, so that a call whose
    /// end mark is a stop token is whole without it.
    pub fn finish(&mut self, names: &ToolNames, stopped: bool) -> Vec<Found> {
        let mut found = Vec::new();
        if let Some(harmony) = &mut self.harmony {
            let parts = harmony.finish(names, stopped);
            self.scan_parts(parts, names, &mut found);
        }
        if let Some(block) = self.block.take().filter(|_| stopped) {
            self.close_at_end(&block, names, &mut found);
        }
        // Half a marker, half a block: text after all.
        self.give_text(self.held.len(), &mut found);
        found
    }

    fn scan_parts(&mut self, parts: Vec<Found>, names: &ToolNames, found: &mut Vec<Found>) {
        for part in parts {
            match part {
                Found::Text(text) => {
                    self.held.push_str(&text);
                    self.scan(names, found);
                }
                other => {
                    self.block = None;
                    self.give_text(self.held.len(), found);
                    found.push(other);
                }
            }
        }
    }

    fn scan(&mut self, names: &ToolNames, found: &mut Vec<Found>) {
        loop {
            match self.block.take() {
                None => {
                    self.block = self.find_marker();
                    let blanks = |text: &str| text.trim_end().len();
                    let certain = self.held.get(..self.scanned).map_or(0, blanks);
                    let opened = self.block.is_some();
                    if !opened && self.held.len() - certain > BLANKS_BYTES_MAX {
                        self.give_text(self.scanned, found);
                    } else {
                        self.give_text(certain, found);
                    }
                    if !opened {
                        return;
                    }
                }
                Some(mut block) => {
                    if !self.close(&mut block, names, found) {
                        self.block = Some(block);
                        return;
                    }
                }
            }
        }
    }

    /// Looks for the next marker from where the last scan stopped.
    fn find_marker(&mut self) -> Option<Opened> {
        while let Some(rest) = self.held.get(self.scanned..) {
            let char = rest.chars().next()?;
            let mut len = char.len_utf8();
            match char {
                '`' | '~' if self.place.line_start => {
                    len = rest.len() - rest.trim_start_matches(char).len();
                    if len == rest.len() && len < FENCE_BYTES_MAX {
                        return None; // The run may go on.
                    }
                    self.place.toggle_fence(char, len);
                }
                '<' | '[' if self.place.is_prose() => {
                    let mut markers =
                        MARKERS.iter().filter(|marker| self.formats.contains(&marker.format));
                    if markers.clone().any(|marker| is_cut(rest, marker.open)) {
                        return None;
                    }
                    if let Some(marker) = markers.find(|marker| rest.starts_with(marker.open)) {
                        let at = self.scanned;
                        let searched = at + marker.open.len();
                        return Some(Opened { marker, at, searched, nesting: None, unfinished: 0 });
                    }
                }
                _ => {}
            }
            self.place.pass(char);
            self.scanned += len;
        }
        None
    }

    /// Looks for the end of a block. True when the block is done with, one way or the other.
    fn close(&mut self, block: &mut Opened, names: &ToolNames, found: &mut Vec<Found>) -> bool {
        let body_at = block.at + block.marker.open.len();
        loop {
            let Some((body_end, end)) = block.end(&self.held, body_at) else {
                if self.held.len() <= self.held_bytes_max && !block.is_prose(&self.held, body_at) {
                    return false;
                }
                break;
            };
            let body = self.held.get(body_at..body_end).unwrap_or_default();
            match (block.marker.read)(body, names) {
                Block::Calls(calls) => {
                    let Some(calls) = declared(calls, names) else { break };
                    self.take_block(end, calls, found);
                    return true;
                }
                Block::Unfinished if block.unfinished < UNFINISHED_MAX => {
                    block.searched = end;
                    block.unfinished += 1;
                }
                Block::Unfinished | Block::Text => break,
            }
        }
        // Not a call: the marker is text, and what follows it may hold another.
        self.scanned = body_at;
        self.place.pass('>');
        true
    }

    /// A section whose own end mark was a stop token: each call in it has another.
    fn close_at_end(&mut self, block: &Opened, names: &ToolNames, found: &mut Vec<Found>) {
        let body = self.held.get(block.at + block.marker.open.len()..).unwrap_or_default();
        if !body.trim_end().ends_with(KIMI_CALL_END) {
            return;
        }
        if let Block::Calls(calls) = (block.marker.read)(body, names)
            && let Some(calls) = declared(calls, names)
        {
            self.take_block(self.held.len(), calls, found);
        }
    }

    /// Gives out calls in the place of their block, which ends at `end`.
    fn take_block(&mut self, end: usize, calls: Vec<TextCall>, found: &mut Vec<Found>) {
        // What is held before the block are blanks; they go with it.
        self.held.drain(..end);
        self.scanned = 0;
        self.place = Place { line_start: true, fence: None, before: '\n' };
        self.after_block = true;
        found.extend(calls.into_iter().map(Found::Call));
    }

    /// Gives out the first `len` bytes of what is held.
    fn give_text(&mut self, len: usize, found: &mut Vec<Found>) {
        let rest = self.held.split_off(len);
        let text = std::mem::replace(&mut self.held, rest);
        self.scanned = self.scanned.saturating_sub(len);
        if let Some(block) = &mut self.block {
            block.at -= len;
            block.searched -= len;
        }
        let text = if self.after_block { text.trim_start() } else { &text };
        if text.is_empty() {
            return;
        }
        self.after_block = false;
        match found.last_mut() {
            Some(Found::Text(before)) => before.push_str(text),
            _ => found.push(Found::Text(text.to_owned())),
        }
    }
}

impl Opened {
    /// Where the next possible end of the block is: end of its body, and end of its end mark.
    fn end(&mut self, held: &str, body_at: usize) -> Option<(usize, usize)> {
        let Some(close) = self.marker.close else {
            if self.nesting.is_none() {
                self.searched = body_at + json_at(held.get(body_at..)?)?;
            }
            let rest = held.get(self.searched..)?;
            self.searched = held.len();
            let behind = self.nesting.get_or_insert(Nesting::NEW).read(rest)?;
            let end = held.len() - behind.len();
            return Some((end, end));
        };
        let from = held.floor_char_boundary(self.searched.max(body_at));
        match search::find(held.get(from..)?, close) {
            Some(at) => Some((from + at, from + at + close.len())),
            None => {
                self.searched = held.len().saturating_sub(close.len()).max(from);
                None
            }
        }
    }

    /// True when a block that should begin with a name goes on without an end to it.
    fn is_prose(&self, held: &str, body_at: usize) -> bool {
        self.marker.close.is_none()
            && self.nesting.is_none()
            && held.len().saturating_sub(body_at) > NAME_BYTES_MAX
    }
}

impl Place {
    fn is_prose(&self) -> bool {
        self.fence.is_none() && self.before != '`'
    }

    fn toggle_fence(&mut self, char: char, len: usize) {
        match self.fence {
            None if len >= 3 => self.fence = Some((char, len)),
            Some((fence, fence_len)) if fence == char && len >= fence_len => self.fence = None,
            _ => {}
        }
    }

    fn pass(&mut self, char: char) {
        self.line_start = char == '\n' || (self.line_start && char == ' ');
        self.before = char;
    }
}

/// True when `text` is the beginning of `marker`, but not all of it.
pub(super) fn is_cut(text: &str, marker: &str) -> bool {
    text.len() < marker.len() && marker.starts_with(text)
}

/// The calls with the names of declared tools, if all of them have one.
fn declared(calls: Vec<TextCall>, names: &ToolNames) -> Option<Vec<TextCall>> {
    let declared = |mut call: TextCall| {
        let name = names.resolve(&call.name);
        let is_declared = names.declares(name);
        call.name = name.to_owned();
        is_declared.then_some(call)
    };
    let calls = calls.into_iter().map(declared).collect::<Option<Vec<_>>>()?;
    (!calls.is_empty()).then_some(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> ToolNames {
        let mut names = ToolNames::from(["exec", "read_file"].map(str::to_owned).to_vec());
        names.declare("write", &["content".to_owned()]);
        names
    }

    /// The text that stays, and the calls as `name arguments`.
    fn read(formats: &[TextToolCalls], text: &str, size: usize) -> (String, Vec<String>) {
        let mut finder = TextCalls::new(formats, 1 << 20);
        let chars: Vec<char> = text.chars().collect();
        let mut found = Vec::new();
        for piece in chars.chunks(size) {
            found.extend(finder.push(&piece.iter().collect::<String>(), &names()));
        }
        found.extend(finder.finish(&names(), true));
        let (mut text, mut calls) = (String::new(), Vec::new());
        for found in found {
            match found {
                Found::Text(piece) => text.push_str(&piece),
                Found::Thought(piece) => text.push_str(&format!("({piece})")),
                Found::Call(call) => calls.push(format!("{} {}", call.name, call.arguments)),
            }
        }
        (text, calls)
    }

    #[track_caller]
    fn check(format: TextToolCalls, text: &str, stays: &str, calls: &[&str]) {
        for size in 1..=text.chars().count() {
            let (read_text, read_calls) = read(&[format], text, size);
            assert_eq!(
                (read_text.as_str(), &read_calls[..]),
                (stays, &calls.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>()[..]),
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn l2_hermes() {
        check(
            TextToolCalls::Hermes,
            "Sure.\n\n<tool_call>\n{\"name\": \"exec\", \"arguments\": {\"cmd\": \"ls  é\"}}\n</tool_call>\n\
             <tool_call>{\"name\":\"read_file\",\"arguments\":\"{\\\"a\\\":1}\"}</tool_call>\nDone.",
            "Sure.Done.",
            &["exec {\"cmd\":\"ls  é\"}", "read_file {\"a\":1}"],
        );
    }

    /// A file whose content is JSON must not become an object.
    #[test]
    fn l2_what_a_tool_declares_as_a_string_is_one() {
        check(
            TextToolCalls::Qwen,
            "<function=write><parameter=content>\n{\"a\": 1}\n</parameter>\
             <parameter=mode>{\"b\": 2}</parameter></function>",
            "",
            &[r#"write {"content":"{\"a\": 1}","mode":{"b": 2}}"#],
        );
        check(
            TextToolCalls::Minimax,
            "<minimax:tool_call><invoke name=\"functions.write\">\
             <parameter name=\"content\">true</parameter><parameter name=\"n\">7</parameter></invoke>\
             </minimax:tool_call>",
            "",
            &[r#"write {"content":"true","n":7}"#],
        );
    }

    #[test]
    fn l2_an_end_mark_inside_of_a_string_ends_nothing() {
        check(
            TextToolCalls::Hermes,
            "<tool_call>{\"name\":\"exec\",\"arguments\":{\"cmd\":\"</tool_call>\"}}</tool_call>",
            "",
            &["exec {\"cmd\":\"</tool_call>\"}"],
        );
    }

    #[test]
    fn l2_what_is_no_complete_call_of_a_declared_tool_stays_text() {
        for text in [
            "<tool_call>{\"name\":\"rm\",\"arguments\":{}}</tool_call>",
            "<tool_call>{\"name\":\"exec\",\"arguments\":{\"cmd\":\"l",
            "<tool_call>{\"name\":\"exec\",\"arguments\":{}}",
            "<tool_call>exec</tool_call> is how",
            "use <tool_call> for it",
            "a <tool_ b",
            "ends in <tool_c",
        ] {
            check(TextToolCalls::Hermes, text, text, &[]);
        }
    }

    #[test]
    fn l2_code_is_not_executed() {
        let call = "<tool_call>{\"name\":\"exec\",\"arguments\":{}}</tool_call>";
        for text in [
            format!("```\n{call}\n```\n"),
            format!("So:\n  ~~~~xml\n```\n{call}\n~~~~ end"),
            format!("Write `{call}` to call."),
        ] {
            check(TextToolCalls::Hermes, &text, &text, &[]);
        }
        check(TextToolCalls::Hermes, &format!("```\nx\n```\n{call}"), "```\nx\n```", &["exec {}"]);
    }

    #[test]
    fn l2_a_call_behind_a_marker_in_prose() {
        check(
            TextToolCalls::Hermes,
            "I use <tool_call> now: <tool_call>{\"name\":\"exec\",\"arguments\":{}}</tool_call>",
            "I use <tool_call> now:",
            &["exec {}"],
        );
    }

    #[test]
    fn l2_qwen_coder() {
        let function = "<function=exec>\n<parameter=cmd>\nls\n  -la\n</parameter>\n\
                        <parameter=timeout>\n30\n</parameter>\n</function>";
        let call = "exec {\"cmd\":\"ls\\n  -la\",\"timeout\":30}";
        check(TextToolCalls::Qwen, &format!("<tool_call>\n{function}\n</tool_call>"), "", &[call]);
        check(TextToolCalls::Qwen, function, "", &[call]);
        check(
            TextToolCalls::Qwen,
            "<function=exec>{\"a\": [1]}</function>",
            "",
            &["exec {\"a\":[1]}"],
        );
        check(TextToolCalls::Qwen, "<function=exec></function>", "", &["exec {}"]);
    }

    #[test]
    fn l2_kimi() {
        let call = "<|tool_call_begin|>functions.exec:0<|tool_call_argument_begin|>{\"a\": 1}<|tool_call_end|>";
        let other = "<|tool_call_begin|>functions.read_file:1<|tool_call_argument_begin|>{}<|tool_call_end|>";
        let calls = ["exec {\"a\":1}", "read_file {}"];
        let section = format!("<|tool_calls_section_begin|>{call}{other}");
        check(TextToolCalls::Kimi, &format!("{section}<|tool_calls_section_end|>"), "", &calls);
        check(TextToolCalls::Kimi, &section, "", &calls);
        check(TextToolCalls::Kimi, call, "", &calls[..1]);
        let mut finder = TextCalls::new(&[TextToolCalls::Kimi], 1000);
        let found = finder.push(call, &names());
        assert!(
            matches!(&found[..], [Found::Call(call)] if call.id.as_deref() == Some("functions.exec:0"))
        );
    }

    #[test]
    fn l2_a_section_of_an_answer_that_was_cut_is_not_executed() {
        let text = "<|tool_calls_section_begin|><|tool_call_begin|>exec:0<|tool_call_argument_begin|>{}<|tool_call_end|>";
        let mut finder = TextCalls::new(&[TextToolCalls::Kimi], 1000);
        assert_eq!(finder.push(text, &names()), []);
        assert_eq!(finder.finish(&names(), false), [Found::Text(text.to_owned())]);
    }

    #[test]
    fn l2_minimax() {
        check(
            TextToolCalls::Minimax,
            "<minimax:tool_call>\n<invoke name=\"exec\">\n<parameter name=\"cmd\">ls -la</parameter>\n\
             <parameter name=\"env\">{\"a\": true}</parameter>\n</invoke>\n<invoke name=\"read_file\">\n</invoke>\n\
             </minimax:tool_call>",
            "",
            &["exec {\"cmd\":\"ls -la\",\"env\":{\"a\": true}}", "read_file {}"],
        );
    }

    #[test]
    fn l2_mistral() {
        check(
            TextToolCalls::Mistral,
            "Ok [1].[TOOL_CALLS]exec[ARGS]{\"a\": {\"b\":\"}\"}}[TOOL_CALLS]read_file[CALL_ID]abc[ARGS]{}",
            "Ok [1].",
            &["exec {\"a\":{\"b\":\"}\"}}", "read_file {}"],
        );
        check(
            TextToolCalls::Mistral,
            "[TOOL_CALLS] [{\"name\": \"exec\", \"arguments\": {}}]",
            "",
            &["exec {}"],
        );
        check(TextToolCalls::Mistral, "[TOOL_CALLS]rm[ARGS]{} x", "[TOOL_CALLS]rm[ARGS]{} x", &[]);
    }

    #[test]
    fn l2_deepseek() {
        check(
            TextToolCalls::Deepseek,
            "Ok.\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"exec\">\n\
             <｜DSML｜parameter name=\"cmd\" string=\"true\">12</｜DSML｜parameter>\n\
             <｜DSML｜parameter name=\"n\" string=\"false\">[1]</｜DSML｜parameter>\n\
             </｜DSML｜invoke>\n</｜DSML｜function_calls>",
            "Ok.",
            &["exec {\"cmd\":\"12\",\"n\":[1]}"],
        );
        check(
            TextToolCalls::Deepseek,
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>exec<｜tool▁sep｜>{\"a\": \"```json\"}\
             <｜tool▁call▁end｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n```json\n{}\n```\
             <｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            "",
            &["exec {\"a\":\"```json\"}", "read_file {}"],
        );
    }

    #[test]
    fn l2_only_the_formats_asked_for_are_read() {
        let text = "<tool_call>{\"name\":\"exec\",\"arguments\":{}}</tool_call>";
        check(TextToolCalls::Kimi, text, text, &[]);
        assert!(TextCalls::new(&[], 10).is_off());
    }

    #[test]
    fn l2_what_is_held_back_has_a_limit() {
        let mut finder = TextCalls::new(&[TextToolCalls::Hermes], 64);
        let mut text = String::new();
        for piece in ["<tool_call>", &"x".repeat(50), &"y".repeat(50), &" ".repeat(5000), "z"] {
            for found in finder.push(piece, &names()) {
                assert!(matches!(&found, Found::Text(piece) if { text.push_str(piece); true }));
            }
            assert!(finder.held.len() <= BLANKS_BYTES_MAX);
        }
        assert!(text.ends_with("z") && text.len() == 11 + 100 + 5000 + 1);
    }
}
