//! The body of `POST …/responses` and of `POST …/responses/compact`.
//!
//! <https://platform.openai.com/docs/api-reference/responses/create>

use crate::error::{ApiError, Class, Refused, refused};
use crate::json::JsonText;
use crate::json::document::{Kind, Value};

use super::item::Item;
use super::read::Fields;
use super::tool::{Tool, ToolChoice};

/// A request, its parameters read but not judged.
#[derive(Clone, Debug)]
pub struct Request<'d> {
    /// All members as they were sent.
    pub members: Fields<'d, 'd>,
    /// The model; empty only if it is not required.
    pub model: JsonText<'d>,
    /// `instructions`: what the model is told first.
    pub instructions: Option<JsonText<'d>>,
    /// The conversation.
    pub input: Input<'d>,
    /// The tools.
    pub tools: Vec<Tool<'d>>,
    /// Which of the tools may or must be called.
    pub tool_choice: Option<ToolChoice<'d>>,
    /// Whether several tools may be called at once.
    pub parallel_tool_calls: Option<bool>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// How long the answer may be, in tokens.
    pub max_output_tokens: Option<u64>,
    /// How many alternatives of each token to report.
    pub top_logprobs: Option<u64>,
    /// Sampling parameters, by name: numbers.
    pub sampling: Vec<(&'static str, &'d str)>,
    /// How much to think: `reasoning.effort`.
    pub effort: Option<JsonText<'d>>,
    /// The wanted form of the text.
    pub format: Format<'d>,
    /// How wordy the answer is to be: `text.verbosity`.
    pub verbosity: Option<JsonText<'d>>,
    /// What the answer is to contain beyond the usual.
    pub include: Vec<JsonText<'d>>,
}

/// The input of a request.
#[derive(Clone, Debug)]
pub enum Input<'d> {
    /// What the user says, and nothing else.
    Text(JsonText<'d>),
    /// A conversation, of whose items only the types have been read.
    Items(Vec<Item<'d>>),
}

/// The wanted form of the text.
#[derive(Clone, Debug)]
pub enum Format<'d> {
    /// `text`
    Text,
    /// `json_object`
    JsonObject,
    /// `json_schema`
    JsonSchema {
        /// A name for the schema.
        name: JsonText<'d>,
        /// What it is about.
        description: Option<JsonText<'d>>,
        /// The schema, an object.
        schema: Value<'d>,
        /// Whether the text must follow it exactly.
        strict: Option<bool>,
    },
    /// A type this filter does not know.
    Unknown,
}

/// Sampling parameters, which have the same names and meanings in Chat Completions.
const SAMPLING: &[&str] = &["temperature", "top_p", "presence_penalty", "frequency_penalty"];

/// The kinds of members that are forwarded or repeated as they are.
const KINDS: &[(&str, Kind)] = &[
    ("max_tool_calls", Kind::Number),
    ("metadata", Kind::Object),
    ("prompt_cache_key", Kind::String),
    ("safety_identifier", Kind::String),
    ("service_tier", Kind::String),
    ("store", Kind::Bool),
    ("truncation", Kind::String),
    ("user", Kind::String),
];

/// What the configuration says about requests.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The most items an input may have.
    pub items_max: usize,
    /// Whether a request must name a model, because there is no other for it.
    pub model_required: bool,
}

impl<'d> Request<'d> {
    /// The request that has these members.
    ///
    /// # Errors
    /// Names the parameter that is missing, of the wrong kind or too large.
    pub fn read(fields: Fields<'d, 'd>, terms: Terms) -> Result<Self, Refused> {
        let body = fields.value();
        if body.kind() != Kind::Object {
            let message = format!("The request body must be a JSON object, not {}.", body.kind());
            let error = ApiError::new(Class::InvalidRequest, message);
            return Err(error.with_code("invalid_type").into());
        }
        for (name, kind) in KINDS {
            fields.of_kind(name, *kind)?;
        }
        let reasoning_path = fields.path("reasoning");
        let reasoning = nested(&fields, "reasoning", &reasoning_path)?;
        let text_path = fields.path("text");
        let text = nested(&fields, "text", &text_path)?;
        Ok(Self {
            members: fields,
            model: model(&fields, terms.model_required)?,
            instructions: fields.text("instructions")?,
            input: input(&fields, terms.items_max)?,
            tools: Tool::list(fields.list("tools")?, &fields.path("tools"))?,
            tool_choice: match fields.any("tool_choice") {
                Some(choice) => Some(ToolChoice::read(choice, &fields.path("tool_choice"))?),
                None => None,
            },
            parallel_tool_calls: fields.bool("parallel_tool_calls")?,
            stream: fields.bool("stream")?.unwrap_or(false),
            max_output_tokens: max_output_tokens(&fields)?,
            top_logprobs: fields.count("top_logprobs")?,
            sampling: sampling(&fields)?,
            effort: reasoning.map_or(Ok(None), |reasoning| effort(&reasoning))?,
            format: text.map_or(Ok(Format::Text), |text| format(&text))?,
            verbosity: text.map_or(Ok(None), |text| text.text("verbosity"))?,
            include: include(&fields)?,
        })
    }
}

fn nested<'d, 'p>(
    fields: &Fields<'d, '_>,
    name: &str,
    path: &'p super::read::Path<'p>,
) -> Result<Option<Fields<'d, 'p>>, Refused> {
    fields.any(name).map(|value| Fields::of(value, path)).transpose()
}

fn model<'d>(fields: &Fields<'d, '_>, required: bool) -> Result<JsonText<'d>, Refused> {
    let model = fields.text("model")?.unwrap_or_default();
    if model.is_empty() && required { Err(fields.path("model").missing()) } else { Ok(model) }
}

fn input<'d>(fields: &Fields<'d, '_>, items_max: usize) -> Result<Input<'d>, Refused> {
    let value = fields.required("input")?;
    let path = fields.path("input");
    match value.kind() {
        Kind::String => Ok(Input::Text(value.text().unwrap_or_default())),
        Kind::Array => {
            let count = value.elements().count();
            if count > items_max {
                let message =
                    format!("`input` has {count} items; at most {} are taken.", items_max);
                return Err(refused("input", message, "array_above_max_length"));
            }
            let mut items = Vec::with_capacity(count);
            for (i, item) in value.elements().enumerate() {
                items.push(Item::of(item, &path.element(i))?);
            }
            Ok(Input::Items(items))
        }
        _ => Err(path.mismatch("a string or an array of items", value)),
    }
}

fn effort<'d>(reasoning: &Fields<'d, '_>) -> Result<Option<JsonText<'d>>, Refused> {
    for repeated in ["summary", "generate_summary"] {
        reasoning.of_kind(repeated, Kind::String)?;
    }
    reasoning.text("effort")
}

fn max_output_tokens(fields: &Fields<'_, '_>) -> Result<Option<u64>, Refused> {
    match fields.count("max_output_tokens")? {
        Some(0) => Err(fields.path("max_output_tokens").impossible("a number above 0")),
        count => Ok(count),
    }
}

fn sampling<'d>(fields: &Fields<'d, '_>) -> Result<Vec<(&'static str, &'d str)>, Refused> {
    let mut sampling = Vec::new();
    for name in SAMPLING {
        if let Some(number) = fields.of_kind(name, Kind::Number)? {
            sampling.push((*name, number.raw()));
        }
    }
    Ok(sampling)
}

fn format<'d>(text: &Fields<'d, '_>) -> Result<Format<'d>, Refused> {
    let path = text.path("format");
    let Some(value) = text.any("format") else { return Ok(Format::Text) };
    let fields = Fields::of(value, &path)?;
    Ok(match &*fields.required_word("type")? {
        "text" => Format::Text,
        "json_object" => Format::JsonObject,
        "json_schema" => {
            // Chat Completions nests these members; some clients send that form.
            let inner_path = fields.path("json_schema");
            let schema = nested(&fields, "json_schema", &inner_path)?.unwrap_or(fields);
            Format::JsonSchema {
                name: schema.required_text("name")?,
                description: schema.text("description")?,
                schema: match schema.of_kind("schema", Kind::Object)? {
                    Some(value) => value,
                    None => return Err(schema.path("schema").missing()),
                },
                strict: schema.bool("strict")?,
            }
        }
        _ => Format::Unknown,
    })
}

fn include<'d>(fields: &Fields<'d, '_>) -> Result<Vec<JsonText<'d>>, Refused> {
    let path = fields.path("include");
    let values = fields.list("include")?.enumerate();
    values
        .map(|(i, value)| value.text().ok_or_else(|| path.element(i).mismatch("a string", value)))
        .collect()
}
