//! The plugin configuration: parsed once, validated, then only read.
//!
//! ```json
//! {"upstreams": {"default": {"preset": "generic", "dialect": {"reasoning_param": "effort"}, "path": null}},
//!  "hold_headers": true, "keep_alive_seconds": 15, "strictness": "lenient", "refusals": "auto"}
//! ```

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::dialect::Dialect;

/// What happens to parts of a request that Chat Completions cannot express.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    /// They are dropped and reported.
    #[default]
    Lenient,
    /// The request is refused with the field's name.
    Strict,
}

/// Limits on everything that is buffered or counted. Bytes unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A request body.
    pub request_bytes_max: usize,
    /// Items in `input`.
    pub input_items_max: usize,
    /// Tools after flattening.
    pub tools_max: usize,
    /// Nesting of JSON.
    pub depth_max: usize,
    /// Values and member names in a request body; each takes twelve bytes while it is translated.
    pub json_values_max: usize,
    /// One event of an upstream's stream, or a JSON body that is read whole.
    pub event_bytes_max: usize,
    /// Arguments of all tool calls of one answer.
    pub arguments_bytes_max: usize,
    /// All output of one answer: text, reasoning and arguments.
    pub output_bytes_max: usize,
    /// Tool calls of one answer.
    pub tool_calls_max: usize,
    /// What is read of an error body.
    pub error_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes_max: 64 << 20,
            input_items_max: 100_000,
            tools_max: 4_096,
            depth_max: 128,
            json_values_max: 4 << 20,
            event_bytes_max: 16 << 20,
            arguments_bytes_max: 16 << 20,
            output_bytes_max: 64 << 20,
            tool_calls_max: 1_024,
            error_bytes_max: 64 << 10,
        }
    }
}

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
}

/// What an upstream speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// Chat Completions: requests and answers are translated.
    #[default]
    Chat,
    /// The Responses API: requests and answers pass untouched.
    Responses,
}

/// How refusals reach the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refusals {
    /// Text for Codex, which drops messages with refusal parts; refusal parts for everyone else.
    #[default]
    Auto,
    /// Always refusal parts.
    Part,
    /// Always text.
    Text,
}

/// How reasoning reaches the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningOutput {
    /// As a reasoning summary, the only form every client accepts.
    #[default]
    Summary,
    /// As raw reasoning text.
    Text,
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Profiles by name; always has `default`.
    pub upstreams: Vec<Upstream>,
    /// Whether the host can hold headers until the body is read.
    pub hold_headers: bool,
    /// Seconds of silence towards the client after which upstream bytes without news become a
    /// keep-alive.
    pub keep_alive_seconds: u64,
    /// What happens to what Chat Completions cannot express.
    pub strictness: Strictness,
    /// How refusals reach the client.
    pub refusals: Refusals,
    /// How reasoning reaches the client.
    pub reasoning_output: ReasoningOutput,
    /// Limits on buffers.
    pub limits: Limits,
}

impl Config {
    /// Parses and validates the plugin configuration; empty text means `{}`.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong with it and what it takes.
    pub fn parse(json: &str) -> Result<Self, String> {
        Self::read(json).map_err(|sentence| one_line(&sentence))
    }

    fn read(json: &str) -> Result<Self, String> {
        let json = if json.trim().is_empty() { "{}" } else { json };
        let object: Map<String, Value> = serde_json::from_str(json)
            .map_err(|error| format!("configuration: must be a JSON object: {error}"))?;
        let fields = Fields::deserialize(Value::Object(object.clone()))
            .map_err(|error| format!("{}: {error}", wrong_field(&object)))?;
        let mut upstreams = Vec::new();
        for (name, upstream) in fields.upstreams {
            let at = format!("upstreams.{name}");
            let fields =
                UpstreamFields::deserialize(upstream).map_err(|error| format!("{at}: {error}"))?;
            if fields.path.as_ref().is_some_and(|path| !is_path(path)) {
                return Err(format!("{at}.path: must begin with `/` and be printable ASCII"));
            }
            let dialect = Dialect::new(&fields.preset, &fields.dialect)
                .map_err(|error| format!("{at}.{error}"))?;
            upstreams.push(Upstream { name, dialect, path: fields.path, wire: fields.wire });
        }
        if !upstreams.iter().any(|upstream| upstream.name == DEFAULT) {
            let dialect = Dialect::new(GENERIC, &Map::new())?;
            let name = DEFAULT.to_owned();
            upstreams.push(Upstream { name, dialect, path: None, wire: Wire::Chat });
        }
        Ok(Self {
            upstreams,
            hold_headers: fields.hold_headers,
            keep_alive_seconds: fields.keep_alive_seconds,
            strictness: fields.strictness,
            refusals: fields.refusals,
            reasoning_output: fields.reasoning_output,
            limits: fields.limits,
        })
    }

    /// The upstream profile of this name, or the default one.
    pub fn upstream(&self, name: &str) -> Option<&Upstream> {
        let named = |name: &str| self.upstreams.iter().find(|upstream| upstream.name == name);
        named(name).or_else(|| named(DEFAULT))
    }
}

/// The profile that serves what no other one is chosen for.
pub const DEFAULT: &str = "default";

/// The preset that works with strict upstreams of any kind.
const GENERIC: &str = "generic";

/// The configuration as it is written.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    upstreams: Map<String, Value>,
    hold_headers: bool,
    keep_alive_seconds: u64,
    strictness: Strictness,
    refusals: Refusals,
    reasoning_output: ReasoningOutput,
    limits: Limits,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            upstreams: Map::new(),
            hold_headers: true,
            keep_alive_seconds: 15,
            strictness: Strictness::default(),
            refusals: Refusals::default(),
            reasoning_output: ReasoningOutput::default(),
            limits: Limits::default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct UpstreamFields {
    preset: String,
    dialect: Map<String, Value>,
    path: Option<String>,
    wire: Wire,
}

impl Default for UpstreamFields {
    fn default() -> Self {
        Self { preset: GENERIC.to_owned(), dialect: Map::new(), path: None, wire: Wire::Chat }
    }
}

/// The first field that is wrong by itself; errors about values do not name it.
fn wrong_field(object: &Map<String, Value>) -> &str {
    let is_wrong = |(name, value): &(&String, &Value)| {
        let alone = Map::from_iter([((*name).clone(), (*value).clone())]);
        Fields::deserialize(Value::Object(alone)).is_err()
    };
    object.iter().find(is_wrong).map_or("configuration", |(name, _)| name)
}

/// The sentence goes into a log, and the names it quotes could hold a line break.
fn one_line(sentence: &str) -> String {
    let mut line = String::with_capacity(sentence.len());
    for character in sentence.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Whether this may stand in `:path`; anything else could smuggle a header.
fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_valid_configuration() {
        for json in ["", " ", "{}"] {
            let config = Config::parse(json).unwrap();
            assert!(config.hold_headers);
            assert_eq!(config.keep_alive_seconds, 15);
            assert_eq!(config.upstream("whatever").unwrap().name, DEFAULT);
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (json, named) in [
            ("[]", "configuration"),
            (r#"{"hold_header":true}"#, "hold_header"),
            (r#"{"strictness":"very"}"#, "strictness"),
            (r#"{"keep_alive_seconds":-1}"#, "keep_alive_seconds"),
            (r#"{"limits":{"output_bytes":1}}"#, "output_bytes"),
            (r#"{"upstreams":{"a":{"presets":"x"}}}"#, "upstreams.a"),
            (r#"{"upstreams":{"a":{"preset":"nobody"}}}"#, "upstreams.a.preset"),
            (r#"{"upstreams":{"a":{"dialect":{"schema":"odd"}}}}"#, "upstreams.a.dialect.schema"),
            (r#"{"upstreams":{"a":{"path":"v1\r\nx: y"}}}"#, "upstreams.a.path"),
        ] {
            let error = Config::parse(json).unwrap_err();
            assert!(error.contains(named), "{json}: {error}");
        }
    }
    #[test]
    fn errors_never_break_the_line_of_a_log() {
        for json in [
            r#"{"a\nb":1}"#,
            r#"{"upstreams":{"a\r\nb":{"preset":"nobody"}}}"#,
            r#"{"upstreams":{"a":{"preset":"no\u0085\u001b[31mbody"}}}"#,
        ] {
            let error = Config::parse(json).unwrap_err();
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }
}
