//! The presets: what is known of each upstream, as data.
//!
//! `presets.json` holds one record per upstream. `generic` is whole and is what an unknown upstream
//! gets; every other record says only what differs from it, or from the record it `extends`.

use super::Dialect;
use super::value::document;
use crate::json::document::Value;
use crate::json::fields::{Field, Fields, Read, Word};
use crate::json::reading::Reading;
use crate::json::{object, search};

/// The records, as they are written.
const JSON: &str = include_str!("presets.json");

/// Parameters that `extra_params` may name.
const EXTRA_PARAMS: &[&str] = &[
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "store",
    "user",
    "verbosity",
];

/// Members of the request body that `extra_body` may not replace, because answers are read by them.
const OWN_BODY: &[&str] = &["messages", "model", "n", "stream", "tools"];

/// The preset of this name with `overrides` laid over it, key by key.
///
/// # Errors
/// A sentence that names the preset or the field, what is wrong with it and what it takes.
pub fn load(preset: &str, overrides: Fields<'_>) -> Result<Dialect, String> {
    let presets = document(JSON).ok_or("preset: the built-in records are no JSON")?;
    let mut record = Record { preset: Fields::default(), overrides: Reading::of(overrides) };
    record.lay(presets.root(), preset)?;
    let dialect = record.dialect();
    // Presets have no other fields, so only what is left of the overrides is unknown.
    record.overrides.end()?;
    Ok(dialect)
}

/// The names of all presets, in the order of the data.
pub fn names() -> Vec<String> {
    let presets = document(JSON);
    let names = presets.iter().flat_map(|presets| presets.root().named_members());
    names.map(|(name, _)| name.into_owned()).collect()
}

/// All fields of a preset, with those it inherits, as a JSON object.
pub fn json(name: &str) -> Option<String> {
    let presets = document(JSON)?;
    let mut record = Record::default();
    record.lay(presets.root(), name).ok()?;
    record.preset.cut("extends");
    let mut json = Vec::new();
    object(&mut json, |object| {
        for (name, field) in record.preset.each() {
            object.named_member(name).extend_from_slice(field.json().as_bytes());
        }
    });
    String::from_utf8(json).ok()
}

/// A preset and what the configuration says instead.
#[derive(Default)]
struct Record<'d> {
    preset: Fields<'d>,
    overrides: Reading<'d>,
}

impl<'d> Record<'d> {
    /// Takes a preset with everything it inherits.
    fn lay(&mut self, presets: Value<'d>, name: &str) -> Result<(), String> {
        let Some(own) = presets.get(name) else {
            let known = search::join(&names(), ", ");
            return Err(format!("preset: unknown name `{name}`; known are {known}"));
        };
        match own.get("extends").and_then(Value::decoded) {
            Some(base) => self.lay(presets, &base)?,
            None if name == "generic" => {}
            None => self.lay(presets, "generic")?,
        }
        self.preset.lay(own);
        Ok(())
    }

    #[inline(never)]
    fn dialect(&mut self) -> Dialect {
        Dialect {
            max_tokens_field: self.word("max_tokens_field"),
            include_usage: self.flag("include_usage"),
            params: self.word("params"),
            extra_params: self.read("extra_params", parameters),
            extra_body: self.read("extra_body", body),
            reasoning_param: self.word("reasoning_param"),
            effort_values: self.read("effort_values", efforts),
            force_stream: self.flag("force_stream"),
            response_format: self.word("response_format"),
            format_with_tools: self.word("format_with_tools"),
            web_search: self.word("web_search"),
            system_messages: self.word("system_messages"),
            developer_role: self.flag("developer_role"),
            null_content: self.word("null_content"),
            content_parts: self.word("content_parts"),
            drop_empty_text: self.flag("drop_empty_text"),
            assistant_after_tool: self.flag("assistant_after_tool"),
            reasoning_replay: self.word("reasoning_replay"),
            reasoning_required: self.flag("reasoning_required"),
            tool_images: self.word("tool_images"),
            images: self.word("images"),
            image_detail: self.word("image_detail"),
            files: self.word("files"),
            audio: self.word("audio"),
            strict_tools: self.flag("strict_tools"),
            tool_choice: self.word("tool_choice"),
            tool_choice_required_as: self.word("tool_choice_required_as"),
            tool_call_id: self.word("tool_call_id"),
            tool_name: self.word("tool_name"),
            parameters_required: self.flag("parameters_required"),
            schema: self.word("schema"),
            inline_think: self.word("inline_think"),
            snapshots: self.word("snapshots"),
            text_tool_calls: self.read("text_tool_calls", Field::words).unwrap_or_default(),
            stream_end: self.word("stream_end"),
            empty_is_error: self.flag("empty_is_error"),
        }
    }

    /// What the configuration says of a field, else what the preset says.
    #[inline(never)]
    fn field(&mut self, name: &'static str) -> Field<'d> {
        let preset = self.preset.take(name);
        let own = self.overrides.fields.take(name).or_null();
        if own.is_present() { own } else { preset }
    }

    fn read<T: Default>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Field<'d>) -> Read<T>,
    ) -> T {
        let field = self.field(name);
        self.overrides.kept(read(field)).unwrap_or_default()
    }

    #[inline(never)]
    fn flag(&mut self, name: &'static str) -> bool {
        self.read(name, |field| field.bool()?.ok_or_else(|| format!("preset: does not say {name}")))
    }

    fn word<W: Word>(&mut self, name: &'static str) -> W {
        W::MEANINGS.get(self.place(name, W::WORDS)).copied().unwrap_or(W::FIRST)
    }

    #[inline(never)]
    fn place(&mut self, name: &'static str, words: &[&str]) -> usize {
        self.read(name, |field| {
            field.place(words)?.ok_or_else(|| format!("preset: has no word for {name}"))
        })
    }
}

fn parameters(field: Field<'_>) -> Result<Vec<String>, String> {
    let path = field.path().to_owned();
    let names = field.texts()?.unwrap_or_default();
    match names.iter().find(|name| !EXTRA_PARAMS.contains(&&***name)) {
        None => Ok(names),
        Some(name) => {
            let known = search::join(EXTRA_PARAMS, ", ");
            Err(format!("{path}: unknown parameter `{name}`; takes {known}"))
        }
    }
}

fn body(field: Field<'_>) -> Result<Vec<(String, String)>, String> {
    let members = field.fields()?;
    if let Some(name) = OWN_BODY.iter().find(|name| members.has(name)) {
        let at = members.at();
        return Err(format!("{at}: `{name}` belongs to the translation; remove it"));
    }
    Ok(members.each().map(|(name, field)| (name.to_owned(), field.json())).collect())
}

fn efforts(field: Field<'_>) -> Result<Vec<String>, String> {
    let path = field.path().to_owned();
    let efforts = field.texts()?.unwrap_or_default();
    if efforts.is_empty() {
        return Err(format!(
            "{path}: is empty; name at least one effort, or set reasoning_param to none"
        ));
    }
    Ok(efforts)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::dialect::{MaxTokensField, ReasoningParam};

    fn with(preset: &str, overrides: Json) -> Result<Dialect, String> {
        Dialect::new(preset, &overrides.to_string())
    }

    #[test]
    fn every_preset_is_whole_and_valid() {
        for name in names() {
            with(&name, json!({})).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn a_preset_inherits_and_is_overridden() {
        let azure =
            with("azure", json!({"reasoning_param": "none", "include_usage": null})).unwrap();
        assert_eq!(azure.max_tokens_field, MaxTokensField::MaxCompletionTokens);
        assert_eq!(azure.extra_params, ["parallel_tool_calls"]);
        assert_eq!(azure.reasoning_param, ReasoningParam::None);
        assert!(azure.include_usage);
    }

    #[test]
    fn errors_name_the_field_and_what_it_takes() {
        for (preset, overrides, message) in [
            ("opnai", json!({}), "preset: unknown name `opnai`; known are generic, openai, azure"),
            (
                "generic",
                json!({"reasoning_param": "foo"}),
                "dialect.reasoning_param: unknown word `foo`; takes none, effort, reasoning_obj",
            ),
            (
                "generic",
                json!({"schema": 3}),
                "dialect.schema: is the number `3`; takes plain, gemini, kimi",
            ),
            (
                "generic",
                json!({"include_usage": "yes"}),
                "dialect.include_usage: is a string; takes a boolean",
            ),
            ("generic", json!({"temperature": 1}), "dialect.temperature: unknown field; known are"),
            (
                "generic",
                json!({"extra_params": ["seed"]}),
                "dialect.extra_params: unknown parameter `seed`; takes metadata,",
            ),
            ("generic", json!({"extra_body": {"stream": false}}), "dialect.extra_body: `stream`"),
            ("generic", json!({"effort_values": []}), "dialect.effort_values: is empty"),
        ] {
            let error = with(preset, overrides).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
