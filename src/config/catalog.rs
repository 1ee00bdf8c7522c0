//! What the operator says about models, for the list that Codex reads.

use std::ops::RangeInclusive;

use super::pattern::Pattern;
use crate::json::fields::{Field, Fields, Read};

/// Fields of Codex's model list by name of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The most specific first.
    entries: Vec<(Pattern, Entry)>,
}

/// Fields and their values as JSON.
type Entry = Vec<(&'static str, String)>;

/// What a field takes, whose value goes into the list as it is.
enum Takes {
    Flag,
    Text,
    Texts,
    Whole(RangeInclusive<i64>),
    Word(&'static [&'static str]),
    Words(&'static [&'static str]),
    /// `{"mode": …, "limit": …}`
    Truncation,
}

/// Numbers of tokens, which Codex holds in 32 bits or more.
const TOKENS: Takes = Takes::Whole(0..=0xFFFF_FFFF);

/// The fields an entry may have: those of Codex's list that make sense for any upstream. They are
/// checked for their types, because one wrong type makes Codex discard the whole list.
const FIELDS: &[(&str, Takes)] = &[
    ("apply_patch_tool_type", Takes::Word(&["freeform"])),
    ("auto_compact_token_limit", TOKENS),
    ("base_instructions", Takes::Text),
    ("context_window", TOKENS),
    ("default_reasoning_level", Takes::Text),
    ("default_verbosity", Takes::Word(&["low", "medium", "high"])),
    ("description", Takes::Text),
    ("display_name", Takes::Text),
    ("effective_context_window_percent", Takes::Whole(0..=100)),
    ("input_modalities", Takes::Words(&["text", "image", "audio"])),
    ("max_context_window", TOKENS),
    ("priority", Takes::Whole(-0x8000_0000..=0x7FFF_FFFF)),
    ("shell_type", Takes::Word(&["unified_exec", "disabled"])),
    ("support_verbosity", Takes::Flag),
    ("supported_reasoning_levels", Takes::Texts),
    ("supports_image_detail_original", Takes::Flag),
    ("supports_parallel_tool_calls", Takes::Flag),
    ("supports_search_tool", Takes::Flag),
    ("truncation_policy", Takes::Truncation),
    ("visibility", Takes::Word(&["list", "hide", "none"])),
    ("web_search_tool_type", Takes::Word(&["text", "text_and_image"])),
];

impl Takes {
    fn check(&self, field: Field<'_>) -> Read<()> {
        match self {
            Self::Flag => field.bool().map(drop),
            Self::Text => field.text().map(drop),
            Self::Texts => field.texts().map(drop),
            Self::Whole(range) => field.whole(range.clone()).map(drop),
            Self::Word(words) => field.place(words).map(drop),
            Self::Words(words) => {
                let elements = field.list()?.unwrap_or_default();
                elements.into_iter().try_for_each(|element| element.place(words).map(drop))
            }
            Self::Truncation if !field.is_present() => Ok(()),
            Self::Truncation => {
                let mut fields = field.fields()?;
                fields.take("mode").required()?.place(&["bytes", "tokens"])?;
                TOKENS.check(fields.take("limit").required()?)?;
                fields.end()
            }
        }
    }
}

impl Catalog {
    /// Reads an object of model names, each with at most one `*`, and the fields for them.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong with it and what it takes.
    #[inline(never)]
    pub(super) fn read(models: Fields<'_>) -> Read<Self> {
        let mut entries: Vec<(Pattern, _)> = Vec::new();
        for (model, field) in models.each() {
            let at = field.path().to_owned();
            let pattern = Pattern::parse(model).map_err(|reason| format!("{at}: {reason}"))?;
            let mut fields = field.fields()?;
            let mut entry = Entry::new();
            for (name, takes) in FIELDS {
                let field = fields.take(name);
                takes.check(field.clone().or_null())?;
                if field.is_present() {
                    entry.push((*name, field.json()));
                }
            }
            fields.end()?;
            let place = entries.partition_point(|(other, _)| *other < pattern);
            entries.insert(place, (pattern, entry));
        }
        Ok(Self { entries })
    }

    /// Everything said about this model: names of fields, and their values as JSON. Of two entries that
    /// both name a field the more specific one counts, and null takes a field away.
    pub fn fields(&self, model: &str) -> Vec<(&'static str, &str)> {
        let mut said: Vec<(&str, &str)> = Vec::new();
        for (_, entry) in self.entries.iter().filter(|(pattern, _)| pattern.matches(model)) {
            for (name, json) in entry {
                if !said.iter().any(|(known, _)| known == name) {
                    said.push((*name, json));
                }
            }
        }
        said.retain(|(_, json)| *json != "null");
        said
    }

    /// The models that are named without a `*`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|(pattern, _)| pattern.exact())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::read::parsed;
    use super::*;

    fn read(fields: &Value) -> Read<Catalog> {
        parsed("catalog", fields, Catalog::read)
    }

    #[test]
    fn the_more_specific_entry_counts() {
        let catalog = read(&json!({
            "qwen*": {"context_window": 32768.0, "description": "Qwen"},
            "*": {"context_window": 8192, "priority": 3, "display_name": "Any"},
            "qwen3": {"context_window": 262144, "display_name": null},
        }))
        .unwrap();
        assert_eq!(
            catalog.fields("qwen3"),
            [("context_window", "262144"), ("description", r#""Qwen""#), ("priority", "3")]
        );
        assert!(catalog.fields("qwen2").contains(&("context_window", "32768")));
        assert_eq!(catalog.names().collect::<Vec<_>>(), ["qwen3"]);
    }

    #[test]
    fn errors_name_the_field() {
        for (fields, named) in [
            (json!({"a": {"context": 1}}), "catalog.a.context: unknown field"),
            (
                json!({"a": {"context_window": "1k"}}),
                "catalog.a.context_window: is a string; takes",
            ),
            (json!({"a": {"visibility": "no"}}), "catalog.a.visibility: unknown word"),
            (json!({"a": 1}), "catalog.a: is the number `1`; takes an object"),
            (json!({"a**": {}}), "catalog.a**: `a**` has more than one"),
        ] {
            let error = read(&fields).unwrap_err();
            assert!(error.starts_with(named), "{error}");
        }
    }
}
