//! The model's reasoning as fields beside the text (S1, S2), and its opaque parts.

use std::borrow::Cow;

use super::value::{self, Kind};
use crate::chat::lenient::{Raw, members};
use crate::chat::response::Message;
use crate::json::document::Value;
use crate::json::{self, JsonText};

/// The reasoning in one delta: the name of its field and its text, in one or several strings.
pub struct Reasoning<'a> {
    /// The field, as it must be named when the reasoning goes back.
    pub field: &'static str,
    /// What holds the text.
    pub source: Value<'a>,
}

/// Finds the field that carries reasoning; the first that says something, because some upstreams
/// send the same text under two names.
pub fn find<'a>(message: &Message<'a>) -> Option<Reasoning<'a>> {
    let fields = [
        ("reasoning_content", message.reasoning_content),
        ("reasoning", message.reasoning),
        ("reasoning_text", message.reasoning_text),
        ("thinking", message.thinking),
        ("reasoning_details", message.reasoning_details),
    ];
    fields.into_iter().find_map(|(name, raw)| {
        let source = raw.filter(|_| value::is_news(raw))?;
        let has_details = value::is_news(message.reasoning_details);
        let field = if has_details { "reasoning_details" } else { name };
        has_text(source).then_some(Reasoning { field, source })
    })
}

impl<'a> Reasoning<'a> {
    /// The strings of the text in their order.
    pub fn texts(&self, sink: &mut dyn FnMut(JsonText<'a>)) {
        texts(self.source, sink);
    }
}

fn has_text(raw: Value<'_>) -> bool {
    let mut has_text = false;
    texts(raw, &mut |_| has_text = true);
    has_text
}

members! {
    /// An object that says something.
    struct Said {
        text,
        content,
        summary,
        thinking,
        reasoning,
    }
}

/// Text lies no deeper than this many objects and lists.
const DEPTH_MAX: u8 = 6;

/// The strings in a string, an object or a list of either.
pub fn texts<'a>(raw: Value<'a>, sink: &mut dyn FnMut(JsonText<'a>)) {
    texts_within(DEPTH_MAX, raw, sink);
}

fn texts_within<'a>(depth: u8, raw: Value<'a>, sink: &mut dyn FnMut(JsonText<'a>)) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match raw.kind() {
        Kind::String => {
            if let Some(text) = value::text(Some(raw)) {
                sink(text);
            }
        }
        Kind::Object => {
            let Some(said) = value::object::<Said<'a>>(Some(raw)) else { return };
            let fields = [said.text, said.content, said.summary, said.thinking, said.reasoning];
            if let Some(inner) = fields.into_iter().find(|raw| value::is_news(*raw)).flatten() {
                texts_within(depth, inner, sink);
            }
        }
        Kind::Array => {
            for element in value::elements(Some(raw)) {
                texts_within(depth, element, sink);
            }
        }
        Kind::Bool | Kind::Null | Kind::Number => {}
    }
}

/// The elements of `reasoning_details`, put together from their pieces.
///
/// OpenRouter's rule: pieces of text that follow each other under the same index are one element;
/// everything else is an element as it came. The order stays.
#[derive(Debug, Default)]
pub struct Details {
    /// The last element, which may go on.
    held: Option<Detail>,
    /// Whole elements.
    ready: Vec<String>,
    /// What has been read of them.
    bytes: usize,
}

#[derive(Debug)]
struct Detail(Vec<(String, Member)>);

#[derive(Debug)]
enum Member {
    /// Text that grows.
    Text(JsonText<'static>),
    /// JSON.
    Raw(String),
}

impl Details {
    /// Reads the list of one delta. `snapshots` says that texts repeat all before them.
    pub fn read(&mut self, list: Raw<'_>, snapshots: bool) {
        for element in value::elements(list) {
            if element.kind() != Kind::Object {
                continue;
            }
            self.bytes += element.raw().len();
            let detail = Detail::new(element);
            match &mut self.held {
                Some(held) if held.goes_on_with(&detail) => held.merge(detail, snapshots),
                _ => {
                    self.ready.extend(self.held.take().map(|held| held.into_json()));
                    self.held = Some(detail);
                }
            }
        }
    }

    /// True when no element waits.
    pub fn is_empty(&self) -> bool {
        self.held.is_none() && self.ready.is_empty()
    }

    /// What waiting elements take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives out all elements; nothing that follows belongs to them.
    pub fn flush(&mut self, sink: &mut dyn FnMut(&str)) {
        self.ready.extend(self.held.take().map(|held| held.into_json()));
        self.bytes = 0;
        for detail in self.ready.drain(..) {
            sink(&detail);
        }
    }
}

impl Detail {
    fn new(object: Value<'_>) -> Self {
        let member = |(name, value): (Cow<'_, str>, Value<'_>)| {
            let text = value.text().filter(|_| matches!(&*name, "text" | "summary"));
            let member = match text {
                Some(text) => Member::Text(text.into_owned()),
                None => Member::Raw(value.raw().to_owned()),
            };
            (name.into_owned(), member)
        };
        Self(object.named_members().map(member).collect())
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|(known, value)| match value {
            Member::Raw(raw) if known == name && raw != "null" => Some(raw.as_str()),
            _ => None,
        })
    }

    fn has_text(&self) -> bool {
        self.0.iter().any(|(_, value)| matches!(value, Member::Text(_)))
    }

    /// True when `next` is another piece of this element. A piece that brings nothing but the
    /// signature has no text.
    fn goes_on_with(&self, next: &Self) -> bool {
        let same = |name| self.raw(name) == next.raw(name);
        let same_id = self.raw("id").is_none() || next.raw("id").is_none() || same("id");
        self.has_text() && next.raw("data").is_none() && same("type") && same("index") && same_id
    }

    fn merge(&mut self, next: Self, snapshots: bool) {
        for (name, value) in next.0 {
            let known = self.0.iter_mut().find(|(known, _)| *known == name);
            match (known, value) {
                (Some((_, Member::Text(text))), Member::Text(more)) if snapshots => *text = more,
                (Some((_, Member::Text(text))), Member::Text(more)) => text.push(&more),
                (Some((_, Member::Raw(raw))), value) if raw == "null" || raw == "\"\"" => {
                    *raw = value.into_json();
                }
                (Some(_), _) => {}
                (None, value) => self.0.push((name, value)),
            }
        }
    }

    fn into_json(self) -> String {
        let mut out = Vec::new();
        json::object(&mut out, |object| {
            for (name, value) in &self.0 {
                match value {
                    Member::Text(text) => json::write_text(object.named_member(name), text),
                    Member::Raw(raw) => {
                        object.named_member(name).extend_from_slice(raw.as_bytes());
                    }
                }
            }
        });
        String::from_utf8(out).unwrap_or_default()
    }
}

impl Member {
    fn into_json(self) -> String {
        match self {
            Self::Text(text) => format!("\"{}\"", text.escaped()),
            Self::Raw(raw) => raw,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(lists: &[&str], snapshots: bool) -> Vec<String> {
        let mut details = Details::default();
        for list in lists {
            let document = value::document(list).unwrap();
            details.read(Some(document.root()), snapshots);
        }
        let mut seen = Vec::new();
        details.flush(&mut |detail| seen.push(detail.to_owned()));
        seen
    }

    #[test]
    fn s2_pieces_of_one_element_are_merged() {
        assert_eq!(
            details(
                &[
                    r#"[{"type":"reasoning.text","text":"A\n","signature":null,"index":0}]"#,
                    r#"[{"type":"reasoning.text","text":"B","index":0,"format":"x"}]"#,
                    r#"[{"type":"reasoning.text","signature":"sig","index":0}]"#,
                ],
                false,
            ),
            [r#"{"type":"reasoning.text","text":"A\nB","signature":"sig","index":0,"format":"x"}"#],
        );
    }

    #[test]
    fn s2_other_elements_stay_as_they_came() {
        let encrypted = r#"{"type":"reasoning.encrypted","data":"x","id":"a","index":0}"#;
        let text = r#"{"type":"reasoning.text","text":"A","index":0}"#;
        let other = r#"{"type":"reasoning.text","text":"B","index":1}"#;
        let summary = r#"{"type":"reasoning.summary","summary":"C","index":1}"#;
        let list = format!("[{text},{other},{encrypted},{encrypted},{summary}]");
        assert_eq!(details(&[&list], false), [text, other, encrypted, encrypted, summary]);
    }

    #[test]
    fn s7_details_that_are_snapshots_replace_each_other() {
        let lists = [r#"[{"text":"A","index":0}]"#, r#"[{"text":"AB","index":0}]"#];
        assert_eq!(details(&lists, true), [r#"{"text":"AB","index":0}"#]);
    }

    #[test]
    fn s1_text_in_strings_objects_and_lists() {
        for (json, expected) in [
            (r#""a""#, "a"),
            (r#"{"text":"a"}"#, "a"),
            (r#"{"text":"","content":"a"}"#, "a"),
            (r#"[{"type":"text","text":"a"},"b",{"summary":"c"},{"data":"x"}]"#, "abc"),
            (r#"{"content":[{"text":"a"}]}"#, "a"),
            ("7", ""),
            (r#"[[[[[[[["a"]]]]]]]]"#, ""),
        ] {
            let mut read = String::new();
            let document = value::document(json).unwrap();
            texts(document.root(), &mut |text| read.push_str(text.escaped()));
            assert_eq!(read, expected, "{json}");
        }
    }
}
