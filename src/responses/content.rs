//! Content parts of messages and tool outputs.

use crate::error::Refused;
use crate::json::JsonText;
use crate::json::document::{Kind, Value};

use super::read::{Fields, Path};

/// A part of a message or of a tool output.
#[derive(Clone, Debug)]
pub enum Part<'d> {
    /// `input_audio`: the object with `data` and `format`.
    Audio(Value<'d>),
    /// `encrypted_content`: of an agent message, in clear text unless OpenAI made it.
    Encrypted(JsonText<'d>),
    /// `input_file`
    File(File<'d>),
    /// `input_image`, `computer_screenshot`
    Image(Image<'d>),
    /// `refusal`
    Refusal(JsonText<'d>),
    /// `input_text`, `output_text` and other text.
    Text(JsonText<'d>),
    /// `input_video`
    Video,
    /// A type this filter does not know.
    Unknown,
}

/// A file.
#[derive(Clone, Debug)]
pub struct File<'d> {
    /// The content as a data URL.
    pub data: Option<JsonText<'d>>,
    /// An id at a server that stores files.
    pub id: Option<JsonText<'d>>,
    /// Its name.
    pub name: Option<JsonText<'d>>,
    /// Where it can be fetched.
    pub url: Option<JsonText<'d>>,
}

/// An image.
#[derive(Clone, Debug)]
pub struct Image<'d> {
    /// A URL or data URL; absent when the image is a stored file.
    pub url: Option<JsonText<'d>>,
    /// How exactly to look: `low`, `high`, `auto`, `original`.
    pub detail: Option<JsonText<'d>>,
}

/// Gives the parts of content, a string or an array of them, to `each`, with the place of each.
///
/// # Errors
/// Those of `each`, or the name of what is no part.
pub fn parts<'d>(
    content: Value<'d>,
    path: &Path<'_>,
    each: &mut dyn FnMut(&Part<'d>, &Path<'_>) -> Result<(), Refused>,
) -> Result<(), Refused> {
    match content.kind() {
        Kind::String => each(&Part::Text(content.text().unwrap_or_default()), &path.element(0)),
        Kind::Array => {
            for (index, part) in content.elements().enumerate() {
                let path = path.element(index);
                each(&Part::read(part, &path)?, &path)?;
            }
            Ok(())
        }
        _ => Err(path.mismatch("a string or an array of content parts", content)),
    }
}

impl<'d> Part<'d> {
    /// One part.
    ///
    /// # Errors
    /// Names what is missing or of the wrong kind.
    pub fn read(value: Value<'d>, path: &Path<'_>) -> Result<Self, Refused> {
        let fields = Fields::of(value, path)?;
        Ok(match &*fields.required_word("type")? {
            "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
                Self::Text(fields.required_text("text")?)
            }
            "refusal" => Self::Refusal(fields.required_text("refusal")?),
            "input_image" | "computer_screenshot" => Self::Image(Image::read(&fields)?),
            "input_file" => Self::File(File {
                data: fields.text("file_data")?,
                id: fields.text("file_id")?,
                name: fields.text("filename")?,
                url: fields.text("file_url")?,
            }),
            "input_audio" => match fields.of_kind("input_audio", Kind::Object)? {
                Some(audio) => Self::Audio(audio),
                None => Self::Unknown,
            },
            "input_video" => Self::Video,
            "encrypted_content" => Self::Encrypted(fields.required_text("encrypted_content")?),
            _ => Self::Unknown,
        })
    }
}

impl<'d> Image<'d> {
    fn read(fields: &Fields<'d, '_>) -> Result<Self, Refused> {
        // Chat Completions nests the URL; some clients send that form.
        let nested = fields.any("image_url").filter(|url| url.kind() == Kind::Object);
        let (url, detail) = match nested {
            Some(object) => {
                let path = fields.path("image_url");
                let object = Fields::of(object, &path)?;
                (object.text("url")?, object.text("detail")?)
            }
            None => (fields.text("image_url")?, fields.text("detail")?),
        };
        if url.is_none() && fields.any("file_id").is_none() {
            return Err(fields.path("image_url").missing());
        }
        Ok(Self { url, detail })
    }
}
