//! Tools on their way to Chat Completions and back.
//!
//! Chat Completions knows functions only, so every tool becomes one, under a name that its upstream
//! accepts. The [`ToolTable`] remembers which function is which tool; it is rebuilt from each request
//! alone: from its `tools`, its `additional_tools` items and what its `tool_search_output` items
//! found.

use std::borrow::Cow;

use crate::chat::request as chat;
use crate::dialect::Dialect;
use crate::dialect::schema::text_properties;
use crate::dialect::tool_names::ToolNames;
use crate::error::{Refused, refused};
use crate::json::JsonText;
use crate::responses::tool as responses;
use crate::responses::tool::HostedTool;
use crate::sorted::SortedMap;

use super::tool_forms as forms;
use super::tool_names::{another_name, chat_name, named_namespace};
use super::treatment::{self, Report, Row};

/// What a function of the chat request is to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToolKind {
    /// A function; its arguments go out as they come.
    Function,
    /// A tool whose input is free text. Upstream it has one string parameter, `input`.
    Custom,
    /// The search for deferred tools: `tool_search_call` with the arguments as an object.
    ToolSearch,
    /// A command for the client's shell: the arguments are the members of `action` without `type`.
    LocalShell,
    /// Commands for the client's shell: the arguments are the members of `action`.
    Shell,
    /// A change to one file: the arguments are the members of `operation`.
    ApplyPatch,
}

/// A tool the upstream was told about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The name of the function upstream.
    pub chat_name: String,
    /// What the client declared it as.
    pub kind: ToolKind,
    /// The client's name for it, without its namespace.
    pub name: String,
    /// The namespace in which the client declared it.
    pub namespace: Option<String>,
}

/// The tools the upstream was told about, in the order of the chat request.
#[derive(Clone, Debug, Default)]
pub struct ToolTable {
    tools: Vec<Tool>,
    /// Of each tool: parameters that take a string and nothing else. Only known where calls may come as
    /// text.
    text_parameters: Vec<Vec<String>>,
}

impl ToolTable {
    /// The tool behind the name of a function of the chat request.
    pub fn resolve(&self, chat_name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.chat_name == chat_name)
    }

    /// The names of all functions of the chat request.
    pub fn chat_names(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|tool| tool.chat_name.as_str())
    }

    /// What the reader of the answer must know of the tools.
    pub fn names(&self) -> ToolNames {
        let mut names = ToolNames::default();
        let mut text_parameters = self.text_parameters.iter();
        for tool in &self.tools {
            names.declare(&tool.chat_name, text_parameters.next().map_or(&[], Vec::as_slice));
        }
        names
    }
}

impl FromIterator<Tool> for ToolTable {
    fn from_iter<I: IntoIterator<Item = Tool>>(tools: I) -> Self {
        Self { tools: tools.into_iter().collect(), text_parameters: Vec::new() }
    }
}

/// The tools of one request while it is translated.
pub(super) struct Tools<'d> {
    dialect: &'d Dialect,
    declared: Vec<Declared<'d>>,
    /// The names of the functions of all tools, also of those that `retain` took out.
    by_identity: SortedMap<Identity<'d>, String>,
    names: SortedMap<String, ()>,
    /// Namespaces of which a tool was declared.
    namespaces: SortedMap<Cow<'d, str>, ()>,
    /// The most tools a request may have.
    max: usize,
    /// The web search tool, where the profile has a form for it.
    pub(super) web_search: bool,
}

/// What makes two declarations the same tool.
type Identity<'d> = (ToolKind, Option<Cow<'d, str>>, Cow<'d, str>);

/// A tool in both its forms.
struct Declared<'d> {
    tool: Tool,
    function: chat::Tool<'d>,
}

impl<'d> Tools<'d> {
    /// No tools yet, and never more than `max`.
    pub(super) fn new(dialect: &'d Dialect, max: usize) -> Self {
        Self {
            dialect,
            declared: Vec::new(),
            by_identity: SortedMap::default(),
            names: SortedMap::default(),
            namespaces: SortedMap::default(),
            max,
            web_search: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.declared.is_empty()
    }

    /// The most tools a request may have.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Adds the tools that stand at `param`.
    ///
    /// # Errors
    /// A tool cannot be expressed and is not to be dropped.
    pub(super) fn add(
        &mut self,
        tools: &[responses::Tool<'d>],
        param: &str,
        report: &mut Report,
    ) -> Result<(), Refused> {
        for (index, tool) in tools.iter().enumerate() {
            self.add_one(tool, None, report, &|| format!("{param}[{index}]"))?;
        }
        self.check()
    }

    /// Asked after every tool: names and namespaces of all of them are compared.
    fn check(&self) -> Result<(), Refused> {
        if self.declared.len() <= self.max {
            return Ok(());
        }
        let message = format!("A request may have {} tools at most.", self.max);
        Err(refused("tools", message, "array_above_max_length"))
    }

    fn add_one(
        &mut self,
        tool: &responses::Tool<'d>,
        namespace: Option<&responses::Namespace<'d>>,
        report: &mut Report,
        param: &dyn Fn() -> String,
    ) -> Result<(), Refused> {
        self.check()?;
        match tool {
            responses::Tool::Function(function) => {
                if function.strict == Some(true) && !self.dialect.strict_tools {
                    report.drop(&treatment::FUNCTION_STRICT, param())?;
                }
                self.function(function, namespace);
            }
            responses::Tool::Custom(custom) => self.custom(custom, namespace),
            responses::Tool::Namespace(inner) if namespace.is_none() => {
                for (index, tool) in inner.tools.iter().enumerate() {
                    let param = || format!("{}.tools[{index}]", param());
                    self.add_one(tool, Some(inner), report, &param)?;
                }
            }
            responses::Tool::Namespace(_) => {
                report.drop(&treatment::NESTED_NAMESPACE, param())?;
            }
            responses::Tool::ToolSearch(search) if !search.hosted => self.tool_search(search),
            responses::Tool::ToolSearch(_) => report.drop(&treatment::TOOL_SEARCH, param())?,
            responses::Tool::LocalShell => self.built_in(ToolKind::LocalShell, forms::LOCAL_SHELL),
            responses::Tool::Shell { hosted: false } => {
                self.built_in(ToolKind::Shell, forms::SHELL)
            }
            responses::Tool::Shell { hosted: true } => report.drop(&treatment::SHELL, param())?,
            responses::Tool::ApplyPatch => self.built_in(ToolKind::ApplyPatch, forms::APPLY_PATCH),
            responses::Tool::Hosted(HostedTool::WebSearch) if self.can_search() => {
                self.web_search = true;
            }
            responses::Tool::Hosted(hosted) => report.drop(hosted_row(*hosted), param())?,
            responses::Tool::Unknown => report.drop(&treatment::OTHER, param())?,
        }
        Ok(())
    }

    fn can_search(&self) -> bool {
        self.dialect.web_search != crate::dialect::WebSearch::Drop
    }

    fn function(
        &mut self,
        function: &responses::Function<'d>,
        namespace: Option<&responses::Namespace<'d>>,
    ) {
        let parameters = forms::parameters(function.parameters, self.dialect);
        self.declare(ToolKind::Function, &function.name, namespace, |name| chat::Tool {
            name,
            description: function.description.clone(),
            parameters,
            strict: function.strict,
        });
    }

    fn custom(
        &mut self,
        custom: &responses::Custom<'d>,
        namespace: Option<&responses::Namespace<'d>>,
    ) {
        let description = forms::custom_description(custom);
        self.declare(ToolKind::Custom, &custom.name, namespace, |name| chat::Tool {
            name,
            description: Some(description),
            parameters: Cow::Borrowed(forms::CUSTOM_PARAMETERS),
            strict: None,
        });
    }

    fn tool_search(&mut self, search: &responses::ToolSearch<'d>) {
        let parameters = match search.parameters {
            Some(_) => forms::parameters(search.parameters, self.dialect),
            None => Cow::Borrowed(forms::TOOL_SEARCH_PARAMETERS),
        };
        let name = JsonText::encode("tool_search");
        self.declare(ToolKind::ToolSearch, &name, None, |name| chat::Tool {
            name,
            description: search.description.clone(),
            parameters,
            strict: None,
        });
    }

    fn built_in(&mut self, kind: ToolKind, form: forms::BuiltIn) {
        self.declare(kind, &JsonText::encode(form.name), None, |name| chat::Tool {
            name,
            description: Some(JsonText::encode(form.description)),
            parameters: Cow::Borrowed(form.parameters),
            strict: None,
        });
    }

    /// Adds a tool unless it is there already. The first declaration counts: tools that are found
    /// again later must not change what comes before.
    fn declare(
        &mut self,
        kind: ToolKind,
        name: &JsonText<'d>,
        namespace: Option<&responses::Namespace<'d>>,
        function: impl FnOnce(Cow<'d, str>) -> chat::Tool<'d>,
    ) {
        let name = name.clone().into_decoded();
        let spoken = namespace.map(|namespace| namespace.name.clone().into_decoded());
        let identity = identity(kind, spoken.clone(), name.clone());
        if self.by_identity.get(&identity).is_some() {
            return;
        }
        let chat_name = self.free_name(&identity);
        let mut function = function(Cow::Owned(chat_name.clone()));
        function.strict = function.strict.filter(|_| self.dialect.strict_tools);
        if let Some(about) = namespace.and_then(|namespace| namespace.description.as_ref()) {
            let first = spoken.clone().is_some_and(|spoken| self.namespaces.insert(spoken, ()));
            if first && !about.is_empty() {
                function.description = Some(forms::with_namespace(function.description, about));
            }
        }
        self.by_identity.insert(identity, chat_name.clone());
        let (name, namespace) = (name.into_owned(), spoken.map(Cow::into_owned));
        let tool = Tool { chat_name, kind, name, namespace };
        self.declared.push(Declared { tool, function });
    }

    fn free_name(&mut self, identity: &Identity<'_>) -> String {
        let (kind, namespace, name) = identity;
        let mut free = chat_name(namespace.as_deref(), name, self.dialect.tool_name);
        let mut tries = 0_u32;
        while self.names.get(&free).is_some() {
            let seed = format!("{kind:?}\0{namespace:?}\0{name}\0{tries}");
            free = another_name(&free, seed.as_bytes());
            tries += 1;
        }
        self.names.insert(free.clone(), ());
        free
    }

    /// The name of the function that a called tool is, declared or not.
    pub(super) fn name_of<'s>(
        &'s self,
        kind: ToolKind,
        namespace: Option<&'s str>,
        name: &'s str,
    ) -> Cow<'s, str> {
        let identity = identity(kind, namespace.map(Cow::Borrowed), Cow::Borrowed(name));
        match self.by_identity.get(&identity) {
            Some(declared) => Cow::Borrowed(declared),
            None => Cow::Owned(chat_name(namespace, name, self.dialect.tool_name)),
        }
    }

    /// Names and descriptions of tools, as the model sees them.
    pub(super) fn list(&self, tools: &[responses::Tool<'d>]) -> String {
        let mut list = String::new();
        let mut line = |name: &str, description: Option<&JsonText<'_>>| {
            list.push_str("\n- ");
            list.push_str(name);
            if let Some(description) = description.filter(|text| !text.is_empty()) {
                list.push_str(": ");
                list.push_str(&description.decode());
            }
        };
        let mut each = |tool: &responses::Tool<'d>, namespace: Option<&str>| match tool {
            responses::Tool::Function(f) => line(
                &self.name_of(ToolKind::Function, namespace, &f.name.decode()),
                f.description.as_ref(),
            ),
            responses::Tool::Custom(c) => line(
                &self.name_of(ToolKind::Custom, namespace, &c.name.decode()),
                c.description.as_ref(),
            ),
            _ => {}
        };
        for tool in tools {
            match tool {
                responses::Tool::Namespace(inner) => {
                    inner.tools.iter().for_each(|tool| each(tool, Some(&inner.name.decode())));
                }
                tool => each(tool, None),
            }
        }
        list
    }

    /// Keeps only the tools for which `wanted` holds.
    pub(super) fn retain(&mut self, wanted: impl Fn(&Tool) -> bool) {
        self.declared.retain(|declared| wanted(&declared.tool));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.declared.iter().map(|declared| &declared.tool)
    }

    /// Both forms apart: the functions for the upstream, the table for the answer.
    pub(super) fn split(self) -> (Vec<chat::Tool<'d>>, ToolTable) {
        let (tools, functions): (Vec<_>, Vec<_>) =
            self.declared.into_iter().map(|declared| (declared.tool, declared.function)).unzip();
        let mut table: ToolTable = tools.into_iter().collect();
        if !self.dialect.text_tool_calls.is_empty() {
            let texts = |tool: &chat::Tool<'_>| text_properties(&tool.parameters);
            table.text_parameters = functions.iter().map(texts).collect();
        }
        (functions, table)
    }
}

fn identity<'d>(
    kind: ToolKind,
    namespace: Option<Cow<'d, str>>,
    name: Cow<'d, str>,
) -> Identity<'d> {
    (kind, namespace.filter(|namespace| named_namespace(Some(namespace)).is_some()), name)
}

const fn hosted_row(tool: HostedTool) -> &'static Row {
    match tool {
        HostedTool::CodeInterpreter => &treatment::CODE_INTERPRETER,
        HostedTool::Computer => &treatment::COMPUTER,
        HostedTool::FileSearch => &treatment::FILE_SEARCH,
        HostedTool::ImageGeneration => &treatment::IMAGE_GENERATION,
        HostedTool::Mcp => &treatment::MCP,
        HostedTool::ProgrammaticToolCalling => &treatment::PROGRAMMATIC_TOOL_CALLING,
        HostedTool::WebSearch => &treatment::WEB_SEARCH,
    }
}
