//! Tools on their way to Chat Completions and back.
//!
//! Chat Completions knows functions only, so every tool becomes one, under a name that its upstream
//! accepts. The [`ToolTable`] remembers which function is which tool; it is rebuilt from each request
//! alone.

/// What a function of the chat request is to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

impl FromIterator<Tool> for ToolTable {
    fn from_iter<I: IntoIterator<Item = Tool>>(tools: I) -> Self {
        Self { tools: tools.into_iter().collect() }
    }
}
