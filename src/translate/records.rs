//! Items that few conversations have: records of what servers did, summaries, agents' messages, and calls
//! of tools that the API itself defines.

use crate::error::Refused;
use crate::json::JsonText;
use crate::json::document::{Value, names};
use crate::json::kept::JsonStr;
use crate::responses::content::{Image, Part};
use crate::responses::item::{self, CallKind, CommandResult, HostedCall, Kind};
use crate::responses::read::{Fields, Path};

use super::compaction;
use super::conversation::Event;
use super::input::Reader;
use super::parts::Place;
use super::tools::ToolKind;
use super::treatment;

impl<'d> Reader<'_, 'd> {
    /// An item of a rare kind.
    #[inline(never)]
    pub(super) fn record(
        &mut self,
        kind: Kind,
        fields: &Fields<'d, '_>,
        path: &Path<'_>,
    ) -> Result<(), Refused> {
        match kind {
            Kind::Hosted(hosted) => self.hosted(hosted, fields.value(), path),
            Kind::AgentMessage => {
                let from = self.conversation.parts.len();
                self.content("content", Place::User, fields)?;
                self.user(from);
                Ok(())
            }
            Kind::Compaction => self.summary(fields, path),
            Kind::ComputerOutput => self.output(fields, &mut |reader, fields| {
                let path = fields.path("output");
                let part = Part::read(fields.required("output")?, &path)?;
                reader.part(&part, Place::ToolOutput, &path.element(0))
            }),
            Kind::PatchOutput => self.output(fields, &mut Self::patch_output),
            Kind::ShellOutput => self.output(fields, &mut |reader, fields| {
                item::command_results(fields)?.iter().for_each(|r| reader.command_result(r));
                Ok(())
            }),
            Kind::ToolSearchOutput => self.output(fields, &mut Self::found_tools),
            // These are read before, where they are met in every conversation.
            Kind::AdditionalTools
            | Kind::Call(_)
            | Kind::CallOutput
            | Kind::CompactionTrigger
            | Kind::ConfigurationUpdate
            | Kind::ItemReference
            | Kind::Message
            | Kind::Reasoning
            | Kind::Unknown => Ok(()),
        }
    }

    /// The name and the arguments of a call of a tool that the API itself defines.
    #[inline(never)]
    pub(super) fn built_in_call(
        &self,
        kind: CallKind,
        fields: &Fields<'d, '_>,
    ) -> Result<(&'d str, JsonStr<'d>), Refused> {
        let (kind, name, action, without) = match kind {
            CallKind::ToolSearch => {
                let name = self.tool_name(ToolKind::ToolSearch, None, "tool_search");
                return Ok((name, self.arguments(item::arguments(fields)?)));
            }
            CallKind::Shell => (ToolKind::Shell, "shell", "action", NOTHING),
            CallKind::LocalShell => (ToolKind::LocalShell, "local_shell", "action", TYPE),
            CallKind::ApplyPatch => (ToolKind::ApplyPatch, "apply_patch", "operation", NOTHING),
            // The others have names, so only this one is left. Its arguments are the item itself.
            CallKind::Computer | CallKind::Custom | CallKind::Function => {
                let arguments = some_members(fields.value(), BOOKKEEPING);
                return Ok(("computer", self.kept.encoded(&arguments)));
            }
        };
        let arguments = some_members(item::object(fields, action)?, without);
        Ok((self.tool_name(kind, None, name), self.kept.encoded(&arguments)))
    }

    fn patch_output(&mut self, fields: &Fields<'d, '_>) -> Result<(), Refused> {
        let failed = fields.any("status").is_some_and(|status| status.is("failed"));
        let (parts, output) = (&mut self.conversation.parts, fields.text("output")?);
        parts.text(JsonStr::of_escaped(if failed { "Failed." } else { "Done." }));
        if let Some(output) = output {
            parts.append_part(self.kept.text(output));
        }
        Ok(())
    }

    fn command_result(&mut self, result: &CommandResult<'d>) {
        let (kept, parts) = (self.kept, &mut self.conversation.parts);
        parts.text(kept.text(result.stdout.clone()));
        if !result.stderr.is_empty() {
            parts.append_part(JsonStr::of_escaped("[stderr]"));
            parts.append_part(kept.text(result.stderr.clone()));
        }
        parts.append_part(match result.exit_code {
            Some(code) => kept.encoded(&format!("[exit code {}]", code.raw())),
            None => JsonStr::of_escaped("[timed out]"),
        });
    }

    fn found_tools(&mut self, fields: &Fields<'d, '_>) -> Result<(), Refused> {
        let tools = item::tools(fields)?;
        let text = if tools.is_empty() {
            JsonStr::of_escaped("No tools were found.")
        } else {
            let list = self.tools.list(&tools);
            self.kept.encoded(&format!("These tools can be called from now on:{list}"))
        };
        self.conversation.parts.text(text);
        Ok(())
    }

    /// What a server did, as a note of the model.
    fn hosted(
        &mut self,
        hosted: HostedCall,
        value: Value<'d>,
        path: &Path<'_>,
    ) -> Result<(), Refused> {
        if hosted == HostedCall::McpListTools {
            return self.report.drop(&treatment::MCP_LIST_TOOLS, path);
        }
        let note = format!("[{}: {}]", hosted.kind(), some_members(value, BOOKKEEPING));
        let from = self.conversation.parts.len();
        self.conversation.parts.text(self.kept.encoded(&note));
        if matches!(hosted, HostedCall::McpApprovalResponse | HostedCall::ProgramOutput) {
            self.user(from);
            return Ok(());
        }
        let note = self.conversation.parts.since(from);
        self.conversation.of_model(Event::Said(note));
        if hosted == HostedCall::ImageGeneration
            && let Some(image) = generated_image(value)
        {
            let from = self.conversation.parts.len();
            self.part(&Part::Image(image), Place::User, &path.member("content").element(0))?;
            let image = self.conversation.parts.since(from);
            self.conversation.of_model(Event::Made(image));
        }
        Ok(())
    }

    fn summary(&mut self, fields: &Fields<'d, '_>, path: &Path<'_>) -> Result<(), Refused> {
        let sealed = fields.text("encrypted_content")?;
        let summary = sealed.and_then(|sealed| compaction::open_summary(&sealed.decode()));
        let text = match summary {
            Some(summary) => self.kept.encoded(&compaction::expand(&summary)),
            None => {
                self.report.drop(&treatment::COMPACTION, path)?;
                FOREIGN_SUMMARY
            }
        };
        let from = self.conversation.parts.len();
        self.conversation.parts.text(text);
        self.user(from);
        Ok(())
    }
}

/// An object without some of its members.
fn some_members(object: Value<'_>, without: &[&str]) -> String {
    let wanted = |name: &str| !without.iter().any(|left_out| names(name, left_out));
    let mut written = String::from("{");
    for (name, value) in object.members() {
        if wanted(name) && !value.is_null() {
            let comma = if written.len() > 1 { "," } else { "" };
            [comma, name, ":", value.raw()].iter().for_each(|piece| written.push_str(piece));
        }
    }
    written.push('}');
    written
}

fn generated_image<'d>(value: Value<'d>) -> Option<Image<'d>> {
    let result = value.get("result")?.text()?;
    let format = value.get("output_format").and_then(Value::text);
    let format = format.unwrap_or(JsonText::encode("png"));
    let mut url = JsonText::encode("data:image/").into_owned();
    url.push(&format);
    url.push_decoded(";base64,");
    url.push(&result);
    Some(Image { url: Some(url), detail: None })
}

const NOTHING: &[&str] = &[];
const TYPE: &[&str] = &["type"];

/// Members of items that say nothing to a model.
const BOOKKEEPING: &[&str] =
    &["type", "id", "call_id", "status", "result", "encrypted_content", "pending_safety_checks"];

const FOREIGN_SUMMARY: JsonStr<'static> = JsonStr::of_escaped(
    "[The conversation before this point was replaced by a summary that cannot be read here.]",
);
