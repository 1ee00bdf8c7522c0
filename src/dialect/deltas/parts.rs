//! Content in all its shapes: text, lists of parts, images.

use super::Reader;
use crate::chat::lenient::{Raw, members};
use crate::dialect::outlet::Sink;
use crate::dialect::reasoning::Reasoning;
use crate::dialect::value::{self, Kind};
use crate::json::JsonText;

impl Reader {
    /// Reads text, a list of parts (S3) or what else stands in `content`.
    pub(super) fn read_content(&mut self, content: Raw<'_>, sink: &mut Sink<'_>) {
        let Some(raw) = content else { return };
        match raw.kind() {
            Kind::String => {
                if let Some(text) = value::text(content) {
                    self.read_text(text, sink);
                }
            }
            Kind::Number => self.read_text(JsonText::encode(raw.raw()), sink),
            Kind::Object => self.read_part(content, sink),
            Kind::Array => {
                for element in value::elements(content) {
                    match element.kind() {
                        Kind::String => self.read_content(Some(element), sink),
                        Kind::Object => self.read_part(Some(element), sink),
                        Kind::Array | Kind::Bool | Kind::Null | Kind::Number => {}
                    }
                }
            }
            Kind::Bool | Kind::Null => {}
        }
    }

    /// S3: one part of a content list. Parts of unknown types are no text.
    fn read_part(&mut self, raw: Raw<'_>, sink: &mut Sink<'_>) {
        let Some(part) = value::object::<Part<'_>>(raw) else { return };
        match value::word(part.kind).as_deref() {
            Some("thinking" | "reasoning") => {
                let fields = [part.thinking, part.reasoning, part.text];
                let Some(source) = fields.into_iter().flatten().next() else { return };
                self.read_reasoning(&Reasoning { field: "content_thinking", source }, sink);
            }
            Some("refusal") => {
                if let Some(text) = value::text(part.refusal) {
                    self.interrupt(sink);
                    self.outlet.refusal(text, sink);
                }
            }
            Some("image_url" | "image" | "output_image") => self.read_image(raw, sink),
            None | Some("text" | "output_text") => {
                if let Some(text) = value::text(part.text) {
                    self.read_text(text, sink);
                }
                if part.annotations.is_some() {
                    self.outlet.annotations(part.annotations, sink);
                }
            }
            Some(_) => {}
        }
    }

    /// W7: `{"image_url":{"url":…}}`, `{"image_url":"…"}` or `{"url":…}`.
    pub(super) fn read_image(&mut self, raw: Raw<'_>, sink: &mut Sink<'_>) {
        let Some(image) = value::object::<Image<'_>>(raw) else { return };
        let nested = value::object::<Image<'_>>(image.image_url);
        let url = nested.map_or(image.url, |nested| nested.url);
        if let Some(url) = value::text(image.image_url).or_else(|| value::text(url)) {
            self.interrupt(sink);
            self.outlet.image(url, sink);
        }
    }
}

members! {
    /// A part of a content list.
    struct Part {
        kind("type"),
        text,
        thinking,
        reasoning,
        refusal,
        annotations,
    }

    struct Image {
        image_url,
        url,
    }
}
