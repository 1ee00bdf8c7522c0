//! Content in all its shapes: text, lists of parts, images.

use serde_json::value::RawValue;

use super::Reader;
use crate::chat::lenient::{Maybe, Raw};
use crate::dialect::outlet::Sink;
use crate::dialect::reasoning::Reasoning;
use crate::dialect::value::{self, Kind};
use crate::json::JsonText;

impl Reader {
    /// Reads text, a list of parts (S3) or what else stands in `content`.
    pub(super) fn read_content(&mut self, content: Raw<'_>, sink: &mut Sink<'_>) {
        let Some(raw) = content else { return };
        match value::kind(raw) {
            Kind::String => {
                if let Some(text) = value::text(content) {
                    self.read_text(text, sink);
                }
            }
            Kind::Number => self.read_text(JsonText::encode(raw.get()), sink),
            Kind::Object => self.read_part(raw, sink),
            Kind::Array => {
                for element in value::elements(content) {
                    match value::kind(element) {
                        Kind::String => self.read_content(Some(element), sink),
                        Kind::Object => self.read_part(element, sink),
                        Kind::Array | Kind::Bool | Kind::Number => {}
                    }
                }
            }
            Kind::Bool => {}
        }
    }

    /// S3: one part of a content list. Parts of unknown types are no text.
    fn read_part(&mut self, raw: &RawValue, sink: &mut Sink<'_>) {
        let Ok(part) = serde_json::from_str::<Part<'_>>(raw.get()) else { return };
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
    pub(super) fn read_image(&mut self, raw: &RawValue, sink: &mut Sink<'_>) {
        let Ok(image) = serde_json::from_str::<Image<'_>>(raw.get()) else { return };
        let nested = image
            .image_url
            .and_then(|inner| serde_json::from_str::<Maybe<Image<'_>>>(inner.get()).ok()?.0);
        let url = nested.map_or(image.url, |nested| nested.url);
        if let Some(url) = value::text(image.image_url).or_else(|| value::text(url)) {
            self.interrupt(sink);
            self.outlet.image(url, sink);
        }
    }
}

/// A part of a content list.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    text: Raw<'a>,
    #[serde(borrow)]
    thinking: Raw<'a>,
    #[serde(borrow)]
    reasoning: Raw<'a>,
    #[serde(borrow)]
    refusal: Raw<'a>,
    #[serde(borrow)]
    annotations: Raw<'a>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Image<'a> {
    #[serde(borrow)]
    image_url: Raw<'a>,
    #[serde(borrow)]
    url: Raw<'a>,
}
