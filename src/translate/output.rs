//! Messages while they arrive.
//!
//! An item grows in silence until it is its turn: [`Message::announce`] then tells the client everything
//! so far, and every later piece at once. [`super::reasoning`] does the same.

use super::items::Live;
use super::sink::Sink;
use crate::ids::Ids;
use crate::json::JsonText;
use crate::responses::event::{self, Carried, Repeated};
use crate::responses::output::{ItemStatus, OutputItem, OutputPart};

/// Where an announced item stands in the stream.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: String,
    pub(super) output_index: usize,
}

/// A message under construction.
#[derive(Debug, Default)]
pub struct Message {
    parts: Vec<Part>,
    place: Option<Place>,
    /// The event that carries pieces of the last part.
    repeated: Option<Repeated>,
}

/// One content part. Lists are JSON without brackets.
#[derive(Debug)]
struct Part {
    kind: PartKind,
    text: JsonText<'static>,
    annotations: Vec<Vec<u8>>,
    logprobs: Vec<u8>,
}

/// The two kinds of content an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// `refusal`.
    Refusal,
    /// `output_text`.
    Text,
}

impl Message {
    /// Adds a piece of text or refusal. `logprobs` are the elements of the list that belongs to it.
    pub fn push(
        &mut self,
        kind: PartKind,
        piece: &JsonText<'_>,
        logprobs: &[u8],
        sink: &mut Sink<'_>,
    ) {
        if self.parts.last().is_none_or(|part| part.kind != kind) {
            self.close_part(sink);
            self.parts.push(Part {
                kind,
                text: JsonText::EMPTY,
                annotations: Vec::new(),
                logprobs: Vec::new(),
            });
            self.repeated = None;
            self.open_part(sink);
        }
        let content_index = self.parts.len().saturating_sub(1);
        let Some(part) = self.parts.last_mut() else { return };
        part.text.push(piece);
        append_elements(logprobs, &mut part.logprobs);
        self.send_piece(kind, content_index, piece, logprobs, sink);
    }

    /// The last part, if the next piece of it is carried by an event like the last one.
    pub(super) fn live(&mut self) -> Option<Live<'_>> {
        let part = self.parts.last_mut().filter(|part| part.kind == PartKind::Text)?;
        let repeated = self.repeated.as_mut()?;
        Some(Live { text: &mut part.text, repeated, sent: None })
    }

    fn send_piece(
        &mut self,
        kind: PartKind,
        content_index: usize,
        delta: &JsonText<'_>,
        logprobs: &[u8],
        sink: &mut Sink<'_>,
    ) {
        let Some(Place { id, output_index }) = &self.place else { return };
        let (item_id, output_index) = (id.as_str(), *output_index);
        let text = |delta, logprobs| event::OutputTextDelta {
            item_id,
            output_index,
            content_index,
            delta,
            logprobs,
        };
        match kind {
            PartKind::Text if logprobs.is_empty() => {
                sink.repeat(&mut self.repeated, delta, || text(&JsonText::EMPTY, b"[]"));
            }
            PartKind::Text => sink.emit(&text(delta, &list(logprobs))),
            PartKind::Refusal => {
                sink.emit(&event::RefusalDelta { item_id, output_index, content_index, delta });
            }
        }
    }

    /// Adds an annotation to the text so far.
    pub fn annotate(&mut self, annotation: &str, sink: &mut Sink<'_>) {
        let content_index = self.parts.len().saturating_sub(1);
        let Some(part) = self.parts.last_mut().filter(|part| part.kind == PartKind::Text) else {
            return;
        };
        let annotation_index = part.annotations.len();
        part.annotations.push(annotation.as_bytes().to_vec());
        if let Some(place) = &self.place {
            sink.emit(&event::OutputTextAnnotationAdded {
                item_id: &place.id,
                output_index: place.output_index,
                content_index,
                annotation_index,
                annotation: annotation.as_bytes(),
            });
        }
    }

    /// Tells the client about the message, if it does not know it yet.
    pub fn announce(&mut self, output_index: usize, ids: &mut Ids, sink: &mut Sink<'_>) {
        if self.place.is_some() {
            return;
        }
        let id = ids.next("msg");
        let item = &OutputItem::Message { id: &id, status: ItemStatus::InProgress, content: b"" };
        sink.emit(&event::OutputItemAdded { output_index, item });
        let mut waiting = std::mem::take(&mut self.parts);
        self.place = Some(Place { id, output_index });
        for part in waiting.drain(..) {
            self.push(part.kind, &part.text, &part.logprobs, sink);
            for annotation in &part.annotations {
                self.annotate(&String::from_utf8_lossy(annotation), sink);
            }
        }
    }

    /// Finishes the message; returns its item.
    pub fn close(self, status: ItemStatus, sink: &mut Sink<'_>) -> Vec<u8> {
        self.close_part(sink);
        let bytes: usize = self.parts.iter().map(Part::bytes).sum();
        let mut content = Vec::with_capacity(bytes);
        for part in &self.parts {
            separate(&mut content);
            part.write(&mut content);
        }
        let mut item = Vec::with_capacity(bytes + 160);
        let Some(place) = &self.place else { return item };
        OutputItem::Message { id: &place.id, status, content: &content }.write(&mut item);
        sink.emit(&event::OutputItemDone { output_index: place.output_index, item: &item });
        item
    }

    fn open_part(&self, sink: &mut Sink<'_>) {
        let (Some(place), Some(part)) = (&self.place, self.parts.last()) else { return };
        sink.emit(&event::ContentPartAdded {
            item_id: &place.id,
            output_index: place.output_index,
            content_index: self.parts.len() - 1,
            part,
        });
    }

    fn close_part(&self, sink: &mut Sink<'_>) {
        let (Some(place), Some(part)) = (&self.place, self.parts.last()) else { return };
        let (item_id, output_index) = (place.id.as_str(), place.output_index);
        let content_index = self.parts.len() - 1;
        match part.kind {
            PartKind::Text => sink.emit(&event::OutputTextDone {
                item_id,
                output_index,
                content_index,
                text: &part.text,
                logprobs: &list(&part.logprobs),
            }),
            PartKind::Refusal => sink.emit(&event::RefusalDone {
                item_id,
                output_index,
                content_index,
                refusal: &part.text,
            }),
        }
        sink.emit(&event::ContentPartDone { item_id, output_index, content_index, part });
    }
}

impl Part {
    /// How large it is, about, when it has no annotations.
    fn bytes(&self) -> usize {
        self.text.len() + self.logprobs.len() + 80
    }
}

impl Carried for Part {
    fn write(&self, out: &mut Vec<u8>) {
        match self.kind {
            PartKind::Refusal => OutputPart::Refusal { refusal: &self.text }.write(out),
            PartKind::Text => OutputPart::Text {
                text: &self.text,
                annotations: &self.annotations.join(&b','),
                logprobs: &self.logprobs,
            }
            .write(out),
        }
    }
}

/// Appends list elements to others.
pub fn append_elements(elements: &[u8], list: &mut Vec<u8>) {
    if !elements.is_empty() {
        separate(list);
        list.extend_from_slice(elements);
    }
}

fn separate(list: &mut Vec<u8>) {
    if !list.is_empty() {
        list.push(b',');
    }
}

fn list(elements: &[u8]) -> Vec<u8> {
    [b"[", elements, b"]"].concat()
}
