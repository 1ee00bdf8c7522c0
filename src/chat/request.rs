//! What Chat Completions upstreams get.
//!
//! <https://platform.openai.com/docs/api-reference/chat/create>

use std::borrow::Cow;

use crate::json::{self, Array, JsonText, Object};

/// A request. What is `None` or empty is not written at all: many upstreams refuse `null`.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The model.
    pub model: &'a str,
    /// The conversation.
    pub messages: Vec<Message<'a>>,
    /// The functions the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether to stream.
    pub stream: bool,
    /// All other members, as JSON.
    pub parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// A message.
#[derive(Clone, Debug)]
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
        call_id: JsonText<'a>,
        /// What came of it.
        content: Content<'a>,
    },
}

/// What the model said and called.
#[derive(Clone, Debug)]
pub struct Assistant<'a> {
    /// The text, if there is any.
    pub content: AssistantContent<'a>,
    /// Earlier reasoning, under the name it has in the message.
    pub reasoning: Option<(&'a str, Reasoning<'a>)>,
    /// The calls.
    pub calls: Vec<Call<'a>>,
}

/// The `content` of an assistant message.
#[derive(Clone, Debug)]
pub enum AssistantContent<'a> {
    /// Text or parts.
    Some(Content<'a>),
    /// `null`
    Null,
    /// No member at all.
    Omitted,
}

/// Reasoning in an assistant message.
#[derive(Clone, Debug)]
pub enum Reasoning<'a> {
    /// A string.
    Text(JsonText<'a>),
    /// An array of objects. JSON.
    Details(Vec<String>),
}

/// A call in an assistant message.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Pairs the call with its tool message.
    pub id: JsonText<'a>,
    /// The function.
    pub name: Cow<'a, str>,
    /// The arguments: JSON inside a string.
    pub arguments: JsonText<'a>,
    /// Further members, as JSON without the braces around them.
    pub extra: Option<String>,
}

/// Text or parts.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// A string.
    Text(JsonText<'a>),
    /// An array of parts.
    Parts(Vec<Part<'a>>),
}

/// A content part.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    /// `input_audio`: the object with `data` and `format`. JSON.
    Audio(&'a str),
    /// `file`
    File {
        /// The content as a data URL.
        data: Option<JsonText<'a>>,
        /// The id of a stored file.
        id: Option<JsonText<'a>>,
        /// Its name.
        name: Option<JsonText<'a>>,
    },
    /// `image_url`
    Image {
        /// A URL or data URL.
        url: JsonText<'a>,
        /// How exactly to look.
        detail: Option<JsonText<'a>>,
    },
    /// `text`
    Text(JsonText<'a>),
    /// `thinking`: earlier reasoning in the content of an assistant message.
    Thinking(JsonText<'a>),
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
    /// Writes the request as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        json::object(out, |o| {
            o.str("model", self.model);
            o.array("messages", |list| {
                for message in &self.messages {
                    list.object(|o| message.members(o));
                }
            });
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
    fn members(&self, o: &mut Object<'_>) {
        match self {
            Self::System { developer, content } => {
                o.str("role", if *developer { "developer" } else { "system" });
                content.member(o);
            }
            Self::User(content) => {
                o.str("role", "user");
                content.member(o);
            }
            Self::Assistant(assistant) => {
                o.str("role", "assistant");
                assistant.members(o);
            }
            Self::Tool { call_id, content } => {
                o.str("role", "tool");
                o.text("tool_call_id", call_id);
                content.member(o);
            }
        }
    }
}

impl Assistant<'_> {
    fn members(&self, o: &mut Object<'_>) {
        match &self.reasoning {
            Some((name, Reasoning::Text(text))) => json::write_text(o.named_member(name), text),
            Some((name, Reasoning::Details(details))) => {
                json::array(o.named_member(name), |list| {
                    details.iter().for_each(|detail| list.raw(detail.as_bytes()));
                });
            }
            None => {}
        }
        match &self.content {
            AssistantContent::Some(content) => content.member(o),
            AssistantContent::Null => o.null("content"),
            AssistantContent::Omitted => {}
        }
        if self.calls.is_empty() {
            return;
        }
        o.array("tool_calls", |list| {
            for call in &self.calls {
                list.object(|o| {
                    o.text("id", &call.id);
                    o.str("type", "function");
                    o.object("function", |o| {
                        o.str("name", &call.name);
                        o.text("arguments", &call.arguments);
                    });
                    o.members(call.extra.as_deref().unwrap_or_default().as_bytes());
                });
            }
        });
    }
}

impl Content<'_> {
    fn member(&self, o: &mut Object<'_>) {
        match self {
            Self::Text(text) => o.text("content", text),
            Self::Parts(parts) => o.array("content", |list| {
                for part in parts {
                    list.object(|o| part.members(o));
                }
            }),
        }
    }
}

impl Part<'_> {
    fn members(&self, o: &mut Object<'_>) {
        match self {
            Self::Audio(audio) => {
                o.str("type", "input_audio");
                o.raw("input_audio", audio);
            }
            Self::File { data, id, name } => {
                o.str("type", "file");
                o.object("file", |o| {
                    for (member, value) in
                        [("file_data", data), ("file_id", id), ("filename", name)]
                    {
                        if let Some(value) = value {
                            o.text(member, value);
                        }
                    }
                });
            }
            Self::Image { url, detail } => {
                o.str("type", "image_url");
                o.object("image_url", |o| {
                    o.text("url", url);
                    if let Some(detail) = detail {
                        o.text("detail", detail);
                    }
                });
            }
            Self::Text(text) => {
                o.str("type", "text");
                o.text("text", text);
            }
            Self::Thinking(text) => {
                o.str("type", "thinking");
                o.array("thinking", |list| {
                    list.object(|o| {
                        o.str("type", "text");
                        o.text("text", text);
                    });
                });
            }
        }
    }
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
