//! The parts of an error, whatever shape it has.

use std::borrow::Cow;

use super::delay;
use crate::dialect::repair::repair;
use crate::dialect::value::document;
use crate::json::document::{Kind, Value};
use crate::json::search;

/// What an error body says. All shapes of the catalogue (§5) end here.
#[derive(Debug, Default)]
pub struct Report {
    /// The text for people, empty if there is none.
    text: String,
    /// Everything said, in lower case.
    pub searched: String,
    /// Codes and types, in lower case and without punctuation.
    pub codes: Vec<String>,
    /// Codes that are numbers.
    pub numbers: Vec<u64>,
    /// The request field at fault.
    pub param: Option<String>,
    /// The code as it came.
    code: Option<String>,
    /// `RetryInfo.retryDelay`.
    retry_delay: Option<String>,
    /// The body is a web page.
    is_page: bool,
}

/// Errors in errors are opened no deeper than this.
const DEPTH_MAX: u8 = 8;

/// Members that hold codes, in errors and around them.
const CODE_MEMBERS: [&str; 7] =
    ["code", "type", "status", "error_type", "http_code", "status_code", "error_code"];

/// Members that hold an error or its text, by precedence.
const TEXT_MEMBERS: [&str; 9] = [
    "error",
    "message",
    "detail",
    "errors",
    "base_resp",
    "status_msg",
    "msg",
    "error_message",
    "title",
];

impl Report {
    /// Reads a body: JSON of any shape, an event, text, a page, or the beginning of one of these.
    pub fn read(body: &[u8]) -> Self {
        let mut report = Self::default();
        let text = String::from_utf8_lossy(body);
        let text = undressed(&text);
        if report.read_json(DEPTH_MAX, text) {
            // It was one.
        } else if text.starts_with('<') {
            report.is_page = true;
            report.text = title(text).unwrap_or_default();
        } else {
            report.read_cut(text);
        }
        let number = number_at_end(&report.text);
        report.numbers.extend(number);
        report.searched.push_str(&report.text.to_ascii_lowercase());
        report
    }

    /// True when the body said nothing at all.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.codes.is_empty() && !self.is_page
    }

    /// The HTTP status that the body speaks of.
    pub fn status(&self) -> Option<u16> {
        let status = self.numbers.iter().find(|number| (400..600).contains(*number))?;
        u16::try_from(*status).ok()
    }

    /// The code as the upstream spelled it.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The delay that the body asks for, in seconds.
    pub fn delay_s(&self) -> Option<u64> {
        let said = self.retry_delay.as_deref().and_then(delay::duration);
        said.or_else(|| delay::in_text(&self.text))
    }

    /// The text for people, never empty and `bytes_max` long at most.
    #[inline(never)]
    pub fn message(&self, status: u16, bytes_max: usize) -> String {
        let (from, page) = match status {
            0 => (
                "The upstream failed".to_owned(),
                "The upstream sent a web page for an answer".to_owned(),
            ),
            413 if self.is_empty() => {
                return "The upstream refused the request as too large (status 413, no body): the \
                        conversation does not fit the model's context window."
                    .to_owned();
            }
            _ => {
                let from = format!("The upstream answered with status {status}");
                let page = format!("{from} and a web page");
                (from, page)
            }
        };
        match (self.is_page, self.text.as_str()) {
            (true, "") => format!("{page}."),
            (true, title) => format!("{page}: {title}"),
            (false, "") => format!("{from} and said nothing about it."),
            (false, text) if text.len() <= bytes_max => text.to_owned(),
            (false, text) => {
                let cut = text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default();
                format!("{cut}…")
            }
        }
    }

    /// Reads a text that is JSON, if need be after a repair; false for any other text.
    fn read_json(&mut self, depth: u8, text: &str) -> bool {
        if !text.starts_with(['{', '[', '"']) {
            return false;
        }
        if let Some(document) = document(text) {
            self.read_value(depth, document.root());
            return true;
        }
        let repaired = repair(text.as_bytes());
        let document = document(&repaired);
        document.as_ref().is_some_and(|document| {
            self.read_value(depth, document.root());
            true
        })
    }

    fn read_value(&mut self, depth: u8, value: Value<'_>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match value.kind() {
            Kind::String => self.read_text(depth, &value.decoded().unwrap_or_default()),
            Kind::Array => self.read_list(depth, value),
            Kind::Object => self.read_object(depth, value),
            Kind::Null | Kind::Bool | Kind::Number => {}
        }
    }

    #[inline(never)]
    fn read_object(&mut self, depth: u8, object: Value<'_>) {
        for member in CODE_MEMBERS {
            self.read_code(object.get(member), member == "code");
        }
        if self.param.is_none() {
            self.param = string(object, "param").filter(|param| !param.is_empty());
        }
        self.retry_delay = string(object, "retryDelay").or(self.retry_delay.take());
        for member in TEXT_MEMBERS {
            let Some(value) = object.get(member) else { continue };
            // Beside a message, the error is a word like `Not Found`.
            let is_word = member == "error" && object.get("message").is_some();
            match value.decoded().filter(|_| is_word) {
                Some(word) => self.codes.push(code_word(&word)),
                None => self.read_value(depth, value),
            }
        }
        for member in ["innererror", "metadata", "details"] {
            self.read_inner(depth, object.get(member));
        }
    }

    /// Validation errors (`loc`, `msg`), lists of errors, plain lists of texts.
    #[inline(never)]
    fn read_list(&mut self, depth: u8, list: Value<'_>) {
        let mut texts = Vec::new();
        for element in list.elements().take(8) {
            let path = element.get("loc").filter(|path| path.kind() == Kind::Array);
            match (path, string(element, "msg")) {
                (Some(path), Some(msg)) => {
                    let path: Vec<_> = path.elements().map(plain).collect();
                    let path = search::join(&path, ".");
                    self.read_code(element.get("type"), false);
                    self.param = self
                        .param
                        .take()
                        .or_else(|| Some(path.strip_prefix("body.").unwrap_or(&path).to_owned()));
                    texts.push(format!("{path}: {msg}"));
                }
                _ => self.read_value(depth, element),
            }
        }
        if !texts.is_empty() {
            self.add_text(&search::join(&texts, "; "));
        }
    }

    /// What stands beside the message: searched, and shown where it says more.
    fn read_inner(&mut self, depth: u8, value: Option<Value<'_>>) {
        let (Some(depth), Some(value)) = (depth.checked_sub(1), value) else { return };
        if value.kind() == Kind::Object {
            self.read_code(value.get("code"), false);
            self.retry_delay = string(value, "retryDelay").or(self.retry_delay.take());
            // OpenRouter: the answer of the provider behind it.
            if let Some(raw) = string(value, "raw") {
                self.add_inner(&raw);
            }
            self.read_inner(depth, value.get("innererror"));
        }
        for element in value.elements().take(8) {
            self.read_inner(depth, Some(element));
        }
    }

    fn add_inner(&mut self, raw: &str) {
        let inner = Self::read(raw.as_bytes());
        self.searched.push_str(&inner.searched);
        self.searched.push('\n');
        self.codes.extend(inner.codes);
        self.numbers.extend(inner.numbers);
        if inner.text.is_empty() || search::contains(&self.text, &inner.text) {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str(": ");
        }
        self.text.push_str(&inner.text);
    }

    /// A text; some gateways put the whole error into it as JSON.
    fn read_text(&mut self, depth: u8, text: &str) {
        let before = self.text.len();
        if text.trim_start().starts_with('{') {
            self.read_json(depth, text.trim());
        }
        if self.text.len() == before {
            self.add_text(text.trim());
        }
    }

    /// The first text counts; the others are only searched.
    #[inline(never)]
    fn add_text(&mut self, text: &str) {
        if self.text.is_empty() {
            text.clone_into(&mut self.text);
        } else {
            self.searched.push_str(&text.to_ascii_lowercase());
            self.searched.push('\n');
        }
    }

    #[inline(never)]
    fn read_code(&mut self, value: Option<Value<'_>>, is_code: bool) {
        let word = value.filter(|value| matches!(value.kind(), Kind::String | Kind::Number));
        if let Some(word) = word.map(plain).filter(|word| !word.is_empty()) {
            self.add_code(word.into_owned(), is_code);
        }
    }

    #[inline(never)]
    fn add_code(&mut self, word: String, is_code: bool) {
        match word.parse() {
            Ok(number) => self.numbers.push(number),
            Err(_) => {
                if is_code {
                    self.code = Some(word.clone());
                }
                self.codes.push(code_word(&word));
            }
        }
    }

    /// A body that is text, or the beginning of JSON.
    fn read_cut(&mut self, text: &str) {
        if !text.starts_with(['{', '[']) {
            self.text = text.to_owned();
            return;
        }
        self.searched.push_str(&text.to_ascii_lowercase());
        for member in ["\"code\"", "\"type\""] {
            if let Some(word) = string_behind(text, member) {
                self.add_code(word, member == "\"code\"");
            }
        }
        let message = ["\"message\"", "\"error\"", "\"detail\""]
            .into_iter()
            .find_map(|member| string_behind(text, member));
        self.text = message.unwrap_or_else(|| text.to_owned());
    }
}

/// True when `text` holds `pattern`, in which `*` stands for up to 80 bytes.
pub fn matches(text: &str, pattern: &str) -> bool {
    const GAP_BYTES_MAX: usize = 80;
    let Some((head, tail)) = pattern.split_once('*') else {
        return search::contains(text, pattern);
    };
    let mut rest = text;
    while let Some((_, behind)) = search::split_once(rest, head) {
        let first = tail.split('*').next().unwrap_or_default();
        let near = behind
            .get(..behind.floor_char_boundary(GAP_BYTES_MAX + first.len()))
            .unwrap_or_default();
        if search::contains(near, first) && (first.len() == tail.len() || matches(behind, tail)) {
            return true;
        }
        rest = behind;
    }
    false
}

/// The JSON or text in a body: without blanks, a byte order mark or the fields of an event.
fn undressed(body: &str) -> &str {
    let body = body.trim_start_matches('\u{FEFF}').trim();
    let data = body.split(['\n', '\r']).find_map(|line| line.strip_prefix("data:"));
    let is_event = body.starts_with("data:") || body.starts_with("event:");
    data.filter(|_| is_event).unwrap_or(body).trim()
}

/// The string that is a member of an object.
#[inline(never)]
fn string(object: Value<'_>, name: &str) -> Option<String> {
    object.get(name).and_then(string_of)
}

fn string_of(value: Value<'_>) -> Option<String> {
    value.decoded().map(Cow::into_owned)
}

fn plain(value: Value<'_>) -> Cow<'_, str> {
    value.decoded().unwrap_or(Cow::Borrowed(value.raw()))
}

/// A code in the form in which codes are compared: `RateLimitExceeded`, `rate_limit_exceeded`.
fn code_word(code: &str) -> String {
    code.chars()
        .filter(|char| !char.is_ascii() || char.is_ascii_alphanumeric())
        .map(|char| char.to_ascii_lowercase())
        .collect()
}

/// MiniMax puts its code behind the text: `insufficient balance (1008)`.
fn number_at_end(text: &str) -> Option<u64> {
    let (_, number) = text.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    number.parse().ok()
}

/// The title of a web page.
fn title(page: &str) -> Option<String> {
    let page = page.get(..page.floor_char_boundary(16 * 1024))?;
    let lower = page.to_ascii_lowercase();
    let from = search::find(&lower, "<title")?;
    let from = from + lower.get(from..)?.find('>')? + 1;
    let to = from + lower.get(from..)?.find('<')?;
    let words: Vec<_> = page.get(from..to)?.split_whitespace().collect();
    let title = search::join(&words, " ");
    (!title.is_empty()).then_some(title)
}

/// The string behind a member's name in JSON that is cut off.
fn string_behind(text: &str, member: &str) -> Option<String> {
    let (_, rest) = search::split_once(text, member)?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    let end = rest.find(|char| match char {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' => {
            escaped = true;
            false
        }
        char => char == '"',
    });
    let body = rest.get(..end.unwrap_or(rest.len()))?;
    let whole = format!("\"{body}\"");
    let decoded = document(&whole).and_then(|document| string_of(document.root()));
    Some(decoded.unwrap_or_else(|| body.to_owned()))
}
