//! Tools and tool choices of a request.

use crate::error::Refused;
use crate::json::JsonText;
use crate::json::document::{Kind, Value};

use super::read::{Fields, Path};

/// A tool as the client declares it.
#[derive(Clone, Debug)]
pub enum Tool<'d> {
    /// A function with a JSON schema.
    Function(Function<'d>),
    /// A tool whose input is free text.
    Custom(Custom<'d>),
    /// Tools under a common name.
    Namespace(Namespace<'d>),
    /// A search for tools that are not listed; run by the client unless `hosted`.
    ToolSearch(ToolSearch<'d>),
    /// The client's shell, one command per call.
    LocalShell,
    /// The client's shell, several commands per call; run in a container of the server if `hosted`.
    Shell {
        /// Whether the environment is the server's.
        hosted: bool,
    },
    /// Changes to files, made by the client.
    ApplyPatch,
    /// A tool that the server is to run.
    Hosted(HostedTool),
    /// A type this filter does not know.
    Unknown,
}

/// A function.
#[derive(Clone, Debug)]
pub struct Function<'d> {
    /// Its name within its namespace.
    pub name: JsonText<'d>,
    /// What it does.
    pub description: Option<JsonText<'d>>,
    /// The JSON schema of its arguments, an object.
    pub parameters: Option<Value<'d>>,
    /// Whether the arguments must follow the schema exactly.
    pub strict: Option<bool>,
}

/// A tool whose input is free text.
#[derive(Clone, Debug)]
pub struct Custom<'d> {
    /// Its name within its namespace.
    pub name: JsonText<'d>,
    /// What it does.
    pub description: Option<JsonText<'d>>,
    /// The language of the grammar (`lark`, `regex`) and the grammar.
    pub grammar: Option<(JsonText<'d>, JsonText<'d>)>,
}

/// Tools under a common name.
#[derive(Clone, Debug)]
pub struct Namespace<'d> {
    /// The common name.
    pub name: JsonText<'d>,
    /// What the tools have in common.
    pub description: Option<JsonText<'d>>,
    /// The tools.
    pub tools: Vec<Tool<'d>>,
}

/// A search for tools that are not listed.
#[derive(Clone, Debug)]
pub struct ToolSearch<'d> {
    /// What it searches.
    pub description: Option<JsonText<'d>>,
    /// The JSON schema of its arguments.
    pub parameters: Option<Value<'d>>,
    /// Whether the server is to run it.
    pub hosted: bool,
}

/// Tools that the server is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostedTool {
    /// `code_interpreter`
    CodeInterpreter,
    /// `computer`, `computer_use_preview`
    Computer,
    /// `file_search`
    FileSearch,
    /// `image_generation`
    ImageGeneration,
    /// `mcp`
    Mcp,
    /// `programmatic_tool_calling`
    ProgrammaticToolCalling,
    /// `web_search` and its dated and preview forms
    WebSearch,
}

impl HostedTool {
    /// The hosted tool of this type.
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "code_interpreter" => Self::CodeInterpreter,
            "computer" | "computer_use_preview" => Self::Computer,
            "file_search" => Self::FileSearch,
            "image_generation" => Self::ImageGeneration,
            "mcp" => Self::Mcp,
            "programmatic_tool_calling" => Self::ProgrammaticToolCalling,
            _ if kind.starts_with("web_search") => Self::WebSearch,
            _ => return None,
        })
    }
}

impl<'d> Tool<'d> {
    /// The tools in an array.
    ///
    /// # Errors
    /// Names the field that is missing or of the wrong kind.
    pub fn list(
        elements: impl Iterator<Item = Value<'d>>,
        path: &Path<'_>,
    ) -> Result<Vec<Self>, Refused> {
        elements.enumerate().map(|(index, value)| Self::read(value, &path.element(index))).collect()
    }

    fn read(value: Value<'d>, path: &Path<'_>) -> Result<Self, Refused> {
        let fields = Fields::of(value, path)?;
        Ok(match &*fields.required_word("type")? {
            "function" => Self::Function(Function {
                name: name(&fields)?,
                description: fields.text("description")?,
                parameters: fields.of_kind("parameters", Kind::Object)?,
                strict: fields.bool("strict")?,
            }),
            "custom" => Self::Custom(Custom {
                name: name(&fields)?,
                description: fields.text("description")?,
                grammar: grammar(&fields)?,
            }),
            "namespace" => Self::Namespace(Namespace {
                name: name(&fields)?,
                description: fields.text("description")?,
                tools: Self::list(fields.list("tools")?, &fields.path("tools"))?,
            }),
            "tool_search" => Self::ToolSearch(ToolSearch {
                description: fields.text("description")?,
                parameters: fields.of_kind("parameters", Kind::Object)?,
                hosted: !fields.any("execution").is_some_and(|execution| execution.is("client")),
            }),
            "local_shell" => Self::LocalShell,
            "shell" => Self::Shell {
                hosted: fields.any("environment").is_some_and(|environment| {
                    !environment.get("type").is_some_and(|kind| kind.is("local"))
                }),
            },
            "apply_patch" => Self::ApplyPatch,
            kind => HostedTool::of(kind).map_or(Self::Unknown, Self::Hosted),
        })
    }
}

fn name<'d>(fields: &Fields<'d, '_>) -> Result<JsonText<'d>, Refused> {
    let name = fields.required_text("name")?;
    if name.is_empty() { Err(fields.path("name").missing()) } else { Ok(name) }
}

fn grammar<'d>(fields: &Fields<'d, '_>) -> Result<Option<(JsonText<'d>, JsonText<'d>)>, Refused> {
    let path = fields.path("format");
    let Some(format) = fields.any("format") else { return Ok(None) };
    let format = Fields::of(format, &path)?;
    // Chat Completions nests the grammar in a member of its own; some clients do so here too.
    let inner = path.member("grammar");
    let format = match format.any("grammar") {
        Some(grammar) => Fields::of(grammar, &inner)?,
        None => format,
    };
    Ok(format.text("syntax")?.zip(format.text("definition")?))
}

/// Which tools the model may or must call.
#[derive(Clone, Debug)]
pub enum ToolChoice<'d> {
    /// `auto`
    Auto,
    /// `none`
    None,
    /// `required`
    Required,
    /// One tool.
    One(ToolRef<'d>),
    /// Some of the tools.
    Allowed {
        /// Whether one of them must be called.
        required: bool,
        /// The tools.
        tools: Vec<ToolRef<'d>>,
    },
}

/// A tool as a choice names it.
#[derive(Clone, Debug)]
pub enum ToolRef<'d> {
    /// A function or custom tool.
    Named {
        /// Its name.
        name: JsonText<'d>,
        /// Its namespace, if the choice names one.
        namespace: Option<JsonText<'d>>,
    },
    /// A namespace with all its tools.
    Namespace(JsonText<'d>),
    /// `tool_search`
    ToolSearch,
    /// `local_shell`
    LocalShell,
    /// `shell`
    Shell,
    /// `apply_patch`
    ApplyPatch,
    /// A tool that the server is to run, or one of a type this filter does not know.
    Hosted,
}

impl<'d> ToolChoice<'d> {
    /// The `tool_choice` of a request.
    ///
    /// # Errors
    /// Names the field that is missing, of the wrong kind or no choice.
    pub fn read(value: Value<'d>, path: &Path<'_>) -> Result<Self, Refused> {
        if let Some(word) = value.text() {
            return match &*word.decode() {
                "auto" => Ok(Self::Auto),
                "none" => Ok(Self::None),
                "required" => Ok(Self::Required),
                _ => Err(path.impossible("`none`, `auto`, `required` or an object")),
            };
        }
        let fields = Fields::of(value, path)?;
        if !fields.required("type")?.is("allowed_tools") {
            return ToolRef::read(value, path).map(Self::One);
        }
        let mode = fields.text("mode")?;
        let required = match mode.as_ref().map(JsonText::decode).as_deref() {
            None | Some("auto") => false,
            Some("required") => true,
            Some(_) => return Err(fields.path("mode").impossible("`auto` or `required`")),
        };
        let list = fields.path("tools");
        let tools = fields
            .list("tools")?
            .enumerate()
            .map(|(index, tool)| ToolRef::read(tool, &list.element(index)))
            .collect::<Result<_, _>>()?;
        Ok(Self::Allowed { required, tools })
    }
}

impl<'d> ToolRef<'d> {
    fn read(value: Value<'d>, path: &Path<'_>) -> Result<Self, Refused> {
        let fields = Fields::of(value, path)?;
        Ok(match &*fields.required_word("type")? {
            kind @ ("function" | "custom") => {
                // Chat Completions nests the name; some clients send that form.
                let inner = fields.path(kind);
                let nested = match fields.any(kind) {
                    Some(nested) => Fields::of(nested, &inner)?,
                    None => fields,
                };
                Self::Named { name: name(&nested)?, namespace: nested.text("namespace")? }
            }
            "namespace" => Self::Namespace(name(&fields)?),
            "tool_search" => Self::ToolSearch,
            "local_shell" => Self::LocalShell,
            "shell" => Self::Shell,
            "apply_patch" => Self::ApplyPatch,
            _ => Self::Hosted,
        })
    }
}
