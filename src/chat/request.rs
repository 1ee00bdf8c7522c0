//! What Chat Completions upstreams get.
//!
//! Messages are written one by one, from texts in pieces that stand where they were sent: nothing of a
//! conversation is put together before it is written.
//!
//! <https://platform.openai.com/docs/api-reference/chat/create>

use std::borrow::Cow;

use crate::json::kept::JsonStr;
use crate::json::{self, Array, JsonText, Object};

/// A request without its messages. What is `None` or empty is not written at all: many upstreams refuse
/// `null`.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The model.
    pub model: &'a str,
    /// The functions the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether to stream.
    pub stream: bool,
    /// All other members, as JSON.
    pub parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// What the model is told before anyone speaks.
    System {
        /// Whether the role is `developer` instead of `system`.
        developer: bool,
        /// The text.
        content: Content<'a>,
    },
    /// What the user says.
    User(Content<'a>),
    /// What the model said and called.
    Assistant(Assistant<'a>),
    /// What came of a call; directly behind the message with the call.
    Tool {
        /// The call.
        call_id: JsonStr<'a>,
        /// What came of it.
        content: Content<'a>,
    },
}

/// What the model said and called.
#[derive(Clone, Copy, Debug)]
pub struct Assistant<'a> {
    /// The text, if there is any.
    pub content: Content<'a>,
    /// Earlier reasoning, under the name it has in the message.
    pub reasoning: Option<(&'a str, Reasoning<'a>)>,
    /// The calls.
    pub calls: &'a [Call<'a>],
}

/// Reasoning in an assistant message.
#[derive(Clone, Copy, Debug)]
pub enum Reasoning<'a> {
    /// A string.
    Text(&'a [Part<'a>]),
    /// An array of objects. JSON.
    Details(&'a [&'a str]),
}

/// A call in an assistant message.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Pairs the call with its tool message.
    pub id: JsonStr<'a>,
    /// The function.
    pub name: &'a str,
    /// The arguments: JSON inside a string.
    pub arguments: JsonStr<'a>,
    /// Further members, as JSON without the braces around them.
    pub extra: &'a str,
}

/// The `content` of a message.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// A string: one text in pieces.
    Text(&'a [Part<'a>]),
    /// An array of parts.
    Parts(&'a [Part<'a>]),
    /// `null`
    Null,
    /// No member at all.
    Omitted,
}

/// A content part, or a piece of one.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// `input_audio`: the object with `data` and `format`. JSON.
    Audio(&'a str),
    /// `file`
    File {
        /// The content as a data URL.
        data: Option<JsonStr<'a>>,
        /// The id of a stored file.
        id: Option<JsonStr<'a>>,
        /// Its name.
        name: Option<JsonStr<'a>>,
    },
    /// `image_url`
    Image {
        /// A URL or data URL.
        url: JsonStr<'a>,
        /// How exactly to look.
        detail: Option<JsonStr<'a>>,
    },
    /// More of the text that stands before it.
    More(JsonStr<'a>),
    /// `text`
    Text(JsonStr<'a>),
    /// `thinking`: earlier reasoning in the content of an assistant message.
    Thinking(JsonStr<'a>),
}

/// A function.
#[derive(Clone, Debug)]
pub struct Tool<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// What it does.
    pub description: Option<JsonText<'a>>,
    /// The JSON schema of its arguments. JSON.
    pub parameters: Cow<'a, str>,
    /// Whether the arguments must follow the schema exactly.
    pub strict: Option<bool>,
}

impl Request<'_> {
    /// Writes the request as JSON; `messages` writes the conversation.
    pub fn write(&self, messages: impl FnOnce(&mut Array<'_>), out: &mut Vec<u8>) {
        json::object(out, |o| {
            o.str("model", self.model);
            o.array("messages", messages);
            o.bool("stream", self.stream);
            if !self.tools.is_empty() {
                o.array("tools", |list| self.tools.iter().for_each(|tool| tool.write(list)));
            }
            for (name, value) in &self.parameters {
                o.named_member(name).extend_from_slice(value.as_bytes());
            }
        });
    }
}

impl Message<'_> {
    /// Writes the message into the list of them.
    #[inline(never)]
    pub fn write(&self, list: &mut Array<'_>) {
        list.object(|o| {
            let content = match self {
                Self::System { developer, content } => {
                    o.str("role", if *developer { "developer" } else { "system" });
                    content
                }
                Self::User(content) => {
                    o.str("role", "user");
                    content
                }
                Self::Assistant(assistant) => return assistant.members(o),
                Self::Tool { call_id, content } => {
                    o.str("role", "tool");
                    text(o.member("tool_call_id"), *call_id, &[]);
                    content
                }
            };
            content.member(o);
        });
    }
}

impl Assistant<'_> {
    #[inline(never)]
    fn members(&self, o: &mut Object<'_>) {
        o.str("role", "assistant");
        match &self.reasoning {
            Some((name, Reasoning::Text(pieces))) => text_of(pieces, o.named_member(name)),
            Some((name, Reasoning::Details(details))) => {
                json::array(o.named_member(name), |list| {
                    details.iter().for_each(|detail| list.raw(detail.as_bytes()));
                });
            }
            None => {}
        }
        self.content.member(o);
        if self.calls.is_empty() {
            return;
        }
        o.array("tool_calls", |list| {
            for call in self.calls {
                list.object(|o| {
                    text(o.member("id"), call.id, &[]);
                    o.str("type", "function");
                    o.object("function", |o| {
                        o.str("name", call.name);
                        text(o.member("arguments"), call.arguments, &[]);
                    });
                    o.members(call.extra.as_bytes());
                });
            }
        });
    }
}

impl Content<'_> {
    #[inline(never)]
    fn member(&self, o: &mut Object<'_>) {
        match self {
            Self::Text(pieces) => text_of(pieces, o.member("content")),
            Self::Parts(parts) => o.array("content", |list| write_parts(parts, list)),
            Self::Null => o.null("content"),
            Self::Omitted => {}
        }
    }
}

/// Writes parts, each together with the pieces of it that follow.
#[inline(never)]
fn write_parts(parts: &[Part<'_>], list: &mut Array<'_>) {
    let mut rest = parts;
    while let Some((part, behind)) = rest.split_first() {
        let next = behind.iter().position(|part| !matches!(part, Part::More(_)));
        let (more, behind) = behind.split_at(next.unwrap_or(behind.len()));
        list.object(|o| part.members(more, o));
        rest = behind;
    }
}

impl Part<'_> {
    /// The text of the piece, escaped; empty for what is none.
    pub fn piece(&self) -> &str {
        match self {
            Self::Text(text) | Self::More(text) => text.escaped(),
            _ => "",
        }
    }

    fn members(&self, more: &[Part<'_>], o: &mut Object<'_>) {
        match *self {
            Self::Audio(audio) => {
                o.str("type", "input_audio");
                o.raw("input_audio", audio);
            }
            Self::File { data, id, name } => {
                o.str("type", "file");
                o.object("file", |o| {
                    let members = [("file_data", data), ("file_id", id), ("filename", name)];
                    members.into_iter().for_each(|(name, value)| optional(o, name, value));
                });
            }
            Self::Image { url, detail } => {
                o.str("type", "image_url");
                o.object("image_url", |o| {
                    optional(o, "url", Some(url));
                    optional(o, "detail", detail);
                });
            }
            Self::Text(first) | Self::More(first) => {
                o.str("type", "text");
                text(o.member("text"), first, more);
            }
            Self::Thinking(first) => {
                o.str("type", "thinking");
                o.array("thinking", |list| {
                    list.object(|o| {
                        o.str("type", "text");
                        text(o.member("text"), first, more);
                    });
                });
            }
        }
    }
}

fn optional(o: &mut Object<'_>, name: &'static str, value: Option<JsonStr<'_>>) {
    if let Some(value) = value {
        text(o.member(name), value, &[]);
    }
}

/// Writes a text that is nothing but pieces.
fn text_of(pieces: &[Part<'_>], out: &mut Vec<u8>) {
    text(out, JsonStr::EMPTY, pieces);
}

/// Writes a text.
#[inline(never)]
fn text(out: &mut Vec<u8>, first: JsonStr<'_>, more: &[Part<'_>]) {
    out.push(b'"');
    out.extend_from_slice(first.escaped().as_bytes());
    more.iter().for_each(|part| out.extend_from_slice(part.piece().as_bytes()));
    out.push(b'"');
}

impl Tool<'_> {
    fn write(&self, list: &mut Array<'_>) {
        list.object(|o| {
            o.str("type", "function");
            o.object("function", |o| {
                o.str("name", &self.name);
                if let Some(description) = &self.description {
                    o.text("description", description);
                }
                o.raw("parameters", &self.parameters);
                if let Some(strict) = self.strict {
                    o.bool("strict", strict);
                }
            });
        });
    }
}
