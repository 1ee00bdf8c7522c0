//! `GET …/models`: any upstream's list becomes one that OpenAI's clients and Codex both read.
//!
//! OpenAI's clients read `data`, Codex reads `models` and takes no list without it; one body may have
//! both (measured with Codex 0.169). Upstreams send OpenAI's list, a bare array, or lists of their own;
//! what they state about a model is kept, and its context window is looked for under every name that
//! is in use.

mod facts;

use std::borrow::Cow;

use crate::config::{Catalog, Upstream};
use crate::json::document::{Bounds, Document, Kind, Value, names};
use crate::json::{self, JsonText, Object, repair_surrogates, search};
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
struct Model<'c, 'd> {
    id: String,
    /// What the upstream says of it; for a name of the configuration, of what that stands for.
    stated: Option<Value<'d>>,
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
        let document = Document::parse(std::str::from_utf8(body).ok()?, Bounds::USUAL).ok()?;
        let upstream = self.upstreams.first().copied();
        let models = list(document.root())?.elements().take(MODELS_MAX).filter_map(|stated| {
            Some(Model { id: facts::id(stated)?.into_owned(), stated: Some(stated), upstream })
        });
        Some(self.write(&self.with_configured(models.collect())))
    }

    /// Appends the names of the configuration that are not there yet.
    #[inline(never)]
    fn with_configured<'d>(&self, mut models: Vec<Model<'c, 'd>>) -> Vec<Model<'c, 'd>> {
        let aliases = self.upstreams.iter().flat_map(|upstream| {
            upstream.models.names().map(|(name, target)| (name, target, Some(*upstream)))
        });
        let catalog = self.catalog.names().map(|name| (name, name, None));
        for (name, target, upstream) in aliases.chain(catalog) {
            if models.iter().any(|model| model.id == name) {
                continue;
            }
            let target = models.iter().find(|model| model.id == target);
            let stated = target.and_then(|model| model.stated);
            models.push(Model { id: name.to_owned(), stated, upstream });
        }
        models
    }

    fn write(&self, models: &[Model<'_, '_>]) -> Vec<u8> {
        let mut list = Vec::new();
        json::object(&mut list, |object| {
            object.str("object", "list");
            object.array("data", |data| {
                models.iter().for_each(|model| data.object(|object| write_openai(model, object)));
            });
            object.array("models", |codex| {
                for (place, model) in models.iter().enumerate() {
                    codex.object(|object| self.write_codex(place, model, object));
                }
            });
        });
        list
    }

    /// A model as Codex reads it: the fields that 0.169 requires, those that older versions require,
    /// and those that change what it does. It ignores fields that it does not know.
    #[inline(never)]
    fn write_codex(&self, place: usize, model: &Model<'_, '_>, out: &mut Object<'_>) {
        let facts = Facts::of(model.stated);
        let efforts = model.upstream.map(Upstream::efforts).unwrap_or_default();
        let efforts: Vec<_> = efforts.iter().map(|effort| quoted(effort)).collect();
        let mut fields: Vec<(&str, Cow<'_, str>)> = vec![
            ("slug", quoted(&model.id).into()),
            ("display_name", quoted(facts.name.as_deref().unwrap_or(&model.id)).into()),
            (
                "description",
                facts.description.as_deref().map_or("null".into(), |d| quoted(d).into()),
            ),
            ("supported_reasoning_levels", format!("[{}]", search::join(&efforts, ",")).into()),
            ("priority", place.to_string().into()),
            ("base_instructions", quoted(INSTRUCTIONS).into()),
            ("input_modalities", modalities(model.upstream, &facts).into()),
        ];
        // Codex takes an absent number, but not null for every one of them.
        let tokens = facts.context_window.map(|tokens| tokens.to_string().into());
        fields.extend(tokens.map(|tokens| ("context_window", tokens)));
        fields.extend(CODEX.iter().map(|(name, json)| (*name, Cow::Borrowed(*json))));
        for (name, json) in self.catalog.fields(&model.id) {
            match fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, value)) => *value = json.into(),
                None => fields.push((name, json.into())),
            }
        }
        for (name, json) in fields {
            match name {
                "supported_reasoning_levels" => write_levels(&json, out.member(name)),
                _ => out.raw(name, &json),
            }
        }
    }
}

/// What is the same for all models of which the configuration says nothing else.
const CODEX: &[(&str, &str)] = &[
    ("shell_type", r#""unified_exec""#),
    ("visibility", r#""list""#),
    ("supported_in_api", "true"),
    ("availability_nux", "null"),
    ("upgrade", "null"),
    ("include_skills_usage_instructions", "true"),
    ("include_plugin_usage_instructions", "true"),
    ("supports_reasoning_summaries", "true"),
    ("default_reasoning_summary", r#""auto""#),
    ("support_verbosity", "false"),
    ("default_verbosity", "null"),
    ("apply_patch_tool_type", "null"),
    ("web_search_tool_type", r#""text""#),
    ("truncation_policy", r#"{"mode":"tokens","limit":10000}"#),
    ("supports_parallel_tool_calls", "true"),
    ("supports_image_detail_original", "false"),
    ("effective_context_window_percent", "95"),
    ("experimental_supported_tools", "[]"),
    ("supports_search_tool", "false"),
];

#[inline(never)]
fn quoted(text: &str) -> String {
    format!("\"{}\"", JsonText::encode(text).escaped())
}

/// Efforts, a list of strings, as Codex reads them.
#[inline(never)]
fn write_levels(efforts: &str, out: &mut Vec<u8>) {
    let efforts = Document::parse(efforts, Bounds::USUAL).ok();
    let efforts = efforts.as_ref().map(Document::root).into_iter().flat_map(Value::elements);
    json::array(out, |levels| {
        for effort in efforts.filter_map(Value::decoded) {
            levels.object(|level| {
                level.str("effort", &effort);
                level.str("description", &format!("Reasoning effort {effort}"));
            });
        }
    });
}

/// Images unless the upstream says or the profile knows otherwise; text always.
fn modalities(upstream: Option<&Upstream>, facts: &Facts<'_>) -> &'static str {
    let takes_images = upstream.is_none_or(Upstream::takes_images);
    match takes_images && facts.takes_images.unwrap_or(true) {
        true => r#"["text","image"]"#,
        false => r#"["text"]"#,
    }
}

/// A model as OpenAI's clients read it: all that the upstream states, with the members that they
/// require.
#[inline(never)]
fn write_openai(model: &Model<'_, '_>, out: &mut Object<'_>) {
    let stated = |name: &str, kind| {
        let value = model.stated.and_then(|stated| stated.get(name));
        value.filter(|value| value.kind() == kind).map(Value::raw)
    };
    out.str("id", &model.id);
    out.str("object", "model");
    out.raw("created", stated("created", Kind::Number).filter(|raw| is_whole(raw)).unwrap_or("0"));
    match stated("owned_by", Kind::String) {
        Some(owner) => out.raw("owned_by", owner),
        None => {
            let owner = model.upstream.map_or("configuration", |upstream| &upstream.name);
            out.str("owned_by", owner);
        }
    }
    let required = ["id", "object", "created", "owned_by"];
    for (written, value) in model.stated.into_iter().flat_map(Value::members) {
        if !required.iter().any(|name| names(written, name)) {
            let member = format!("{written}:{}", value.raw());
            out.members(repair_surrogates(&member).as_bytes());
        }
    }
}

fn is_whole(number: &str) -> bool {
    number.parse::<u64>().is_ok()
}

/// Models that are taken from an upstream's list. The longest lists have some hundreds; each model takes
/// kilobytes in the form of Codex, however little is stated of it.
const MODELS_MAX: usize = 2_000;

/// The list in any of the shapes in use.
fn list(stated: Value<'_>) -> Option<Value<'_>> {
    if stated.kind() == Kind::Array {
        // Together and others: a bare array.
        return Some(stated);
    }
    // OpenAI; Ollama's and Gemini's own list; Fireworks and others behind proxies.
    let lists = ["data", "models", "result"].into_iter().filter_map(|name| stated.get(name));
    lists.into_iter().find(|list| list.kind() == Kind::Array)
}
