//! Arguments of tool calls while they arrive: is the JSON object whole, and what is inside the wrapper
//! of a custom tool.
//!
//! Arguments are JSON text inside a JSON string. [`Completeness`] and [`Unwrapper`] read them once, in
//! pieces, without keeping decoded copies. Neither ever repairs anything: what is cut stays cut.

use crate::json::document::{Bounds, Document, Value, is_document};
use crate::json::{self, JsonText, wide};

/// The characters of carried text, decoded one by one.
///
/// Escaped characters beyond ASCII come out as U+FFFD: no reader here tells them apart.
fn characters(escaped: &str) -> impl Iterator<Item = (char, &str)> {
    let mut rest = escaped;
    std::iter::from_fn(move || {
        let length = match rest.as_bytes() {
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => rest.chars().next()?.len_utf8(),
        };
        let (source, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        let character = match source.as_bytes() {
            [b'\\', b'u', ..] => source
                .get(2..)
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                .filter(|unit| *unit < 0x80)
                .and_then(char::from_u32)
                .unwrap_or(char::REPLACEMENT_CHARACTER),
            [b'\\', b'n'] => '\n',
            [b'\\', b't'] => '\t',
            [b'\\', b'r'] => '\r',
            [b'\\', b'b'] => '\u{8}',
            [b'\\', b'f'] => '\u{c}',
            [b'\\', other] => char::from(*other),
            _ => source.chars().next()?,
        };
        Some((character, source))
    })
}

/// Notices when the arguments seen so far could be one whole JSON object.
#[derive(Clone, Debug, Default)]
pub struct Completeness {
    depth: usize,
    in_string: bool,
    escaped: bool,
    closed: bool,
}

impl Completeness {
    /// Reads the next piece.
    pub fn push(&mut self, piece: &JsonText<'_>) {
        let mut rest = piece.escaped();
        while !rest.is_empty() {
            let plain = wide::plain_len(rest.as_bytes());
            let (run, escapes) = rest.split_at_checked(plain).unwrap_or((rest, ""));
            if !self.in_string {
                run.chars().for_each(|character| self.read(character));
            } else if !run.is_empty() {
                // Quotes and backslashes are escapes here, so nothing in a run ends the string.
                self.escaped = false;
            }
            let escape = characters(escapes).next();
            rest = escape.map_or("", |(character, source)| {
                self.read(character);
                escapes.get(source.len()..).unwrap_or_default()
            });
        }
    }

    fn read(&mut self, character: char) {
        if self.in_string {
            match character {
                _ if self.escaped => self.escaped = false,
                '\\' => self.escaped = true,
                '"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match character {
            '"' => self.in_string = true,
            '{' | '[' => self.depth += 1,
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                self.closed = self.depth == 0;
                return;
            }
            ' ' | '\n' | '\r' | '\t' => return,
            _ => {}
        }
        self.closed = false;
    }

    /// Whether `arguments`, which are all pieces pushed so far, are one whole JSON object.
    ///
    /// That is no proof that the upstream has sent all of it: see architecture invariant 4.
    pub fn is_object(&self, arguments: &JsonText<'_>) -> bool {
        self.closed && is_object(&arguments.decode())
    }
}

/// Whether this text is one JSON object.
pub fn is_object(decoded: &str) -> bool {
    decoded.trim_start().starts_with('{') && is_document(decoded.as_bytes())
}

/// These arguments as an object that may stand in an event, or `None` when they are none. What a
/// lenient reader skips would cost clients the whole event: half characters are replaced, and numbers
/// beyond any range or nesting beyond any parser's depth make it no object.
pub fn object(arguments: &JsonText<'_>) -> Option<String> {
    let decoded = arguments.decode();
    let repaired = json::repair_surrogates(&decoded);
    is_object(&repaired).then(|| repaired.into_owned())
}

/// Takes the input of a custom tool out of its wrapper `{"input":"…"}` while it arrives.
///
/// What is inside the quotes is a JSON string inside a JSON string; decoded once it is exactly the
/// carried form of the input, so nothing is decoded twice or encoded again.
#[derive(Clone, Debug, Default)]
pub struct Unwrapper {
    state: Unwrap,
    /// The key, or the beginning of an escape that a piece boundary has cut.
    held: String,
    /// An escaped high surrogate whose other half has not come yet.
    high_surrogate: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unwrap {
    /// Before `{`.
    #[default]
    Start,
    /// Between `{` and the key.
    BeforeKey,
    /// In the key.
    Key,
    /// Between the key and the value.
    BeforeValue,
    /// In the value: this is the input.
    Value,
    /// Behind the value.
    After,
    /// Not the wrapper that was asked for; [`unwrap_whole`] decides at the end.
    Other,
}

/// The parameter under which a custom tool's input is offered to the model.
pub const INPUT: &str = "input";

impl Unwrapper {
    /// Reads the next piece of the arguments and appends the input in it to `input`.
    pub fn push(&mut self, piece: &JsonText<'_>, input: &mut JsonText<'static>) {
        let mut found = String::new();
        let mut rest = piece.escaped();
        loop {
            if self.state == Unwrap::Value && self.held.is_empty() {
                rest = self.plain(rest, &mut found);
            }
            let Some((character, source)) = characters(rest).next() else { break };
            rest = rest.get(source.len()..).unwrap_or_default();
            self.state = match (self.state, character) {
                (Unwrap::Start, ' ' | '\n' | '\r' | '\t') => Unwrap::Start,
                (Unwrap::Start, '{') => Unwrap::BeforeKey,
                (Unwrap::BeforeKey, ' ' | '\n' | '\r' | '\t') => Unwrap::BeforeKey,
                (Unwrap::BeforeKey, '"') => Unwrap::Key,
                (Unwrap::Key, '"') if self.held == INPUT => {
                    self.held.clear();
                    Unwrap::BeforeValue
                }
                (Unwrap::Key, 'a'..='z') if self.held.len() < INPUT.len() => {
                    self.held.push(character);
                    Unwrap::Key
                }
                (Unwrap::BeforeValue, ' ' | '\n' | '\r' | '\t' | ':') => Unwrap::BeforeValue,
                (Unwrap::BeforeValue, '"') => Unwrap::Value,
                (Unwrap::Value, '"') if self.held.is_empty() => {
                    self.lone_surrogate(&mut found);
                    Unwrap::After
                }
                (Unwrap::Value, _) => {
                    self.value(character, source, &mut found);
                    Unwrap::Value
                }
                (Unwrap::After, _) => Unwrap::After,
                (Unwrap::Start | Unwrap::BeforeKey | Unwrap::Key, _)
                | (Unwrap::BeforeValue | Unwrap::Other, _) => Unwrap::Other,
            };
        }
        if !found.is_empty() {
            input.push_escaped(&found);
        }
    }

    /// What the value begins with before its next escape or quote, at once; returns what is behind it.
    fn plain<'p>(&mut self, piece: &'p str, found: &mut String) -> &'p str {
        let len = wide::plain_len(piece.as_bytes());
        let (plain, behind) = piece.split_at_checked(len).unwrap_or(("", piece));
        if !plain.is_empty() {
            self.lone_surrogate(found);
            found.push_str(plain);
        }
        behind
    }

    /// One character inside the value. Escapes are held until they are whole, surrogate pairs too.
    fn value(&mut self, character: char, source: &str, found: &mut String) {
        if self.held.is_empty() && character != '\\' {
            self.lone_surrogate(found);
            match character {
                // Raw control characters are no JSON, but models write them; they mean themselves.
                // An escape of the outer document, such as \u00e9, stays an escape.
                '\0'..='\u{1f}' | char::REPLACEMENT_CHARACTER => found.push_str(source),
                _ => found.push(character),
            }
            return;
        }
        self.held.push(character);
        match escape(&self.held) {
            Escape::Cut => {}
            Escape::Simple => {
                self.lone_surrogate(found);
                found.push_str(&std::mem::take(&mut self.held));
            }
            Escape::HighSurrogate => {
                self.lone_surrogate(found);
                self.high_surrogate = std::mem::take(&mut self.held);
            }
            Escape::LowSurrogate => {
                found.push_str(&std::mem::take(&mut self.high_surrogate));
                found.push_str(&std::mem::take(&mut self.held));
            }
            // Models forget to double backslashes; the backslash then means itself.
            Escape::Invalid => {
                self.lone_surrogate(found);
                let mut literal = JsonText::EMPTY;
                literal.push_decoded(&std::mem::take(&mut self.held));
                found.push_str(literal.escaped());
            }
        }
    }

    /// A high surrogate whose other half does not follow; [`JsonText`] repairs it.
    fn lone_surrogate(&mut self, found: &mut String) {
        found.push_str(&std::mem::take(&mut self.high_surrogate));
    }

    /// Whether the wrapper has been closed, so that the input is whole.
    pub fn is_closed(&self) -> bool {
        self.state == Unwrap::After
    }

    /// Whether the arguments are in the wrapper that was asked for, so far.
    pub fn is_wrapped(&self) -> bool {
        matches!(self.state, Unwrap::Value | Unwrap::After)
    }
}

enum Escape {
    Cut,
    HighSurrogate,
    Invalid,
    LowSurrogate,
    Simple,
}

/// What this is, which begins with a backslash: an escape, the beginning of one, or neither.
fn escape(held: &str) -> Escape {
    match held.as_bytes() {
        [b'\\'] => Escape::Cut,
        [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'] => Escape::Simple,
        [b'\\', b'u', digits @ ..] if digits.iter().all(u8::is_ascii_hexdigit) => match digits {
            [b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', _, _] => Escape::HighSurrogate,
            [b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', _, _] => Escape::LowSurrogate,
            [_, _, _, _] => Escape::Simple,
            _ => Escape::Cut,
        },
        _ => Escape::Invalid,
    }
}

/// The input of a custom tool call whose arguments are whole but not in the wrapper asked for.
///
/// Models rename the key or ignore the wrapper altogether: the only string of an object is the input,
/// whatever its key; anything else is the input as it stands.
pub fn unwrap_whole(arguments: &JsonText<'_>) -> JsonText<'static> {
    let decoded = arguments.decode();
    let document = Document::parse(&decoded, Bounds::USUAL).ok();
    let root = document.as_ref().map(Document::root);
    let input = root.and_then(|root| {
        let mut others = root.named_members().filter(|(name, _)| name != INPUT);
        let only = others.next().filter(|_| others.next().is_none());
        let input = root.get(INPUT).and_then(Value::text);
        input.or_else(|| only.and_then(|(_, value)| value.text()))
    });
    input.map_or_else(|| arguments.clone().into_owned(), JsonText::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arguments as they arrive: JSON text, encoded once more.
    fn pieces(arguments: &str) -> Vec<JsonText<'static>> {
        arguments.chars().map(|c| JsonText::encode(&c.to_string()).into_owned()).collect()
    }

    fn unwrap(pieces: &[JsonText<'_>]) -> (String, Unwrapper) {
        let mut unwrapper = Unwrapper::default();
        let mut input = JsonText::EMPTY;
        for piece in pieces {
            unwrapper.push(piece, &mut input);
        }
        (input.decode().into_owned(), unwrapper)
    }

    #[test]
    fn an_object_is_whole_when_its_brace_closes() {
        for (arguments, whole) in [
            ("{}", true),
            (r#"{"a":"}"}"#, true),
            (r#"{"a":"\"}"#, false),
            (r#"{"a":{"b":[1]}"#, false),
            (r#"{"a":{"b":[1]}} "#, true),
            (r#"{"a":1}{"b":2}"#, false),
            ("", false),
            ("[1]", false),
            ("{a}", false),
        ] {
            let mut completeness = Completeness::default();
            pieces(arguments).iter().for_each(|piece| completeness.push(piece));
            let text = JsonText::encode(arguments);
            assert_eq!(completeness.is_object(&text), whole, "{arguments}");
        }
    }

    #[test]
    fn an_object_in_an_event_is_one_for_every_parser() {
        for (arguments, taken) in [
            (r#"{"a":"\u00e9\ud83d\ude00"}"#, Some(r#"{"a":"\u00e9\ud83d\ude00"}"#)),
            (r#"{"a":"\ud83dn"}"#, Some("{\"a\":\"\u{FFFD}n\"}")),
            (r#"{"a":"\\ud83d"}"#, Some(r#"{"a":"\\ud83d"}"#)),
            (r#"{"a":1e999}"#, None),
            (r#"{"a":"#, None),
            ("[]", None),
        ] {
            assert_eq!(object(&JsonText::encode(arguments)).as_deref(), taken, "{arguments}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(500), "]".repeat(500));
        assert_eq!(object(&JsonText::encode(&deep)), None);
    }

    #[test]
    fn the_input_comes_out_of_its_wrapper_however_it_is_cut() {
        let input = "*** Begin\n\t\"quoted\" \\ é 😀 \u{1}";
        let arguments = serde_json::json!({ "input": input }).to_string();
        let (found, unwrapper) = unwrap(&pieces(&arguments));
        assert_eq!(found, input);
        assert!(unwrapper.is_closed());
        let (found, _) = unwrap(&[JsonText::encode(&arguments)]);
        assert_eq!(found, input);
    }

    #[test]
    fn escapes_are_never_cut_in_half() {
        let arguments = r#"{ "input" : "a\u00e9\ud83d\ude00\u0041\ud83dx\\\ud83d" }"#;
        let mut unwrapper = Unwrapper::default();
        let mut input = JsonText::EMPTY;
        for piece in pieces(arguments) {
            unwrapper.push(&piece, &mut input);
            assert!(serde_json::from_str::<String>(&format!("\"{}\"", input.escaped())).is_ok());
        }
        assert_eq!(input.decode(), "aé😀A\u{FFFD}x\\\u{FFFD}");
    }

    #[test]
    fn forgotten_escapes_mean_themselves() {
        let (found, unwrapper) = unwrap(&pieces("{\"input\":\"\\d+ \\u12 \\\\w\"}"));
        assert_eq!(found, "\\d+ \\u12 \\w");
        assert!(unwrapper.is_closed());
    }

    #[test]
    fn a_cut_wrapper_is_not_closed() {
        let (found, unwrapper) = unwrap(&pieces(r#"{"input":"half"#));
        assert_eq!(found, "half");
        assert!(unwrapper.is_wrapped() && !unwrapper.is_closed());
    }

    #[test]
    fn other_wrappers_wait_for_the_end() {
        for (arguments, input) in [
            (r#"{"patch":"x\ny"}"#, "x\ny"),
            (r#"{"a":"x","input":"y"}"#, "y"),
            (r#"{"a":"x","b":"y"}"#, r#"{"a":"x","b":"y"}"#),
            ("*** Begin\n", "*** Begin\n"),
            (r#"{"input":{"a":1}}"#, r#"{"input":{"a":1}}"#),
        ] {
            let (found, unwrapper) = unwrap(&pieces(arguments));
            assert_eq!(found, "");
            assert!(!unwrapper.is_wrapped(), "{arguments}");
            assert_eq!(unwrap_whole(&JsonText::encode(arguments)).decode(), input, "{arguments}");
        }
    }
}
