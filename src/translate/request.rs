//! A Responses request becomes a Chat Completions request.
//!
//! What becomes of each thing a request may contain is listed in [`super::treatment`] and, written
//! from it, in `docs/requests.md`.

use std::borrow::Cow;

use crate::chat::request as chat;
use crate::config::{Limits, StreamMode, Strictness};
use crate::dialect::Dialect;
use crate::error::{ApiError, Refused, refused};
use crate::json::Array;
use crate::json::JsonText;
use crate::json::directory::Directory;
use crate::json::document::{Bounds, Value};
use crate::json::kept::{JsonStr, Kept, Shelf};
use crate::responses::item::{self, Item, Kind};
use crate::responses::read::{Fields, Path};
use crate::responses::request::{Input, Request, Terms};

use super::body::Body;
use super::compaction;
use super::conversation::Conversation;
pub use super::echo::Echo;
use super::input::Reader;
use super::messages::{self, Frame};
use super::params::{Members, Parameters};
use super::tool_choice;
use super::tools::{ToolTable, Tools};
use super::treatment::{self, Report};

/// The endpoint the client called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST …/responses`.
    Responses,
    /// `POST …/responses/compact`.
    Compact,
}

/// What the answer is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A response like any other.
    Respond,
    /// The input ended with a `compaction_trigger`: the text of the answer becomes one `compaction`
    /// item and nothing else is put out.
    CompactionItem,
    /// The answer is a `response.compaction` object.
    CompactEndpoint,
}

/// What a translation depends on besides the request.
pub struct Context<'a> {
    /// How the upstream differs.
    pub dialect: &'a Dialect,
    /// Limits on what is read.
    pub limits: &'a Limits,
    /// What happens to what Chat Completions cannot express.
    pub strictness: Strictness,
    /// The endpoint the client called.
    pub endpoint: Endpoint,
    /// The upstream's name for a model of the client.
    pub model: &'a dyn Fn(&str) -> String,
    /// The model of requests that name none; without it they are refused.
    pub default_model: Option<&'a str>,
    /// When the upstream is asked to stream.
    pub stream: StreamMode,
}

/// A translated request.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The body for the upstream.
    pub chat: Vec<u8>,
    /// The model as the client named it.
    pub model: String,
    /// The model as the upstream was asked for it.
    pub upstream_model: String,
    /// Whether the client wants a stream.
    pub stream: bool,
    /// Whether the upstream was asked to stream.
    pub upstream_stream: bool,
    /// The tools the upstream was told about.
    pub tools: ToolTable,
    /// What the Response object repeats of the request.
    pub echo: Echo,
    /// What the answer is to become.
    pub task: Task,
    /// Whether the client wants log probabilities with the text.
    pub include_logprobs: bool,
    /// What was dropped: names from the documented table, `other` for what it does not know; each
    /// once, in order of appearance.
    pub dropped: Vec<&'static str>,
}

/// Translates the body of a request.
///
/// # Errors
/// A failure of the client's request that names the field at fault.
pub fn request(body: &[u8], context: &Context<'_>) -> Result<Translated, ApiError> {
    Body::read(body, context.limits)?.translate(context)
}

/// Translates a request of which the JSON has been read.
pub(super) fn translate(
    root: Value<'_>,
    bounds: Bounds,
    context: &Context<'_>,
) -> Result<Translated, Refused> {
    let directory = Directory::of(root);
    let fields = Fields::root(root, &directory);
    refuse_stateful(&fields)?;
    let terms = Terms {
        items_max: context.limits.input_items_max,
        model_required: context.default_model.is_none(),
    };
    let request = Request::read(fields, terms)?;
    let shelf = Shelf::default();
    let kept = Kept::on(&shelf);
    Translation { request: &request, context, bounds, kept: &kept }.run()
}

/// One translation on its way.
struct Translation<'c, 'd> {
    request: &'c Request<'d>,
    context: &'d Context<'d>,
    bounds: Bounds,
    kept: &'c Kept<'d>,
}

/// What the chat request is written from.
struct Written<'d> {
    conversation: Conversation<'d>,
    frame: Frame<'d>,
    functions: Vec<chat::Tool<'d>>,
    members: Members<'d>,
}

impl<'d> Translation<'_, 'd> {
    fn run(&self) -> Result<Translated, Refused> {
        let Self { request, context, .. } = self;
        let dialect = context.dialect;
        let mut report = Report::new(context.strictness);
        let parameters = Parameters { request, dialect };
        let task = self.task();
        let mut members = self.stream_options();
        parameters.plain(&mut members, &mut report)?;
        parameters.effort(self.effort_update()?.as_ref(), &mut members, &mut report)?;

        let mut tools = self.tools(&mut report)?;
        let reader = Reader {
            dialect,
            tools: &tools,
            bounds: self.bounds,
            kept: self.kept,
            report: &mut report,
            conversation: Conversation::default(),
        };
        let conversation = reader.read(&request.input)?;
        let mut note = None;
        if task == Task::Respond {
            let choice = match &request.tool_choice {
                Some(choice) => tool_choice::apply(choice, &mut tools, dialect, &mut report)?,
                None => None,
            };
            self.about_tools(&parameters, choice, &tools, &mut members, &mut report)?;
            note = parameters.format(!tools.is_empty(), &mut members, &mut report)?;
        } else {
            tools.retain(|_| false);
        }

        let frame = Frame {
            instructions: self.kept.optional(request.instructions.as_ref()).unwrap_or_default(),
            note: note.map(|note| self.kept.encoded(&note)).unwrap_or_default(),
            closing: if task == Task::Respond { JsonStr::EMPTY } else { INSTRUCTION },
        };
        let (functions, table) = tools.split();
        let written = Written { conversation, frame, functions, members };
        self.write(written, table, task, report)
    }

    /// Writes what has been read.
    #[inline(never)]
    fn write(
        &self,
        written: Written<'d>,
        tools: ToolTable,
        task: Task,
        report: Report,
    ) -> Result<Translated, Refused> {
        let dialect = self.context.dialect;
        let (model, upstream_model) = self.model();
        let stream = self.upstream_stream();
        let request = chat::Request {
            model: &upstream_model,
            tools: written.functions,
            stream,
            parameters: with_extra_body(written.members, dialect),
        };
        let raw = self.request.members.value().raw();
        let mut chat = Vec::with_capacity(raw.len() + raw.len() / 8 + 1024);
        let mut is_said = false;
        let (conversation, frame) = (&written.conversation, &written.frame);
        let messages = |list: &mut Array<'_>| {
            is_said = messages::write(conversation, frame, dialect, self.kept, list);
        };
        request.write(messages, &mut chat);
        if !is_said {
            let message = "`input` has nothing in it that a model could answer.";
            return Err(refused("input", message.to_owned(), "invalid_value"));
        }
        let included = Parameters { request: self.request, dialect };
        Ok(Translated {
            chat,
            model,
            upstream_model,
            stream: self.streams(),
            upstream_stream: stream,
            tools,
            echo: Echo::of(&self.request.members),
            task,
            include_logprobs: included.includes_logprobs(),
            dropped: report.into_dropped(),
        })
    }

    /// The model as the client knows it and as the upstream does.
    #[inline(never)]
    fn model(&self) -> (String, String) {
        let model = self.request.model.decode();
        match self.context.default_model {
            Some(default) if model.is_empty() => (default.to_owned(), default.to_owned()),
            _ => {
                let upstream_model = (self.context.model)(&model);
                (model.into_owned(), upstream_model)
            }
        }
    }

    fn items(&self) -> &[Item<'d>] {
        match &self.request.input {
            Input::Text(_) => &[],
            Input::Items(items) => items,
        }
    }

    fn task(&self) -> Task {
        match (self.context.endpoint, self.items().last()) {
            (Endpoint::Compact, _) => Task::CompactEndpoint,
            (Endpoint::Responses, Some(item)) if item.kind == Kind::CompactionTrigger => {
                Task::CompactionItem
            }
            (Endpoint::Responses, _) => Task::Respond,
        }
    }

    /// Whether the client gets a stream. The compact endpoint has none.
    fn streams(&self) -> bool {
        self.request.stream && self.context.endpoint == Endpoint::Responses
    }

    fn upstream_stream(&self) -> bool {
        match self.context.stream {
            StreamMode::AsAsked => self.streams() || self.context.dialect.force_stream,
            StreamMode::Always => true,
            StreamMode::Never => false,
        }
    }

    fn stream_options(&self) -> Members<'d> {
        let wanted = self.upstream_stream() && self.context.dialect.include_usage;
        let options = (Cow::Borrowed("stream_options"), Cow::Borrowed(r#"{"include_usage":true}"#));
        wanted.then_some(options).into_iter().collect()
    }

    /// The last wish of the conversation for more or less reasoning.
    #[inline(never)]
    fn effort_update(&self) -> Result<Option<JsonText<'d>>, Refused> {
        let input = Path::of("input");
        let mut last = None;
        for (index, item) in self.items().iter().enumerate() {
            if item.kind == Kind::ConfigurationUpdate {
                let (path, mut directory) = (input.element(index), Directory::default());
                last = item::effort(&item.fields(&path, &mut directory))?.or(last);
            }
        }
        Ok(last)
    }

    /// All tools of the request: its own, those of the conversation, those that a search found.
    #[inline(never)]
    fn tools(&self, report: &mut Report) -> Result<Tools<'d>, Refused> {
        let mut tools = Tools::new(self.context.dialect, self.context.limits.tools_max);
        tools.add(&self.request.tools, "tools", report)?;
        let input = Path::of("input");
        for (index, item) in self.items().iter().enumerate() {
            if let Kind::AdditionalTools | Kind::ToolSearchOutput = item.kind {
                let (path, mut directory) = (input.element(index), Directory::default());
                let more = item::tools(&item.fields(&path, &mut directory))?;
                tools.add(&more, &path.member("tools").to_string(), report)?;
            }
        }
        Ok(tools)
    }

    /// What is sent only when tools are.
    #[inline(never)]
    fn about_tools(
        &self,
        parameters: &Parameters<'_, 'd>,
        choice: Option<String>,
        tools: &Tools<'d>,
        members: &mut Members<'d>,
        report: &mut Report,
    ) -> Result<(), Refused> {
        if tools.web_search {
            members.extend(parameters.web_search());
        }
        if tools.is_empty() {
            return Ok(());
        }
        if let Some(choice) = choice {
            members.push((Cow::Borrowed("tool_choice"), Cow::Owned(choice)));
        }
        parameters.parallel(members, report)
    }
}

/// Adds the members that the profile adds to every request; they replace those of the translation.
#[inline(never)]
fn with_extra_body<'m>(mut members: Members<'m>, dialect: &'m Dialect) -> Members<'m> {
    members.retain(|(name, _)| !dialect.extra_body.iter().any(|(own, _)| own == name));
    for (name, json) in &dialect.extra_body {
        members.push((Cow::Borrowed(name), Cow::Borrowed(json)));
    }
    members
}

/// What needs a memory of earlier requests, which this filter does not have.
#[inline(never)]
fn refuse_stateful(fields: &Fields<'_, '_>) -> Result<(), Refused> {
    let refuse = |row: &treatment::Row, code: &str, message: &str| {
        Err(refused(row.name, message.to_owned(), code))
    };
    if fields.any("previous_response_id").is_some() {
        let message = "Previous response not found: this server stores no responses. Send the whole \
                       conversation in `input`.";
        return refuse(&treatment::PREVIOUS_RESPONSE_ID, "previous_response_not_found", message);
    }
    if fields.any("conversation").is_some() {
        let message = "`conversation` is not supported: this server stores no conversations. Send \
                       the whole conversation in `input`.";
        return refuse(&treatment::CONVERSATION, "unsupported_parameter", message);
    }
    if fields.any("prompt").is_some() {
        let message = "`prompt` is not supported: this server stores no prompt templates. Send \
                       `instructions` and `input`.";
        return refuse(&treatment::PROMPT, "unsupported_parameter", message);
    }
    if fields.bool("background")? == Some(true) {
        let message = "`background` is not supported: this server stores no responses to fetch later. \
                       Leave it out, and stream if the answer takes long.";
        return refuse(&treatment::BACKGROUND, "unsupported_parameter", message);
    }
    Ok(())
}

/// What asks for a summary: plain text, nothing to escape.
const INSTRUCTION: JsonStr<'static> = JsonStr::of_escaped(compaction::INSTRUCTION);
