//! `GET …/models`: any upstream's list becomes one that OpenAI's clients and Codex both read.
//!
//! OpenAI's clients read `data`, Codex reads `models` and takes no list without it; one body may have
//! both (measured with Codex 0.169). Upstreams send OpenAI's list, a bare array, or lists of their own;
//! what they state about a model is kept, and its context window is looked for under every name that
//! is in use.

mod facts;

use serde_json::{Map, Value, json};

use crate::config::{Catalog, Upstream};
use facts::Facts;

/// The system prompt of models for which the configuration has none.
const INSTRUCTIONS: &str = include_str!("models/instructions.md");

/// What a list is made from, besides what the upstream sends.
pub struct Listing<'c> {
    /// The profiles whose names clients may use.
    pub upstreams: Vec<&'c Upstream>,
    /// What the operator says about models.
    pub catalog: &'c Catalog,
}

/// One model of the list.
struct Model<'c> {
    id: String,
    /// What the upstream says of it; for a name of the configuration, of what that stands for.
    stated: Value,
    upstream: Option<&'c Upstream>,
}

impl<'c> Listing<'c> {
    /// The list of the configuration alone; `None` when it names no model.
    pub fn configured(&self) -> Option<Vec<u8>> {
        let models = self.with_configured(Vec::new());
        (!models.is_empty()).then(|| self.write(&models))
    }

    /// The upstream's list with the names of the configuration; `None` when it is no list. The first
    /// of the profiles is the one that sent it.
    pub fn merged(&self, body: &[u8]) -> Option<Vec<u8>> {
        let stated: Value = serde_json::from_slice(body).ok()?;
        let models = entries(stated)?
            .into_iter()
            .take(MODELS_MAX)
            .filter_map(|stated| {
                let id = facts::id(&stated)?.to_owned();
                Some(Model { id, stated, upstream: self.upstreams.first().copied() })
            })
            .collect();
        Some(self.write(&self.with_configured(models)))
    }

    /// Appends the names of the configuration that are not there yet.
    fn with_configured(&self, mut models: Vec<Model<'c>>) -> Vec<Model<'c>> {
        let aliases = self.upstreams.iter().flat_map(|upstream| {
            upstream.models.names().map(|(name, target)| (name, target, Some(*upstream)))
        });
        let catalog = self.catalog.names().map(|name| (name, name, None));
        for (name, target, upstream) in aliases.chain(catalog) {
            if models.iter().any(|model| model.id == name) {
                continue;
            }
            let target = models.iter().find(|model| model.id == target);
            let stated = target.map_or(Value::Null, |model| model.stated.clone());
            models.push(Model { id: name.to_owned(), stated, upstream });
        }
        models
    }

    fn write(&self, models: &[Model<'_>]) -> Vec<u8> {
        let data: Vec<Value> = models.iter().map(openai_model).collect();
        let codex: Vec<Value> = models
            .iter()
            .enumerate()
            .map(|(place, model)| self.codex_model(place, model))
            .collect();
        json!({"object": "list", "data": data, "models": codex}).to_string().into_bytes()
    }

    /// A model as Codex reads it: the fields that 0.169 requires, those that older versions require,
    /// and those that change what it does. It ignores fields that it does not know.
    fn codex_model(&self, place: usize, model: &Model<'_>) -> Value {
        let facts = Facts::of(&model.stated);
        let efforts = model.upstream.map(Upstream::efforts).unwrap_or_default();
        let mut fields = json!({
            "slug": model.id,
            "display_name": facts.name.unwrap_or(&model.id),
            "description": facts.description,
            "supported_reasoning_levels": efforts,
            "shell_type": "unified_exec",
            "visibility": "list",
            "supported_in_api": true,
            "priority": place,
            "availability_nux": null,
            "upgrade": null,
            "base_instructions": INSTRUCTIONS,
            "include_skills_usage_instructions": true,
            "include_plugin_usage_instructions": true,
            "supports_reasoning_summaries": true,
            "default_reasoning_summary": "auto",
            "support_verbosity": false,
            "default_verbosity": null,
            "apply_patch_tool_type": null,
            "web_search_tool_type": "text",
            "truncation_policy": {"mode": "tokens", "limit": 10_000},
            "supports_parallel_tool_calls": true,
            "supports_image_detail_original": false,
            "context_window": facts.context_window,
            "effective_context_window_percent": 95,
            "experimental_supported_tools": [],
            "input_modalities": modalities(model.upstream, &facts),
            "supports_search_tool": false,
        });
        if let Value::Object(fields) = &mut fields {
            fields.extend(self.catalog.fields(&model.id));
            let levels = fields.get_mut("supported_reasoning_levels").and_then(Value::as_array_mut);
            for level in levels.into_iter().flatten() {
                let effort = level.take();
                let description =
                    format!("Reasoning effort {}", effort.as_str().unwrap_or_default());
                *level = json!({"effort": effort, "description": description});
            }
            // Codex takes an absent number, but not null for every one of them.
            fields.retain(|name, value| !(name == "context_window" && value.is_null()));
        }
        fields
    }
}

/// Images unless the upstream says or the profile knows otherwise; text always.
fn modalities<'s>(upstream: Option<&Upstream>, facts: &Facts<'s>) -> Vec<&'s str> {
    let takes_images = upstream.is_none_or(Upstream::takes_images);
    match &facts.input_modalities {
        Some(stated) => {
            let known = ["text", "image"]
                .into_iter()
                .filter(|word| *word == "text" || (takes_images && stated.contains(word)));
            known.collect()
        }
        None if takes_images => vec!["text", "image"],
        None => vec!["text"],
    }
}

/// A model as OpenAI's clients read it: all that the upstream states, with the members that they
/// require.
fn openai_model(model: &Model<'_>) -> Value {
    let mut fields = match &model.stated {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    fields.insert("id".to_owned(), json!(model.id));
    fields.insert("object".to_owned(), json!("model"));
    if !fields.get("created").is_some_and(Value::is_u64) {
        fields.insert("created".to_owned(), json!(0));
    }
    if !fields.get("owned_by").is_some_and(Value::is_string) {
        let owner = model.upstream.map_or("configuration", |upstream| &upstream.name);
        fields.insert("owned_by".to_owned(), json!(owner));
    }
    Value::Object(fields)
}

/// Models that are taken from an upstream's list. The longest lists have some hundreds; each model takes
/// kilobytes in the form of Codex, however little is stated of it.
const MODELS_MAX: usize = 2_000;

/// The elements of a list in any of the shapes in use.
fn entries(stated: Value) -> Option<Vec<Value>> {
    match stated {
        // Together and others: a bare array.
        Value::Array(entries) => Some(entries),
        Value::Object(mut members) => {
            // OpenAI; Ollama's and Gemini's own list; Fireworks and others behind proxies.
            ["data", "models", "result"].iter().find_map(|name| match members.remove(*name) {
                Some(Value::Array(entries)) => Some(entries),
                _ => None,
            })
        }
        _ => None,
    }
}
