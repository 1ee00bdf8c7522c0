//! Profiles of upstreams: what is known of each one and how it is reached.

use super::{Aliases, Config, GENERIC, HeaderEdits, Limits, Strictness};
use crate::dialect::{Dialect, Images, ReasoningParam, presets};
use crate::json::fields::{Field, Read, path, words};
use crate::json::reading::Reading;

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

words! {
    /// What an upstream speaks.
    Wire {
        /// Chat Completions: requests and answers are translated.
        Chat = "chat",
        /// The Responses API: requests and answers pass untouched, except for the model's name.
        Responses = "responses",
    }
}
words! {
    /// Whether an upstream is asked to stream. The client gets what it asked for all the same.
    StreamMode {
        /// When the client asks for a stream, or the dialect for a streaming upstream.
        AsAsked = "as_asked",
        /// Always.
        Always = "always",
        /// Never; a client that asks for a stream gets all events at the end.
        Never = "never",
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
    pub(super) fn read(name: &str, profile: Field<'_>, shared: &Config) -> Read<Self> {
        let at = profile.path().to_owned();
        if !is_name(name) {
            return Err(format!(
                "{at}: is no name for an upstream; takes up to 64 letters, digits, `-` and `_`"
            ));
        }
        let mut fields = Reading::of(profile.fields()?);
        let preset = fields.fields.take("preset").text()?.unwrap_or_else(|| GENERIC.to_owned());
        let dialect = fields.object("dialect").moved("dialect");
        let dialect = presets::load(&preset, dialect).map_err(|error| path(&at, &error))?;
        let upstream = Self {
            name: name.to_owned(),
            dialect,
            path: fields.text("path"),
            wire: fields.word("wire", Wire::Chat),
            stream: fields.word("stream", StreamMode::AsAsked),
            headers: fields.part("headers", HeaderEdits::read),
            models: fields.part("models", Aliases::read).with_default(fields.text("default_model")),
            strictness: fields
                .read("strictness", |field| field.or_null().word())
                .flatten()
                .unwrap_or(shared.strictness),
            keep_alive_seconds: fields
                .read("keep_alive_seconds", |field| seconds(field.or_null()))
                .flatten()
                .unwrap_or(shared.keep_alive_seconds),
            limits: fields.part("limits", |fields| shared.limits.of_upstream(fields)),
        };
        fields.end()?;
        if upstream.path.as_ref().is_some_and(|path| !is_path(path)) {
            return Err(format!("{at}.path: must begin with `/` and be printable ASCII"));
        }
        if upstream.models.default_model() == Some("") {
            return Err(format!("{at}.default_model: is empty; name a model, or leave it out"));
        }
        Ok(upstream)
    }
}

/// A number of seconds.
pub(super) fn seconds(field: Field<'_>) -> Read<Option<u64>> {
    Ok(field.whole(0..=i64::MAX)?.and_then(|seconds| u64::try_from(seconds).ok()))
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
