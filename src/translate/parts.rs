//! Content parts, as far as the upstream takes them. A note takes the place of every other one.

use std::fmt;

use crate::chat::request as chat;
use crate::dialect::{Attachments, Dialect, ImageDetail, Images, ToolImages};
use crate::error::ApiError;
use crate::json::JsonText;
use crate::responses::content::{File, Image, Part};

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
pub(super) struct Parts<'c> {
    pub(super) dialect: &'c Dialect,
    pub(super) place: Place,
    /// Where the parts stand, for errors.
    pub(super) param: &'c dyn fmt::Display,
}

impl Parts<'_> {
    /// The parts in the form the upstream takes.
    ///
    /// # Errors
    /// A part cannot be expressed and is not to be dropped.
    pub(super) fn convert<'d>(
        &self,
        parts: &[Part<'d>],
        report: &mut Report,
    ) -> Result<Vec<chat::Part<'d>>, ApiError> {
        let mut converted = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            converted.extend(self.one(part, &Element { of: self.param, index }, report)?);
        }
        Ok(converted)
    }

    fn one<'d>(
        &self,
        part: &Part<'d>,
        at: &Element<'_>,
        report: &mut Report,
    ) -> Result<Option<chat::Part<'d>>, ApiError> {
        match part {
            Part::Text(text) | Part::Refusal(text) => Ok(Some(chat::Part::Text(text.clone()))),
            Part::Encrypted(text) if is_cipher(text) => {
                report.drop(&treatment::ENCRYPTED_CONTENT, at).map(|()| None)
            }
            Part::Encrypted(text) => Ok(Some(chat::Part::Text(text.clone()))),
            Part::Image(image) => self.image(image, at, report).map(Some),
            Part::File(file) => self.file(file, at, report).map(Some),
            Part::Audio(audio) => {
                if self.takes_attachments() && self.dialect.audio == Attachments::Forward {
                    return Ok(Some(chat::Part::Audio(audio.raw())));
                }
                self.note(&treatment::INPUT_AUDIO, AUDIO_NOTE, at, report).map(Some)
            }
            Part::Video => self.note(&treatment::INPUT_VIDEO, VIDEO_NOTE, at, report).map(Some),
            Part::Unknown => report.drop(&treatment::OTHER, at).map(|()| None),
        }
    }

    fn takes_attachments(&self) -> bool {
        match self.place {
            Place::User => true,
            Place::ToolOutput => self.dialect.tool_images != ToolImages::Drop,
            Place::Other => false,
        }
    }

    fn image<'d>(
        &self,
        image: &Image<'d>,
        at: &Element<'_>,
        report: &mut Report,
    ) -> Result<chat::Part<'d>, ApiError> {
        let taken = image.url.as_ref().filter(|url| {
            self.takes_attachments()
                && match self.dialect.images {
                    Images::All => true,
                    Images::DataUrlOnly => url.escaped().starts_with("data:"),
                    Images::None => false,
                }
        });
        match taken {
            Some(url) => Ok(chat::Part::Image { url: url.clone(), detail: self.detail(image) }),
            None => self.note(&treatment::INPUT_IMAGE, IMAGE_NOTE, at, report),
        }
    }

    fn detail<'d>(&self, image: &Image<'d>) -> Option<JsonText<'d>> {
        if self.dialect.image_detail == ImageDetail::Drop {
            return None;
        }
        match image.detail.as_ref()?.escaped() {
            "original" => Some(JsonText::encode("high")),
            "auto" | "high" | "low" => image.detail.clone(),
            _ => None,
        }
    }

    fn file<'d>(
        &self,
        file: &File<'d>,
        at: &Element<'_>,
        report: &mut Report,
    ) -> Result<chat::Part<'d>, ApiError> {
        let has_content = file.data.is_some() || file.id.is_some();
        if has_content && self.takes_attachments() && self.dialect.files == Attachments::Forward {
            return Ok(chat::Part::File {
                data: file.data.clone(),
                id: file.id.clone().filter(|_| file.data.is_none()),
                name: file.name.clone(),
            });
        }
        let mut note = "[file left out".to_owned();
        for known in [&file.name, &file.url].into_iter().flatten() {
            note.push_str(": ");
            note.push_str(&known.decode());
        }
        note.push(']');
        self.note(&treatment::INPUT_FILE, &note, at, report)
    }

    fn note<'d>(
        &self,
        row: &Row,
        note: &str,
        at: &Element<'_>,
        report: &mut Report,
    ) -> Result<chat::Part<'d>, ApiError> {
        report.drop(row, at)?;
        Ok(chat::Part::Text(JsonText::encode(note).into_owned()))
    }
}

/// Where one part stands.
struct Element<'c> {
    of: &'c dyn fmt::Display,
    index: usize,
}

impl fmt::Display for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.of, self.index)
    }
}

/// Agent messages carry clear text in `encrypted_content` unless OpenAI's server wrote them; its
/// ciphers are Fernet tokens, which begin with a version byte and a zero (measured with Codex).
fn is_cipher(text: &JsonText<'_>) -> bool {
    text.escaped().starts_with("gAAAAA")
}

const AUDIO_NOTE: &str = "[audio left out]";
const IMAGE_NOTE: &str = "[image left out]";
const VIDEO_NOTE: &str = "[video left out]";
