//! Reasoning while it arrives. It grows in silence until it is its turn, like a message.

use super::envelope::Envelope;
use super::items::Live;
use super::output::Place;
use super::sink::Sink;
use crate::config::ReasoningOutput;
use crate::ids::Ids;
use crate::json::JsonText;
use crate::responses::event::{self, Carried, Repeated};
use crate::responses::output::{ItemStatus, OutputItem, OutputPart};

/// Reasoning under construction.
#[derive(Debug)]
pub struct Reasoning {
    form: ReasoningOutput,
    text: JsonText<'static>,
    place: Option<Place>,
    /// The event that carries pieces.
    repeated: Option<Repeated>,
    /// What must come back with the item.
    pub envelope: Envelope,
}

impl Reasoning {
    /// Reasoning of which nothing is known but the form clients get.
    pub fn new(form: ReasoningOutput) -> Self {
        Self {
            form,
            text: JsonText::EMPTY,
            place: None,
            repeated: None,
            envelope: Envelope::default(),
        }
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: &JsonText<'_>, sink: &mut Sink<'_>) {
        if self.text.is_empty() {
            self.open_part(sink);
        }
        self.text.push(piece);
        if let Some(place) = &self.place {
            place.send_reasoning(self.form, &mut self.repeated, piece, sink);
        }
    }

    /// The text, if the next piece of it is carried by an event like the last one.
    pub(super) fn live(&mut self) -> Option<Live<'_>> {
        let repeated = self.repeated.as_mut()?;
        Some(Live { text: &mut self.text, repeated, sent: None })
    }

    /// Tells the client about the item, if it does not know it yet.
    pub fn announce(&mut self, output_index: usize, ids: &mut Ids, sink: &mut Sink<'_>) {
        if self.place.is_some() {
            return;
        }
        let id = ids.next("rs");
        let item = &OutputItem::Reasoning {
            id: &id,
            status: ItemStatus::InProgress,
            summary: b"",
            content: None,
            encrypted_content: None,
        };
        sink.emit(&event::OutputItemAdded { output_index, item });
        self.place = Some(Place { id, output_index });
        if !self.text.is_empty() {
            self.open_part(sink);
            if let Some(place) = &self.place {
                place.send_reasoning(self.form, &mut self.repeated, &self.text, sink);
            }
        }
    }

    /// Finishes the item and returns it.
    ///
    /// The envelope goes with it whether `include` asked for `reasoning.encrypted_content` or not:
    /// clients replay it all the same, and without it reasoning could not find its way back.
    pub fn close(self, status: ItemStatus, sink: &mut Sink<'_>) -> Vec<u8> {
        let mut item = Vec::new();
        let Some(place) = &self.place else { return item };
        let mut part = Vec::new();
        if !self.text.is_empty() {
            self.close_part(place, sink);
            self.part(&self.text).write(&mut part);
        }
        let envelope = (!self.envelope.is_empty()).then(|| self.envelope.seal());
        let (summary, content): (&[u8], _) = match self.form {
            ReasoningOutput::Summary => (&part, None),
            ReasoningOutput::Text => (b"", Some(part.as_slice())),
        };
        OutputItem::Reasoning {
            id: &place.id,
            status,
            summary,
            content,
            encrypted_content: envelope.as_deref(),
        }
        .write(&mut item);
        sink.emit(&event::OutputItemDone { output_index: place.output_index, item: &item });
        item
    }

    fn part<'t>(&self, text: &'t JsonText<'t>) -> OutputPart<'t> {
        let kind = match self.form {
            ReasoningOutput::Summary => "summary_text",
            ReasoningOutput::Text => "reasoning_text",
        };
        OutputPart::Reasoning { kind, text }
    }

    fn open_part(&self, sink: &mut Sink<'_>) {
        let Some(place) = &self.place else { return };
        let part = &self.part(&JsonText::EMPTY);
        let (item_id, output_index) = (place.id.as_str(), place.output_index);
        match self.form {
            ReasoningOutput::Summary => sink.emit(&event::ReasoningSummaryPartAdded {
                item_id,
                output_index,
                summary_index: 0,
                part,
            }),
            ReasoningOutput::Text => {
                sink.emit(&event::ContentPartAdded {
                    item_id,
                    output_index,
                    content_index: 0,
                    part,
                });
            }
        }
    }

    fn close_part(&self, place: &Place, sink: &mut Sink<'_>) {
        let (item_id, output_index, text) = (place.id.as_str(), place.output_index, &self.text);
        let part = &self.part(text);
        match self.form {
            ReasoningOutput::Summary => {
                sink.emit(&event::ReasoningSummaryTextDone {
                    item_id,
                    output_index,
                    summary_index: 0,
                    text,
                });
                sink.emit(&event::ReasoningSummaryPartDone {
                    item_id,
                    output_index,
                    summary_index: 0,
                    part,
                });
            }
            ReasoningOutput::Text => {
                sink.emit(&event::ReasoningTextDone {
                    item_id,
                    output_index,
                    content_index: 0,
                    text,
                });
                sink.emit(&event::ContentPartDone {
                    item_id,
                    output_index,
                    content_index: 0,
                    part,
                });
            }
        }
    }
}

impl Place {
    fn send_reasoning(
        &self,
        form: ReasoningOutput,
        repeated: &mut Option<Repeated>,
        delta: &JsonText<'_>,
        sink: &mut Sink<'_>,
    ) {
        let (item_id, output_index) = (self.id.as_str(), self.output_index);
        let empty = &JsonText::EMPTY;
        match form {
            ReasoningOutput::Summary => sink.repeat(repeated, delta, || {
                let summary_index = 0;
                event::ReasoningSummaryTextDelta {
                    item_id,
                    output_index,
                    summary_index,
                    delta: empty,
                }
            }),
            ReasoningOutput::Text => sink.repeat(repeated, delta, || {
                let content_index = 0;
                event::ReasoningTextDelta { item_id, output_index, content_index, delta: empty }
            }),
        }
    }
}
