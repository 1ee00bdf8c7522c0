//! What the operator says about models, for the list that Codex reads.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::pattern::Pattern;
use super::read;

/// Fields of Codex's model list by name of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The most specific first.
    entries: Vec<(Pattern, Map<String, Value>)>,
}

/// The fields an entry may have: those of Codex's list that make sense for any upstream. They are
/// read for their types only, because one wrong type makes Codex discard the whole list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read for its types")]
struct Fields {
    apply_patch_tool_type: Option<ApplyPatch>,
    auto_compact_token_limit: Option<u32>,
    base_instructions: Option<String>,
    context_window: Option<u32>,
    default_reasoning_level: Option<String>,
    default_verbosity: Option<Verbosity>,
    description: Option<String>,
    display_name: Option<String>,
    effective_context_window_percent: Option<u8>,
    input_modalities: Option<Vec<Modality>>,
    max_context_window: Option<u32>,
    priority: Option<i32>,
    shell_type: Option<Shell>,
    support_verbosity: Option<bool>,
    supported_reasoning_levels: Option<Vec<String>>,
    supports_image_detail_original: Option<bool>,
    supports_parallel_tool_calls: Option<bool>,
    supports_search_tool: Option<bool>,
    truncation_policy: Option<TruncationPolicy>,
    visibility: Option<Visibility>,
    web_search_tool_type: Option<WebSearch>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ApplyPatch {
    Freeform,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verbosity {
    Low,
    Medium,
    High,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Modality {
    Text,
    Image,
    Audio,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shell {
    UnifiedExec,
    Disabled,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read for its types")]
struct TruncationPolicy {
    mode: TruncationMode,
    limit: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum TruncationMode {
    Bytes,
    Tokens,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Visibility {
    List,
    Hide,
    None,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WebSearch {
    Text,
    TextAndImage,
}

impl Catalog {
    /// Reads an object of model names, each with at most one `*`, and the fields for them.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong with it and what it takes.
    pub(super) fn read(at: &str, fields: &Map<String, Value>) -> Result<Self, String> {
        let mut entries = Vec::with_capacity(fields.len());
        for (model, fields) in fields {
            let at = read::path(at, model);
            let pattern = Pattern::parse(model).map_err(|reason| format!("{at}: {reason}"))?;
            let Value::Object(fields) = fields else {
                return Err(format!("{at}: takes an object"));
            };
            let typed: Fields = read::object(&at, fields)?;
            if typed.effective_context_window_percent.is_some_and(|percent| percent > 100) {
                return Err(format!(
                    "{at}.effective_context_window_percent: takes a whole number, at most 100"
                ));
            }
            entries.push((pattern, fields.clone()));
        }
        entries.sort_by_cached_key(|(pattern, _)| pattern.rank());
        Ok(Self { entries })
    }

    /// Everything said about this model; of two entries that both name a field the more specific one
    /// counts.
    pub fn fields(&self, model: &str) -> Map<String, Value> {
        let mut fields = Map::new();
        for (pattern, own) in self.entries.iter().rev() {
            if pattern.matches(model) {
                fields.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        fields.retain(|_, value| !value.is_null());
        fields
    }

    /// The models that are named without a `*`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|(pattern, _)| pattern.exact())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(fields: &Value) -> Result<Catalog, String> {
        Catalog::read("catalog", fields.as_object().unwrap())
    }

    #[test]
    fn the_more_specific_entry_counts() {
        let catalog = read(&json!({
            "qwen*": {"context_window": 32768, "description": "Qwen"},
            "*": {"context_window": 8192, "priority": 3, "display_name": "Any"},
            "qwen3": {"context_window": 262144, "display_name": null},
        }))
        .unwrap();
        assert_eq!(
            Value::Object(catalog.fields("qwen3")),
            json!({"context_window": 262144, "priority": 3, "description": "Qwen"})
        );
        assert_eq!(catalog.fields("qwen2")["context_window"], 32768);
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
            (json!({"a": {"visibility": "no"}}), "catalog.a.visibility: unknown variant"),
            (json!({"a": 1}), "catalog.a: takes an object"),
            (json!({"a**": {}}), "catalog.a**: `a**` has more than one"),
        ] {
            let error = read(&fields).unwrap_err();
            assert!(error.starts_with(named), "{error}");
        }
    }
}
