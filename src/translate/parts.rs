//! Content parts, as far as the upstream takes them. A note takes the place of every other one.

use crate::chat::request as chat;
use crate::dialect::{Attachments, Dialect, ImageDetail, Images, ToolImages};
use crate::error::Refused;
use crate::json::JsonText;
use crate::json::document::Value;
use crate::json::kept::{JsonStr, Kept};
use crate::responses::content::{self, File, Image, Part};
use crate::responses::read::Path;

use super::text::Pieces;
use super::treatment::{self, Report, Row};

/// Where parts stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a message of the user, which alone takes more than text.
    User,
    /// In the output of a tool.
    ToolOutput,
    /// In any other message.
    Other,
}

/// Turns parts of one item into chat parts.
pub(super) struct Parts<'c, 'd> {
    pub(super) dialect: &'c Dialect,
    pub(super) kept: &'c Kept<'d>,
    pub(super) place: Place,
}

impl<'d> Parts<'_, 'd> {
    /// Adds the parts of content in the form the upstream takes.
    ///
    /// # Errors
    /// A part cannot be read, or cannot be expressed and is not to be dropped.
    pub(super) fn all(
        &self,
        content: Value<'d>,
        path: &Path<'_>,
        report: &mut Report,
        out: &mut Pieces<'d>,
    ) -> Result<(), Refused> {
        content::parts(content, path, &mut |part, path| self.one(part, path, report, out))
    }

    /// Adds one part.
    ///
    /// # Errors
    /// It cannot be expressed and is not to be dropped.
    pub(super) fn one(
        &self,
        part: &Part<'d>,
        path: &Path<'_>,
        report: &mut Report,
        out: &mut Pieces<'d>,
    ) -> Result<(), Refused> {
        if let Part::Text(text) | Part::Refusal(text) = part {
            out.text(self.kept.text(text.clone()));
            return Ok(());
        }
        if let Some(part) = self.other(part, path, report)? {
            out.push(part);
        }
        Ok(())
    }

    #[inline(never)]
    fn other(
        &self,
        part: &Part<'d>,
        path: &Path<'_>,
        report: &mut Report,
    ) -> Result<Option<chat::Part<'d>>, Refused> {
        match part {
            Part::Encrypted(text) if is_cipher(text) => {
                report.drop(&treatment::ENCRYPTED_CONTENT, path).map(|()| None)
            }
            Part::Text(text) | Part::Refusal(text) | Part::Encrypted(text) => {
                Ok(Some(chat::Part::Text(self.kept.text(text.clone()))))
            }
            Part::Image(image) => self.image(image, path, report).map(Some),
            Part::File(file) => self.file(file, path, report).map(Some),
            Part::Audio(audio) => {
                if self.takes_attachments() && self.dialect.audio == Attachments::Forward {
                    return Ok(Some(chat::Part::Audio(audio.raw())));
                }
                note(&treatment::INPUT_AUDIO, AUDIO_NOTE, path, report).map(Some)
            }
            Part::Video => note(&treatment::INPUT_VIDEO, VIDEO_NOTE, path, report).map(Some),
            Part::Unknown => report.drop(&treatment::OTHER, path).map(|()| None),
        }
    }

    fn takes_attachments(&self) -> bool {
        match self.place {
            Place::User => true,
            Place::ToolOutput => self.dialect.tool_images != ToolImages::Drop,
            Place::Other => false,
        }
    }

    fn image(
        &self,
        image: &Image<'d>,
        path: &Path<'_>,
        report: &mut Report,
    ) -> Result<chat::Part<'d>, Refused> {
        let taken = image.url.as_ref().filter(|url| {
            self.takes_attachments()
                && match self.dialect.images {
                    Images::All => true,
                    Images::DataUrlOnly => url.escaped().starts_with("data:"),
                    Images::None => false,
                }
        });
        match taken {
            Some(url) => {
                let url = self.kept.text(url.clone());
                Ok(chat::Part::Image { url, detail: self.detail(image) })
            }
            None => note(&treatment::INPUT_IMAGE, IMAGE_NOTE, path, report),
        }
    }

    fn detail(&self, image: &Image<'d>) -> Option<JsonStr<'d>> {
        if self.dialect.image_detail == ImageDetail::Drop {
            return None;
        }
        match image.detail.as_ref()?.escaped() {
            "original" => Some(JsonStr::of_escaped("high")),
            "auto" | "high" | "low" => self.kept.optional(image.detail.as_ref()),
            _ => None,
        }
    }

    fn file(
        &self,
        file: &File<'d>,
        path: &Path<'_>,
        report: &mut Report,
    ) -> Result<chat::Part<'d>, Refused> {
        let has_content = file.data.is_some() || file.id.is_some();
        if has_content && self.takes_attachments() && self.dialect.files == Attachments::Forward {
            return Ok(chat::Part::File {
                data: self.kept.optional(file.data.as_ref()),
                id: self.kept.optional(file.id.as_ref().filter(|_| file.data.is_none())),
                name: self.kept.optional(file.name.as_ref()),
            });
        }
        report.drop(&treatment::INPUT_FILE, path)?;
        let mut note = "[file left out".to_owned();
        for known in [&file.name, &file.url].into_iter().flatten() {
            note.push_str(": ");
            note.push_str(&known.decode());
        }
        note.push(']');
        Ok(chat::Part::Text(self.kept.encoded(&note)))
    }
}

fn note<'d>(
    row: &Row,
    note: &'static str,
    path: &Path<'_>,
    report: &mut Report,
) -> Result<chat::Part<'d>, Refused> {
    report.drop(row, path)?;
    Ok(chat::Part::Text(JsonStr::of_escaped(note)))
}

/// Agent messages carry clear text in `encrypted_content` unless OpenAI's server wrote them; its
/// ciphers are Fernet tokens, which begin with a version byte and a zero (measured with Codex).
fn is_cipher(text: &JsonText<'_>) -> bool {
    text.escaped().starts_with("gAAAAA")
}

const AUDIO_NOTE: &str = "[audio left out]";
const IMAGE_NOTE: &str = "[image left out]";
const VIDEO_NOTE: &str = "[video left out]";
