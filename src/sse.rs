//! Framing of upstream bodies: bytes in pieces of any size come in, whole events go out.
//!
//! What a body is, is read from its first byte that is neither blank nor part of a byte order mark,
//! never from a header: server-sent events, one JSON document per line, or one JSON document
//! (a completion, or an error) spread over any number of lines. The frames never depend on how the
//! bytes were cut. Nothing here knows what the documents mean.
//!
//! Server-sent events follow <https://html.spec.whatwg.org/multipage/server-sent-events.html>,
//! with what real upstreams need beyond it: a last event without its blank line counts, events may
//! stand one newline apart, and a bare JSON document between events is an event.

mod document;
mod line;
mod nesting;

use memchr::memchr;

use self::line::{opens_document, split_line};
pub use self::nesting::Nesting;

/// What a body brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The data of one event or line.
    Data {
        /// The event's name, empty if it has none.
        event: &'a [u8],
        /// The data lines, joined by newlines.
        data: &'a [u8],
    },
    /// `[DONE]`, the end mark of Chat Completions streams. Frames may still follow.
    Done,
    /// A comment, or another line without news: a sign of life.
    Comment,
    /// The body was one whole JSON document, or the part of it that arrived. One that ends with its
    /// first line may come as `Data`: more of them may follow.
    Document(&'a [u8]),
}

/// Where frames go.
pub type Sink<'s> = dyn FnMut(Frame<'_>) + 's;

/// An event, or a whole document, was longer than the limit. The decoder must not be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// The limit in bytes.
    pub event_bytes_max: usize,
}

/// Whether the limit has been kept.
type Fits = Result<(), TooLarge>;

/// What the body has proved to be so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// Only blanks have come.
    Blank,
    /// Server-sent events.
    Events,
    /// One JSON document per line.
    Lines,
    /// A JSON document whose end is not known yet: a second one would make it `Lines`.
    Document,
}

/// Cuts a body into [`Frame`]s.
///
/// Events that are whole within one push are given out from the pushed bytes without a copy; what
/// is carried to the next push is one unfinished line and the data of one unfinished event, each at
/// most `event_bytes_max` long.
pub struct Decoder {
    body: Body,
    /// The unfinished last line.
    line: Vec<u8>,
    /// The last line ended in CR: a LF that follows belongs to it.
    after_cr: bool,
    /// Data of the unfinished event, unless it still lies in the pushed bytes.
    data: Vec<u8>,
    /// Whether the unfinished event has data, which may be empty.
    has_data: bool,
    /// The unfinished event is JSON without `data:` before it.
    bare: bool,
    /// Name of the unfinished event.
    name: Vec<u8>,
    /// A name that came after data: this event's if a blank line follows, else the next one's.
    late_name: Vec<u8>,
    /// Where the document ends, if the body is one.
    nesting: Nesting,
    /// Whether a document whose end has come was JSON.
    is_json: Option<bool>,
    /// Whether it had a name that was searched for.
    has_name: Option<bool>,
    event_bytes_max: usize,
}

/// Buffers that grew beyond this are given back when they are empty: most streams idle.
const KEPT_BYTES: usize = 1 << 10;

/// Data of the current event that lies in the pushed bytes.
type InPlace<'b> = Option<&'b [u8]>;

impl Decoder {
    /// A decoder for one body. Events and documents may have `event_bytes_max` bytes.
    pub fn new(event_bytes_max: usize) -> Self {
        Self {
            body: Body::Blank,
            line: Vec::new(),
            after_cr: false,
            data: Vec::new(),
            has_data: false,
            bare: false,
            name: Vec::new(),
            late_name: Vec::new(),
            nesting: Nesting::default(),
            is_json: None,
            has_name: None,
            event_bytes_max,
        }
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// [`TooLarge`] when an event passes the limit; the frames before it have been given out.
    pub fn push(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), TooLarge> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.push_event(rest, sink)?;
        }
        Ok(())
    }

    /// How long an event may be.
    pub fn event_bytes_max(&self) -> usize {
        self.event_bytes_max
    }

    /// Bytes that wait for the rest of their event.
    pub fn unread_bytes(&self) -> usize {
        self.line.len() + self.data.len()
    }

    /// True between two events: nothing of the next one has come, and whatever comes is framed as it
    /// was after the last one.
    #[inline]
    pub fn is_between_events(&self) -> bool {
        self.body == Body::Events
            && self.line.is_empty()
            && !(self.after_cr || self.has_data || self.bare)
            && self.name.is_empty()
            && self.late_name.is_empty()
    }

    /// Takes the next bytes up to the next place between two events; returns those behind it.
    ///
    /// # Errors
    /// As [`Decoder::push`].
    pub fn push_event<'b>(
        &mut self,
        bytes: &'b [u8],
        sink: &mut Sink<'_>,
    ) -> Result<&'b [u8], TooLarge> {
        let mut rest = self.skip_blanks(bytes, sink);
        if self.body == Body::Document {
            self.nesting.read(rest);
        }
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        let mut in_place = None;
        while let Some((line, end, after)) = split_line(rest) {
            rest = after;
            if end == b'\r' {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            if self.line.is_empty() {
                self.check(line.len())?;
                self.read_line(line, &mut in_place, sink)?;
            } else {
                self.read_carried_line(line, sink)?;
            }
            if self.is_between_events() {
                return Ok(rest);
            }
        }
        if let Some(data) = in_place {
            self.data.extend_from_slice(data);
        }
        self.check(self.line.len() + rest.len())?;
        self.line.extend_from_slice(rest);
        Ok(&[])
    }

    /// The body has ended: gives out a last event that no blank line closed, or the document.
    ///
    /// # Errors
    /// [`TooLarge`] as for [`Decoder::push`].
    pub fn finish(&mut self, sink: &mut Sink<'_>) -> Result<(), TooLarge> {
        let line = std::mem::take(&mut self.line);
        let mut in_place = None;
        if !line.is_empty() {
            self.read_line(&line, &mut in_place, sink)?;
        }
        if self.body == Body::Document {
            self.end_document(in_place, sink);
        } else {
            self.end_event(in_place, sink);
        }
        Ok(())
    }

    /// Drops what stands before the body proper and decides what the body is.
    fn skip_blanks<'b>(&mut self, bytes: &'b [u8], sink: &mut Sink<'_>) -> &'b [u8] {
        let mut rest = bytes;
        while self.body == Body::Blank {
            let Some((&first, after)) = rest.split_first() else { break };
            match first {
                b'\n' => sink(Frame::Comment),
                b' ' | b'\t' | b'\r' | 0xEF | 0xBB | 0xBF => {}
                // Markup is no answer at all, but its reader needs all of it to say so.
                b'{' | b'[' | b'"' | b'<' => self.body = Body::Document,
                _ => self.body = Body::Events,
            }
            if self.body == Body::Blank {
                rest = after;
            }
        }
        rest
    }

    fn check(&self, len: usize) -> Fits {
        if len > self.event_bytes_max {
            return Err(TooLarge { event_bytes_max: self.event_bytes_max });
        }
        Ok(())
    }

    /// Reads the line that earlier pushes began and `tail` ends.
    fn read_carried_line(&mut self, tail: &[u8], sink: &mut Sink<'_>) -> Fits {
        let mut line = std::mem::take(&mut self.line);
        self.check(line.len() + tail.len())?;
        line.extend_from_slice(tail);
        let mut in_place = None;
        self.read_line(&line, &mut in_place, sink)?;
        if let Some(data) = in_place {
            self.data.extend_from_slice(data);
        }
        self.line = emptied(line);
        Ok(())
    }

    fn read_line<'b>(
        &mut self,
        line: &'b [u8],
        in_place: &mut InPlace<'b>,
        sink: &mut Sink<'_>,
    ) -> Fits {
        match self.body {
            Body::Blank | Body::Events => self.read_event_line(line, in_place, sink),
            Body::Lines => self.read_json_line(line, in_place, sink),
            Body::Document => self.read_document_line(line, in_place, sink),
        }
    }

    fn read_event_line<'b>(
        &mut self,
        line: &'b [u8],
        in_place: &mut InPlace<'b>,
        sink: &mut Sink<'_>,
    ) -> Fits {
        if line.is_empty() {
            self.end_event(in_place.take(), sink);
            return Ok(());
        }
        let (field, value) = match memchr(b':', line) {
            Some(at) => line.split_at_checked(at).unwrap_or((line, b"")),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.bare {
                    self.end_event(in_place.take(), sink);
                }
                self.add_data(value, in_place, sink)
            }
            b"event" => {
                let name = if self.has_data { &mut self.late_name } else { &mut self.name };
                name.clear();
                name.extend_from_slice(value);
                Ok(())
            }
            b"id" | b"retry" => Ok(()),
            // An error written into the stream by someone who did not know it was one.
            _ if opens_document(line) || (self.bare && !field.is_empty()) => {
                self.bare = true;
                self.add_data(line, in_place, sink)
            }
            _ => {
                sink(Frame::Comment);
                Ok(())
            }
        }
    }

    /// Adds a data line to the current event.
    fn add_data<'b>(
        &mut self,
        value: &'b [u8],
        in_place: &mut InPlace<'b>,
        sink: &mut Sink<'_>,
    ) -> Fits {
        let done = value.trim_ascii() == b"[DONE]";
        if self.has_data && (done || opens_document(value) && self.is_whole(*in_place)) {
            let late_name = std::mem::take(&mut self.late_name);
            let bare = self.bare;
            self.end_event(in_place.take(), sink);
            self.name = late_name;
            self.bare = bare;
        }
        if done {
            self.clear();
            sink(Frame::Done);
            return Ok(());
        }
        self.join(value, in_place)
    }

    fn join<'b>(&mut self, value: &'b [u8], in_place: &mut InPlace<'b>) -> Fits {
        if !self.has_data {
            self.has_data = true;
            *in_place = Some(value);
            return Ok(());
        }
        if let Some(first) = in_place.take() {
            self.data.extend_from_slice(first);
        }
        self.check(self.data.len() + 1 + value.len())?;
        self.data.push(b'\n');
        self.data.extend_from_slice(value);
        Ok(())
    }

    /// True when a document that follows cannot belong to the data so far: in JSON no `{` or `[`
    /// ever stands directly behind a closing bracket.
    fn is_whole(&self, in_place: InPlace<'_>) -> bool {
        let data = in_place.unwrap_or(&self.data);
        matches!(data.trim_ascii_end().last(), Some(b'}' | b']'))
    }

    fn end_event(&mut self, in_place: InPlace<'_>, sink: &mut Sink<'_>) {
        let event = if self.late_name.is_empty() { &self.name } else { &self.late_name };
        if self.has_data {
            sink(Frame::Data { event, data: in_place.unwrap_or(&self.data) });
        } else if !event.is_empty() {
            sink(Frame::Comment);
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.has_data = false;
        self.bare = false;
        self.name.clear();
        self.late_name.clear();
        self.data = emptied(std::mem::take(&mut self.data));
    }
}

fn emptied(mut buffer: Vec<u8>) -> Vec<u8> {
    if buffer.capacity() > KEPT_BYTES {
        return Vec::new();
    }
    buffer.clear();
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames as text, from pieces of `size` bytes.
    fn frames(body: &[u8], size: usize) -> Vec<String> {
        let mut seen = Vec::new();
        let mut sink = |frame: Frame<'_>| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            seen.push(match frame {
                Frame::Data { event: b"", data } => format!("data {}", text(data)),
                Frame::Data { event, data } => format!("{} {}", text(event), text(data)),
                Frame::Done => "done".to_owned(),
                Frame::Comment => "comment".to_owned(),
                Frame::Document(document) => format!("document {}", text(document)),
            });
        };
        let mut decoder = Decoder::new(1 << 20);
        for piece in body.chunks(size) {
            decoder.push(piece, &mut sink).unwrap();
        }
        decoder.finish(&mut sink).unwrap();
        seen
    }

    /// The frames of a body, which must not depend on the cuts.
    #[track_caller]
    fn check(body: &str, expected: &[&str]) {
        for size in 1..=body.len().max(1) {
            assert_eq!(frames(body.as_bytes(), size), expected, "pieces of {size} bytes");
        }
    }

    #[test]
    fn a_document_is_whole_when_its_last_bracket_has_come() {
        let document = "{\"a\": [1,\n {\"b\": \"}\"}\n]}";
        for size in 1..document.len() {
            let mut decoder = Decoder::new(1 << 20);
            let mut seen = 0;
            for piece in document.as_bytes().chunks(size) {
                assert!(!decoder.is_whole_document(), "{seen} bytes in pieces of {size}");
                decoder.push(piece, &mut |_| {}).unwrap();
                seen += piece.len();
            }
            assert!(decoder.is_whole_document());
        }
        let mut decoder = Decoder::new(1 << 20);
        decoder.push(b"data: {}\n\n", &mut |_| {}).unwrap();
        assert!(!decoder.is_whole_document());
    }

    #[test]
    fn w1_line_ends_of_all_kinds() {
        for end in ["\n", "\r", "\r\n"] {
            let body = ["data: a", "", "event: x", "data: b", "", "data: [DONE]", "", ""].join(end);
            check(&body, &["data a", "x b", "done"]);
        }
    }

    #[test]
    fn w1_byte_order_mark_and_no_space_after_the_colon() {
        check("\u{feff}data:{\"a\":\"é\"}\n\ndata:  b\n\n", &["data {\"a\":\"é\"}", "data  b"]);
    }

    #[test]
    fn w1_comments_and_lines_without_news() {
        check(
            ": PROCESSING\n\nid: 7\nretry: 10\ndata: a\n\n:\nevent: ping\n\nnonsense\ndata\n\n",
            &["comment", "data a", "comment", "comment", "comment", "data "],
        );
    }

    #[test]
    fn w1_data_lines_are_joined_by_newlines() {
        check("data: {\"a\":\ndata: 1}\n\n", &["data {\"a\":\n1}"]);
    }

    #[test]
    fn w1_events_one_newline_apart() {
        check(
            "event: a\ndata: {\"x\":1}\nevent: b\ndata: {\"x\":2}\ndata: [DONE]\n",
            &["a {\"x\":1}", "b {\"x\":2}", "done"],
        );
        check("data: tick\ndata: [DONE]\n", &["data tick", "done"]);
    }

    #[test]
    fn w1_a_name_behind_its_data_counts() {
        check("data: {\"x\":1}\nevent: error\n\ndata: 2\n\n", &["error {\"x\":1}", "data 2"]);
    }

    #[test]
    fn w1_the_last_event_needs_no_blank_line() {
        check("data: {\"x\":1}", &["data {\"x\":1}"]);
        check("data: [DONE]", &["done"]);
    }

    #[test]
    fn w1_blank_lines_before_a_document() {
        check("\n\r\n {\"x\":\n 1}\n\n", &["comment", "comment", "document {\"x\":\n 1}"]);
    }

    #[test]
    fn w2_a_document_followed_by_the_end_mark() {
        check("{\"x\":\n1}\n\ndata: [DONE]\n\n", &["document {\"x\":\n1}", "done"]);
        check("{\"x\":1}\n\ndata: [DONE]\n\n", &["data {\"x\":1}", "comment", "done"]);
        check("{\"x\":{}\n,\"y\":\"{\"}", &["document {\"x\":{}\n,\"y\":\"{\"}"]);
        check("[\n{\"error\":{}}\n]", &["document [\n{\"error\":{}}\n]"]);
        check("<html>\n</html>", &["document <html>\n</html>"]);
        check("\"busy\"", &["document \"busy\""]);
    }

    #[test]
    fn w2_a_truncated_document_is_given_out() {
        check("{\"x\":\n{\"y\"", &["document {\"x\":\n{\"y\""]);
    }

    #[test]
    fn w3_one_document_per_line() {
        check(
            "{\"x\":1}\n{\"x\":2}\n\nbroken\n{\"x\":3}\n[DONE]\n",
            &[
                "data {\"x\":1}",
                "data {\"x\":2}",
                "comment",
                "data broken",
                "data {\"x\":3}",
                "done",
            ],
        );
        check("{\"x\":1}\n[DONE]", &["data {\"x\":1}", "done"]);
    }

    #[test]
    fn w3_lines_are_live() {
        let mut seen = 0;
        let mut decoder = Decoder::new(100);
        decoder.push(b"{\"x\":\"}\"}\n", &mut |_| seen += 1).unwrap();
        assert_eq!(seen, 1);
        decoder.push(b"{\"x\":2}\n", &mut |_| seen += 1).unwrap();
        assert_eq!(seen, 2);
    }

    #[test]
    fn e1_a_bare_document_between_events() {
        check(
            "data: {\"x\":1}\n\n{\"error\":\n  {\"code\": 1}\n}\ndata: [DONE]\n\n",
            &["data {\"x\":1}", "data {\"error\":\n  {\"code\": 1}\n}", "done"],
        );
        check("data: {\"x\":1}\n{\"y\":2}\n", &["data {\"x\":1}", "data {\"y\":2}"]);
    }

    #[test]
    fn events_in_one_push_are_not_copied() {
        let body = b"data: {\"x\":1}\n\ndata: {\"x\":2}\n\n";
        let mut decoder = Decoder::new(100);
        let mut sink = |frame: Frame<'_>| match frame {
            Frame::Data { data, .. } => assert!(body.as_ptr_range().contains(&data.as_ptr())),
            other => panic!("{other:?}"),
        };
        decoder.push(body, &mut sink).unwrap();
        assert_eq!(decoder.data.capacity() + decoder.line.capacity(), 0);
    }

    #[test]
    fn the_limit_holds_however_the_bytes_are_cut() {
        for (body, fits) in [
            ("data: 1234\n\n", true),
            ("data: 12345\n\n", false),
            ("data: 12\ndata: 34\ndata: 567\n\n", true),
            ("data: 12\ndata: 34\ndata: 56789\n\n", false),
            ("{\"a\":\n123}", true),
            ("{\"a\":\n12345}", false),
            ("{\"a\":123456", false),
        ] {
            for size in 1..=body.len() {
                let mut decoder = Decoder::new(10);
                let mut result = Ok(());
                for piece in body.as_bytes().chunks(size) {
                    result = result.and_then(|()| decoder.push(piece, &mut |_| {}));
                }
                result = result.and_then(|()| decoder.finish(&mut |_| {}));
                let expected = if fits { Ok(()) } else { Err(TooLarge { event_bytes_max: 10 }) };
                assert_eq!(result, expected, "{body:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn large_buffers_are_given_back() {
        let mut decoder = Decoder::new(1 << 20);
        let event = [b"data: ", &vec![b'x'; 100_000][..], b"\n\n"].concat();
        for piece in event.chunks(7_000) {
            decoder.push(piece, &mut |_| {}).unwrap();
        }
        assert!(decoder.line.capacity() + decoder.data.capacity() <= 2 * KEPT_BYTES);
    }
}
