//! `tool_choice`, in the forms an upstream takes, or by offering fewer tools.

use crate::dialect::{self, Dialect, RequiredAs};
use crate::error::{Refused, refused};
use crate::json;
use crate::responses::tool::{ToolChoice, ToolRef};

use super::tool_names::named_namespace;
use super::tools::{Tool, ToolKind, Tools};
use super::treatment::{self, Report};

const PARAM: &str = "tool_choice";

/// Takes out of `tools` what may not be called, and gives the JSON of the member `tool_choice`, if it
/// is to be sent.
///
/// # Errors
/// The choice names a tool that was not declared, or cannot be expressed and is not to be dropped.
pub(super) fn apply(
    choice: &ToolChoice<'_>,
    tools: &mut Tools<'_>,
    dialect: &Dialect,
    report: &mut Report,
) -> Result<Option<String>, Refused> {
    if tools.is_empty() {
        return without_tools(choice, report).map(|()| None);
    }
    match choice {
        ToolChoice::Auto => Ok(None),
        ToolChoice::None if dialect.tool_choice == dialect::ToolChoice::AutoOnly => {
            tools.retain(|_| false);
            Ok(None)
        }
        ToolChoice::None => Ok(Some(r#""none""#.to_owned())),
        ToolChoice::Required => required(dialect, report),
        ToolChoice::One(ToolRef::Hosted) => {
            report.drop(&treatment::CHOICE_HOSTED, PARAM).map(|()| None)
        }
        ToolChoice::One(wanted) => one(wanted, tools, dialect, report),
        ToolChoice::Allowed { tools: allowed, .. } if allowed.len() > tools.max() => {
            let message = format!("`tool_choice` may name {} tools at most.", tools.max());
            Err(refused("tool_choice.tools", message, "array_above_max_length"))
        }
        ToolChoice::Allowed { required: must, tools: allowed } => {
            if allowed.iter().any(|wanted| matches!(wanted, ToolRef::Hosted)) {
                report.drop(&treatment::CHOICE_HOSTED, "tool_choice.tools")?;
            }
            let kept = matching(allowed, tools);
            tools.retain(|tool| kept.contains(&tool.chat_name));
            if *must && !kept.is_empty() { required(dialect, report) } else { Ok(None) }
        }
    }
}

/// The choice is about tools none of which is left.
fn without_tools(choice: &ToolChoice<'_>, report: &mut Report) -> Result<(), Refused> {
    match choice {
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Allowed { required: false, .. } => Ok(()),
        ToolChoice::Required | ToolChoice::Allowed { required: true, .. } => {
            report.drop(&treatment::CHOICE_REQUIRED, PARAM)
        }
        ToolChoice::One(ToolRef::Hosted) => report.drop(&treatment::CHOICE_HOSTED, PARAM),
        ToolChoice::One(_) => Err(undeclared()),
    }
}

fn required(dialect: &Dialect, report: &mut Report) -> Result<Option<String>, Refused> {
    if dialect.tool_choice == dialect::ToolChoice::AutoOnly {
        return report.drop(&treatment::CHOICE_REQUIRED, PARAM).map(|()| None);
    }
    Ok(Some(match dialect.tool_choice_required_as {
        RequiredAs::Required => r#""required""#.to_owned(),
        RequiredAs::Any => r#""any""#.to_owned(),
    }))
}

fn one(
    wanted: &ToolRef<'_>,
    tools: &mut Tools<'_>,
    dialect: &Dialect,
    report: &mut Report,
) -> Result<Option<String>, Refused> {
    let found = matching(std::slice::from_ref(wanted), tools);
    let name = found.first().ok_or_else(undeclared)?;
    if dialect.tool_choice == dialect::ToolChoice::All && found.len() == 1 {
        let mut choice = Vec::new();
        json::object(&mut choice, |o| {
            o.str("type", "function");
            o.object("function", |o| o.str("name", name));
        });
        return Ok(String::from_utf8(choice).ok());
    }
    tools.retain(|tool| found.contains(&tool.chat_name));
    if dialect.tool_choice == dialect::ToolChoice::AutoOnly {
        return report.drop(&treatment::CHOICE_FUNCTION, PARAM).map(|()| None);
    }
    required(dialect, report)
}

fn undeclared() -> Refused {
    let message = "`tool_choice` names a tool that is not among the tools of this request.";
    refused(PARAM, message.to_owned(), "invalid_value")
}

/// The functions that a choice names, in the order of the tools.
fn matching(wanted: &[ToolRef<'_>], tools: &Tools<'_>) -> Vec<String> {
    let is_wanted = |tool: &&Tool| wanted.iter().any(|wanted| is(tool, wanted));
    tools.iter().filter(is_wanted).map(|tool| tool.chat_name.clone()).collect()
}

fn is(tool: &Tool, wanted: &ToolRef<'_>) -> bool {
    match wanted {
        ToolRef::Named { name, namespace } => {
            let same_namespace = namespace.as_ref().is_none_or(|namespace| {
                named_namespace(Some(&namespace.decode()))
                    == named_namespace(tool.namespace.as_deref())
            });
            same_namespace
                && matches!(tool.kind, ToolKind::Function | ToolKind::Custom)
                && tool.name == name.decode()
        }
        ToolRef::Namespace(namespace) => {
            tool.namespace.as_deref().is_some_and(|own| own == namespace.decode())
        }
        ToolRef::ToolSearch => tool.kind == ToolKind::ToolSearch,
        ToolRef::LocalShell => tool.kind == ToolKind::LocalShell,
        ToolRef::Shell => tool.kind == ToolKind::Shell,
        ToolRef::ApplyPatch => tool.kind == ToolKind::ApplyPatch,
        ToolRef::Hosted => false,
    }
}
