//! Bodies that are JSON: one document per line, or one document over any number of lines.

use super::line::{is_field, is_whole_object, opens_document};
use super::{Body, Decoder, Fits, Frame, InPlace, Sink};
use crate::json::document::is_document;
use crate::json::wide;

impl Decoder {
    /// Whether all that has come belongs to one JSON document, whole or not.
    pub fn is_document(&self) -> bool {
        self.body == Body::Document
    }

    /// Whether all that has come is one whole JSON document, though other lines may still follow. It is
    /// read for that once at most.
    pub fn is_whole_document(&mut self) -> bool {
        if !self.is_document() || !self.nesting.is_closed() {
            return false;
        }
        let Self { data, line, is_json, .. } = self;
        *is_json.get_or_insert_with(|| {
            let document = [data.as_slice(), line.as_slice()].join(&b'\n');
            is_document(&document)
        })
    }

    /// Whether all that has come is one whole JSON document in which nothing is called `name`, which stands in
    /// every document of a body that has more of them. It is searched once at most.
    pub fn is_whole_document_without(&mut self, name: &str) -> bool {
        if !self.is_whole_document() {
            return false;
        }
        let Self { data, line, has_name, .. } = self;
        let quoted = format!("\"{name}\"");
        let is_in = |text: &[u8]| wide::find(text, quoted.as_bytes()).is_some();
        !*has_name.get_or_insert_with(|| is_in(data) || is_in(line))
    }

    pub(super) fn read_json_line<'b>(
        &mut self,
        line: &'b [u8],
        in_place: &mut InPlace<'b>,
        sink: &mut Sink<'_>,
    ) -> Fits {
        if is_field(line) {
            self.body = Body::Events;
            return self.read_event_line(line, in_place, sink);
        }
        match line.trim_ascii() {
            b"" => sink(Frame::Comment),
            b"[DONE]" => sink(Frame::Done),
            data => sink(Frame::Data { event: b"", data }),
        }
        Ok(())
    }

    pub(super) fn read_document_line<'b>(
        &mut self,
        line: &'b [u8],
        in_place: &mut InPlace<'b>,
        sink: &mut Sink<'_>,
    ) -> Fits {
        if self.has_data && is_field(line) {
            self.end_document(in_place.take(), sink);
            self.body = Body::Events;
            return self.read_event_line(line, in_place, sink);
        }
        if !self.has_data && is_whole_object(line) {
            self.body = Body::Lines;
            return self.read_json_line(line, in_place, sink);
        }
        if self.has_data && opens_document(line) && self.is_whole(*in_place) {
            self.end_event(in_place.take(), sink);
            self.body = Body::Lines;
            return self.read_json_line(line, in_place, sink);
        }
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        self.join(line, in_place)
    }

    pub(super) fn end_document(&mut self, in_place: InPlace<'_>, sink: &mut Sink<'_>) {
        match in_place.unwrap_or(&self.data).trim_ascii() {
            b"" => {}
            b"[DONE]" => sink(Frame::Done),
            document => sink(Frame::Document(document)),
        }
        self.clear();
    }
}
