//! What an upstream states about one of its models, under whatever names it has for it.

use std::borrow::Cow;

use crate::json::decimal::Decimal;
use crate::json::document::{Kind, Value};

/// What is read of an entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts<'s> {
    /// The size of the context in tokens.
    pub context_window: Option<u64>,
    /// A name for people.
    pub name: Option<Cow<'s, str>>,
    /// A sentence for people.
    pub description: Option<Cow<'s, str>>,
    /// Whether images are among its kinds of input; `None` when it says nothing of them.
    pub takes_images: Option<bool>,
}

/// Where the size of the context stands: first what is served, then what the model could do.
const CONTEXT_WINDOW: &[&str] = &[
    // LM Studio: as loaded.
    "loaded_context_length",
    // OpenRouter: of the provider that answers first.
    "top_provider/context_length",
    // Groq, Vercel, Requesty.
    "context_window",
    // OpenRouter, Together, Fireworks, Kimi, SambaNova.
    "context_length",
    // vLLM, SGLang.
    "max_model_len",
    // LM Studio, Mistral.
    "max_context_length",
    // Novita.
    "context_size",
    // llama.cpp: as served, and as trained.
    "meta/n_ctx",
    "meta/n_ctx_train",
    // DeepInfra.
    "metadata/context_length",
    // GitHub Copilot and GitHub Models.
    "capabilities/limits/max_context_window_tokens",
    "limits/max_input_tokens",
    // LiteLLM.
    "model_info/max_input_tokens",
    "max_input_tokens",
    // Gemini's own list.
    "inputTokenLimit",
    // Ollama, when it says so.
    "details/context_length",
];

impl<'s> Facts<'s> {
    /// Reads an entry of a list; an entry that is only a name states nothing.
    pub fn of(stated: Option<Value<'s>>) -> Self {
        let Some(stated) = stated else { return Self::default() };
        let text = |name: &str| {
            stated.get(name).and_then(Value::decoded).filter(|text| !text.trim().is_empty())
        };
        let modalities = at(stated, "architecture/input_modalities")
            .or_else(|| stated.get("input_modalities"))
            .filter(|modalities| modalities.kind() == Kind::Array);
        Self {
            context_window: CONTEXT_WINDOW.iter().find_map(|path| tokens(at(stated, path)?)),
            name: text("display_name").or_else(|| text("name")).or_else(|| text("displayName")),
            description: text("description"),
            takes_images: modalities.map(|list| list.elements().any(|word| word.is("image"))),
        }
    }
}

/// The value at a path of names.
fn at<'s>(stated: Value<'s>, path: &str) -> Option<Value<'s>> {
    path.split('/').try_fold(stated, Value::get)
}

/// The name that requests are made with.
pub fn id(stated: Value<'_>) -> Option<Cow<'_, str>> {
    let text = |name: &str| stated.get(name).and_then(Value::decoded);
    let id = stated.decoded().or_else(|| text("id")).or_else(|| text("model"));
    let id = id.or_else(|| {
        let name = text("name")?;
        Some(name.strip_prefix("models/").map(|id| id.to_owned().into()).unwrap_or(name))
    });
    id.filter(|id| !id.is_empty())
}

/// A number of tokens, which some write as text.
fn tokens(value: Value<'_>) -> Option<u64> {
    let tokens = match value.decoded() {
        Some(text) => text.trim().parse().ok()?,
        // Some write floats.
        None => Decimal::parse(value.raw())?.whole(),
    };
    // A few hundred tokens hold no conversation: such a number says that it is not known.
    (512..1 << 32).contains(&tokens).then_some(tokens)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json::document::{Bounds, Document};

    fn document(json: &str) -> Document<'_> {
        Document::parse(json, Bounds { depth_max: 8, values_max: 64 }).unwrap()
    }

    #[test]
    fn what_is_served_counts_before_what_could_be() {
        for (stated, window) in [
            (json!({"max_context_length": 131072, "loaded_context_length": 8192}), Some(8192)),
            (
                json!({"context_length": 262144, "top_provider": {"context_length": 32768}}),
                Some(32768),
            ),
            (json!({"context_length": 1000, "top_provider": {"context_length": null}}), Some(1000)),
            (json!({"max_model_len": "32768"}), Some(32768)),
            (json!({"max_model_len": 32768.0}), Some(32768)),
            (json!({"context_length": 0}), None),
            (json!({"context_length": -1}), None),
            (json!("just-a-name"), None),
        ] {
            let json = stated.to_string();
            let facts = document(&json);
            assert_eq!(Facts::of(Some(facts.root())).context_window, window, "{stated}");
        }
    }

    #[test]
    fn every_list_names_its_models_somewhere() {
        for (stated, name) in [
            (json!("m"), Some("m")),
            (json!({"id": "m", "name": "M"}), Some("m")),
            (json!({"name": "llama3:8b", "model": "llama3:8b"}), Some("llama3:8b")),
            (json!({"name": "models/gemini-pro"}), Some("gemini-pro")),
            (json!({"id": ""}), None),
            (json!(7), None),
        ] {
            let json = stated.to_string();
            let document = document(&json);
            assert_eq!(id(document.root()).as_deref(), name, "{stated}");
        }
    }
}
