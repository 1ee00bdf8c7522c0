//! Parameters: what is forwarded, in the form an upstream takes.

use std::borrow::Cow;

use crate::dialect::{
    Dialect, FormatWithTools, MaxTokensField, Params, ReasoningParam, ResponseFormat, WebSearch,
};
use crate::error::Refused;
use crate::json::document::{Value, decoded_name};
use crate::json::{self, JsonText};
use crate::responses::request::{Format, Request};

use super::treatment::{self, Loss, Report, Row};

/// Members of the chat request, as JSON.
pub(super) type Members<'d> = Vec<(Cow<'d, str>, Cow<'d, str>)>;

/// Everything that depends on parameters of the request and on nothing else of it.
pub(super) struct Parameters<'c, 'd> {
    pub(super) request: &'c Request<'d>,
    pub(super) dialect: &'c Dialect,
}

impl<'d> Parameters<'_, 'd> {
    /// Parameters that need neither tools nor a form of the text.
    ///
    /// # Errors
    /// One cannot be expressed and is not to be dropped.
    #[inline(never)]
    pub(super) fn plain(
        &self,
        members: &mut Members<'d>,
        report: &mut Report,
    ) -> Result<(), Refused> {
        let request = self.request;
        for (name, number) in &request.sampling {
            members.push((Cow::Borrowed(name), Cow::Borrowed(number)));
        }
        if let Some(count) = request.max_output_tokens {
            let name = match self.dialect.max_tokens_field {
                MaxTokensField::MaxTokens => "max_tokens",
                MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
            };
            members.push((Cow::Borrowed(name), Cow::Owned(count.to_string())));
        }
        if self.includes_logprobs() {
            members.push((Cow::Borrowed("logprobs"), Cow::Borrowed("true")));
            if let Some(count) = request.top_logprobs {
                members.push((Cow::Borrowed("top_logprobs"), Cow::Owned(count.to_string())));
            }
        }
        if let Some(verbosity) = &request.verbosity {
            if self.forwards("verbosity") {
                members.push((Cow::Borrowed("verbosity"), quoted(verbosity)));
            } else {
                report.drop(&treatment::VERBOSITY, "text.verbosity")?;
            }
        }
        for (name, value) in request.members.value().members() {
            self.member(name, value, members, report)?;
        }
        Ok(())
    }

    /// Whether the client wants log probabilities.
    pub(super) fn includes_logprobs(&self) -> bool {
        self.includes("message.output_text.logprobs")
    }

    /// Whether the client named this in `include`.
    pub(super) fn includes(&self, value: &str) -> bool {
        self.request.include.iter().any(|included| included.decode() == value)
    }

    fn forwards(&self, name: &str) -> bool {
        // `store` has another meaning upstream, so it takes more than `all`.
        let by_all = self.dialect.params == Params::All && name != "store";
        by_all || self.dialect.extra_params.iter().any(|extra| extra == name)
    }

    /// A member of the request that only needs to be forwarded or dropped.
    #[inline(never)]
    fn member(
        &self,
        written: &str,
        value: Value<'d>,
        members: &mut Members<'d>,
        report: &mut Report,
    ) -> Result<(), Refused> {
        let name = decoded_name(written);
        let Some(row) = treatment::parameter(&name) else {
            return report.drop(&treatment::OTHER, name);
        };
        if value.is_null() || row.loss == Loss::Never || HANDLED_APART.contains(&row.name) {
            return self.nested(row, value, report);
        }
        if FORWARDABLE.contains(&row.name) && self.forwards(row.name) {
            // Of members with one name the last one counts.
            members.retain(|(before, _)| before != row.name);
            members.push((Cow::Borrowed(row.name), Cow::Borrowed(value.raw())));
            return Ok(());
        }
        if is_default(row, value) { Ok(()) } else { report.drop(row, row.name) }
    }

    /// Members of members that nothing else reads.
    fn nested(&self, row: &Row, value: Value<'d>, report: &mut Report) -> Result<(), Refused> {
        if *row == treatment::REASONING && value.get("mode").is_some_and(|mode| !mode.is_null()) {
            return report.drop(&treatment::REASONING_MODE, "reasoning.mode");
        }
        Ok(())
    }

    /// The wish for more or less reasoning. `update` is a later one than that of the request.
    ///
    /// # Errors
    /// It cannot be expressed and is not to be dropped.
    #[inline(never)]
    pub(super) fn effort(
        &self,
        update: Option<&JsonText<'d>>,
        members: &mut Members<'d>,
        report: &mut Report,
    ) -> Result<(), Refused> {
        let Some(effort) = update.or(self.request.effort.as_ref()) else { return Ok(()) };
        let effort = effort.decode();
        let Some(rank) =
            rank(&effort).filter(|_| self.dialect.reasoning_param != ReasoningParam::None)
        else {
            return report.drop(&treatment::REASONING_EFFORT, "reasoning.effort");
        };
        let on = effort != "none";
        let word = || format!("\"{}\"", self.nearest(&effort, rank));
        let flag = |name: &'static str| (Cow::Borrowed(name), Cow::Owned(on.to_string()));
        let member = |name: &'static str, json: String| (Cow::Borrowed(name), Cow::Owned(json));
        match self.dialect.reasoning_param {
            ReasoningParam::None => {}
            ReasoningParam::Effort => members.push(member("reasoning_effort", word())),
            ReasoningParam::ReasoningObj => {
                members.push(member("reasoning", format!(r#"{{"effort":{}}}"#, word())));
            }
            ReasoningParam::ThinkingType => {
                let kind = if on { "enabled" } else { "disabled" };
                members.push(member("thinking", format!(r#"{{"type":"{kind}"}}"#)));
            }
            ReasoningParam::EnableThinking => members.push(flag("enable_thinking")),
            ReasoningParam::TemplateKwargs => members.push(member(
                "chat_template_kwargs",
                format!(r#"{{"enable_thinking":{on},"thinking":{on}}}"#),
            )),
            ReasoningParam::Together => {
                members.push(member("reasoning", format!(r#"{{"enabled":{on}}}"#)));
                if on {
                    members.push(member("reasoning_effort", word()));
                }
            }
        }
        Ok(())
    }

    /// The effort this upstream knows that is nearest to `effort`: the stronger of two equally near
    /// ones, and never silence for a wish to think.
    fn nearest<'a>(&'a self, effort: &'a str, wanted: usize) -> &'a str {
        let known = &self.dialect.effort_values;
        if let Some(same) = known.iter().find(|known| *known == effort) {
            return same;
        }
        let ranked = known.iter().filter_map(|word| Some((word, rank(word)?)));
        let nearest = ranked
            .filter(|(word, _)| *word != "none" || wanted == 0)
            .min_by_key(|(_, rank)| (rank.abs_diff(wanted), std::cmp::Reverse(*rank)));
        nearest.map_or(effort, |(word, _)| word)
    }

    /// The wanted form of the text: a member of the request, or a sentence for the system message.
    ///
    /// # Errors
    /// It cannot be expressed and is not to be dropped.
    #[inline(never)]
    pub(super) fn format(
        &self,
        has_tools: bool,
        members: &mut Members<'d>,
        report: &mut Report,
    ) -> Result<Option<String>, Refused> {
        let as_text = has_tools && self.dialect.format_with_tools == FormatWithTools::Text;
        let form = if as_text { ResponseFormat::None } else { self.dialect.response_format };
        let mut send = |json: Cow<'d, str>| members.push((Cow::Borrowed("response_format"), json));
        match (&self.request.format, form) {
            (Format::Text, _) => Ok(None),
            (Format::Unknown, _) => {
                report.drop(&treatment::FORMAT_OTHER, "text.format").map(|()| None)
            }
            (Format::JsonObject, ResponseFormat::All | ResponseFormat::JsonObject) => {
                send(Cow::Borrowed(JSON_OBJECT));
                Ok(None)
            }
            (Format::JsonObject, ResponseFormat::JsonSchema) => {
                send(Cow::Borrowed(ANY_OBJECT));
                Ok(None)
            }
            (Format::JsonObject, ResponseFormat::None) => Ok(Some(OBJECT_NOTE.to_owned())),
            (Format::JsonSchema { schema, .. }, ResponseFormat::JsonObject) => {
                send(Cow::Borrowed(JSON_OBJECT));
                Ok(Some(format!("{SCHEMA_NOTE}{}", schema.raw())))
            }
            (Format::JsonSchema { schema, .. }, ResponseFormat::None) => {
                Ok(Some(format!("{SCHEMA_NOTE}{}", schema.raw())))
            }
            (
                Format::JsonSchema { name, description, schema, strict },
                ResponseFormat::All | ResponseFormat::JsonSchema,
            ) => {
                let schema = crate::dialect::schema::adapt(schema.raw(), self.dialect.schema);
                let mut json = Vec::with_capacity(schema.len() + 96);
                json::object(&mut json, |o| {
                    o.str("type", "json_schema");
                    o.object("json_schema", |o| {
                        o.text("name", name);
                        if let Some(description) = description {
                            o.text("description", description);
                        }
                        o.raw("schema", &schema);
                        if let Some(strict) = strict {
                            o.bool("strict", *strict);
                        }
                    });
                });
                send(Cow::Owned(String::from_utf8(json).unwrap_or_default()));
                Ok(None)
            }
        }
    }

    /// `parallel_tool_calls`, which is about tools.
    ///
    /// # Errors
    /// It cannot be expressed and is not to be dropped.
    pub(super) fn parallel(
        &self,
        members: &mut Members<'d>,
        report: &mut Report,
    ) -> Result<(), Refused> {
        match self.request.parallel_tool_calls {
            Some(parallel) if self.forwards("parallel_tool_calls") => {
                let json = if parallel { "true" } else { "false" };
                members.push((Cow::Borrowed("parallel_tool_calls"), Cow::Borrowed(json)));
                Ok(())
            }
            Some(false) => report.drop(&treatment::PARALLEL_TOOL_CALLS, "parallel_tool_calls"),
            _ => Ok(()),
        }
    }

    /// The form in which this upstream is asked to search the web.
    pub(super) fn web_search(&self) -> Option<(Cow<'d, str>, Cow<'d, str>)> {
        let (name, json) = match self.dialect.web_search {
            WebSearch::Drop => return None,
            WebSearch::Options => ("web_search_options", "{}"),
            WebSearch::Plugin => ("plugins", r#"[{"id":"web"}]"#),
            WebSearch::EnableSearch => ("enable_search", "true"),
        };
        Some((Cow::Borrowed(name), Cow::Borrowed(json)))
    }
}

/// Efforts by strength.
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"];

fn rank(effort: &str) -> Option<usize> {
    EFFORTS.iter().position(|known| *known == effort)
}

fn quoted<'d>(text: &JsonText<'_>) -> Cow<'d, str> {
    Cow::Owned(format!("\"{}\"", text.escaped()))
}

/// Whether a value says what would be so without it.
fn is_default(row: &Row, value: Value<'_>) -> bool {
    match row.name {
        "service_tier" => value.is("auto") || value.is("default"),
        "store" | "background" => value.raw() == "false",
        "truncation" => value.is("disabled"),
        _ => false,
    }
}

/// Members that mean the same to Chat Completions and only wait for a profile that takes them.
const FORWARDABLE: &[&str] =
    &["metadata", "prompt_cache_key", "safety_identifier", "service_tier", "store", "user"];

/// Members whose forwarding depends on more than their value, or which were refused before.
const HANDLED_APART: &[&str] = &[
    "parallel_tool_calls",
    "top_logprobs",
    "background",
    "conversation",
    "previous_response_id",
    "prompt",
];

const JSON_OBJECT: &str = r#"{"type":"json_object"}"#;

const ANY_OBJECT: &str =
    r#"{"type":"json_schema","json_schema":{"name":"object","schema":{"type":"object"}}}"#;

const OBJECT_NOTE: &str = "Your final answer must be one JSON object and nothing else.";

const SCHEMA_NOTE: &str =
    "Your final answer must be one JSON value that matches this JSON Schema, and nothing else:\n";
