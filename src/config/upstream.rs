//! Profiles of upstreams: what is known of each one and how it is reached.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Aliases, Fields, GENERIC, HeaderEdits, Limits, Strictness, read};
use crate::dialect::{Dialect, Images, ReasoningParam};

/// One upstream profile.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its name in the configuration.
    pub name: String,
    /// How it differs from plain Chat Completions.
    pub dialect: Dialect,
    /// The path of its chat completions; `None` replaces the suffix `/responses` of the request's.
    pub path: Option<String>,
    /// What it speaks.
    pub wire: Wire,
    /// Whether it is asked to stream.
    pub stream: StreamMode,
    /// Headers that requests get or lose on their way to it.
    pub headers: HeaderEdits,
    /// Its names for the models of clients.
    pub models: Aliases,
    /// What happens to what Chat Completions cannot express.
    pub strictness: Strictness,
    /// Seconds of silence towards the client after which upstream bytes without news become a
    /// keep-alive.
    pub keep_alive_seconds: u64,
    /// Limits on buffers.
    pub limits: Limits,
}

/// What an upstream speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// Chat Completions: requests and answers are translated.
    #[default]
    Chat,
    /// The Responses API: requests and answers pass untouched, except for the model's name.
    Responses,
}

/// Whether an upstream is asked to stream. The client gets what it asked for all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamMode {
    /// When the client asks for a stream, or the dialect for a streaming upstream.
    #[default]
    AsAsked,
    /// Always.
    Always,
    /// Never; a client that asks for a stream gets all events at the end.
    Never,
}

/// A profile as it is written; what is absent here and present in [`Fields`] is taken from there.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct UpstreamFields {
    preset: String,
    dialect: Map<String, Value>,
    path: Option<String>,
    wire: Wire,
    stream: StreamMode,
    headers: Map<String, Value>,
    models: Map<String, Value>,
    default_model: Option<String>,
    strictness: Option<Strictness>,
    keep_alive_seconds: Option<u64>,
    limits: Map<String, Value>,
}

impl Default for UpstreamFields {
    fn default() -> Self {
        Self {
            preset: GENERIC.to_owned(),
            dialect: Map::new(),
            path: None,
            wire: Wire::Chat,
            stream: StreamMode::AsAsked,
            headers: Map::new(),
            models: Map::new(),
            default_model: None,
            strictness: None,
            keep_alive_seconds: None,
            limits: Map::new(),
        }
    }
}

impl Upstream {
    /// The reasoning efforts that users can choose, weakest first; none when the upstream is not told.
    pub fn efforts(&self) -> &[String] {
        match self.dialect.reasoning_param {
            ReasoningParam::None => &[],
            _ => &self.dialect.effort_values,
        }
    }

    /// Whether it takes images.
    pub fn takes_images(&self) -> bool {
        self.dialect.images != Images::None
    }

    /// Reads one profile; what it does not say is what `shared` says.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong with it and what it takes.
    pub(super) fn read(name: &str, value: &Value, shared: &Fields) -> Result<Self, String> {
        let at = read::path("upstreams", name);
        if !is_name(name) {
            return Err(format!(
                "{at}: is no name for an upstream; takes up to 64 letters, digits, `-` and `_`"
            ));
        }
        let fields: UpstreamFields = read::object(&at, read::members(&at, value)?)?;
        if fields.path.as_ref().is_some_and(|path| !is_path(path)) {
            return Err(format!("{at}.path: must begin with `/` and be printable ASCII"));
        }
        if fields.default_model.as_deref() == Some("") {
            return Err(format!("{at}.default_model: is empty; name a model, or leave it out"));
        }
        let dialect = Dialect::new(&fields.preset, &fields.dialect)
            .map_err(|error| in_dialect(&at, &error))?;
        Limits::of_upstream(&format!("{at}.limits"), &fields.limits)?;
        let mut limits = shared.limits.clone();
        limits.extend(fields.limits);
        Ok(Self {
            name: name.to_owned(),
            dialect,
            path: fields.path,
            wire: fields.wire,
            stream: fields.stream,
            headers: HeaderEdits::read(&format!("{at}.headers"), &fields.headers)?,
            models: Aliases::read(&format!("{at}.models"), &fields.models, fields.default_model)?,
            strictness: fields.strictness.unwrap_or(shared.strictness),
            keep_alive_seconds: fields.keep_alive_seconds.unwrap_or(shared.keep_alive_seconds),
            limits: Limits::read(&format!("{at}.limits"), &limits)?,
        })
    }
}

/// An error of the dialect, which begins with the name of its field.
fn in_dialect(at: &str, error: &str) -> String {
    match error.split_once(": ") {
        Some((field, message)) => format!("{at}.{field}: {}", read::in_words_of_json(message)),
        None => format!("{at}.{error}"),
    }
}

/// Whether an upstream may be called so: the name becomes a header, a label of metrics and a part of
/// route metadata.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// Whether this may stand in `:path`; anything else could smuggle a header.
fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic())
}
