//! The streaming events, one struct each, with the fields the API reference gives them.
//!
//! An event leaves as `event:` line, `data:` line and blank line in one piece: clients lose events whose
//! blank line comes in a later read (measured with Codex and the Open Responses compliance runner).
//! `sequence_number` is written last, so that everything before it is constant from delta to delta.
//!
//! A line break between two tokens of JSON would end the `data:` line. So whatever carries JSON from a
//! request or an upstream puts it in one line when it takes it over ([`json::line`]), and events are written
//! without looking at it again.

use std::cell::Cell;

use crate::json::{self, Digits, JsonBytes, JsonText, Object, Pieces, line, wide};

/// A streaming event.
pub trait Event {
    /// What the event begins with: its name and its `type`, which are the same, up to the comma before
    /// the next member.
    const HEAD: &'static str;

    /// Writes the members between `type` and `sequence_number`, of which there is one at least.
    fn members(&self, event: &mut Object<'_>);
}

/// Appends `event` to `out`, blank line included.
pub fn write<E: Event>(event: &E, sequence_number: u64, out: &mut Vec<u8>) {
    write_members(E::HEAD, &|object| event.members(object), sequence_number, out);
}

/// One function for all events: a short answer has one of each kind, so their code is cold.
#[inline(never)]
fn write_members(
    head: &'static str,
    members: &dyn Fn(&mut Object<'_>),
    sequence_number: u64,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(head.as_bytes());
    let start = out.len();
    json::members(out, members);
    debug_assert!(out.get(start..).is_some_and(line::is_one), "a line break in {head}");
    out.extend_from_slice(b",\"sequence_number\":");
    out.extend_from_slice(Digits::default().of(sequence_number, END));
}

/// What stands behind the number of an event.
const END: &[u8] = b"}\n\n";

/// What events carry whole: JSON that is made where it is written.
pub trait Carried {
    /// Appends one value, in one line.
    fn write(&self, out: &mut Vec<u8>);
}

impl Carried for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

/// What several events carry, one after the other, into the same buffer: from the second on it is copied.
pub struct Shared<'a> {
    value: &'a dyn Carried,
    /// Where it stands in the buffer, once it does.
    place: Cell<Option<(usize, usize)>>,
}

impl<'a> Shared<'a> {
    /// Something that has not been written yet.
    pub fn new(value: &'a dyn Carried) -> Self {
        Self { value, place: Cell::new(None) }
    }
}

impl Carried for Shared<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        match self.place.get().filter(|(_, end)| *end <= start) {
            Some((start, end)) => out.extend_from_within(start..end),
            None => {
                self.value.write(out);
                self.place.set(Some((start, out.len())));
            }
        }
    }
}

/// An event whose members stay the same from one piece to the next, all but its `delta` and its number.
///
/// Streams consist of little else, so what stays the same is written once per item.
#[derive(Debug)]
pub struct Repeated {
    /// What stands between two deltas: the end of one event, from the closing quote on, and the next
    /// one up to the opening quote.
    between: Vec<u8>,
    /// Where in it the number of the first event begins.
    number: usize,
    /// Where in it the next event begins.
    head: usize,
}

/// What the events of one read say together, about.
const RUN_BYTES: usize = 512;

impl Repeated {
    /// The event that will be repeated, with an empty `delta`; `None` for an event without one.
    pub fn new<E: Event>(event: &E) -> Option<Self> {
        // No other member is an empty string.
        const EMPTY: &[u8] = b":\"\"";
        let mut bytes = Vec::with_capacity(320);
        write(event, 0, &mut bytes);
        let members = bytes.get(E::HEAD.len()..)?;
        let quote = E::HEAD.len() + wide::find(members, EMPTY)? + EMPTY.len() - 1;
        let (head, tail) = bytes.split_at_checked(quote)?;
        let number = tail.strip_suffix(END)?.strip_suffix(b"0")?.len();
        Some(Self { between: [tail, head].concat(), number, head: tail.len() })
    }

    /// Appends the event with this `delta`: the same bytes as [`write`].
    pub fn write(&mut self, delta: &JsonText<'_>, sequence_number: u64, out: &mut Vec<u8>) {
        self.set_number(sequence_number);
        let (tail, head) = self.between.split_at_checked(self.head).unwrap_or_default();
        out.extend_from_slice(head);
        out.extend_from_slice(delta.escaped().as_bytes());
        out.extend_from_slice(tail);
    }

    /// Appends an event for each of these deltas and counts them; returns what they say together.
    pub fn write_all<'p>(
        &mut self,
        deltas: impl Iterator<Item = JsonBytes<'p>>,
        sequence_number: &mut u64,
        out: &mut Vec<u8>,
    ) -> JsonText<'static> {
        let mut said = Pieces::with_capacity(RUN_BYTES);
        self.set_number(*sequence_number);
        out.extend_from_slice(self.between.get(self.head..).unwrap_or_default());
        for delta in deltas {
            said.push(delta);
            delta.write(out);
            out.extend_from_slice(&self.between);
            *sequence_number += 1;
            self.count(*sequence_number);
        }
        // The head of an event that did not come.
        out.truncate(out.len() + self.head - self.between.len());
        said.into_text()
    }

    fn set_number(&mut self, number: u64) {
        let mut digits = Digits::default();
        let digits = digits.of(number, END);
        match self.between.get_mut(self.number..self.head) {
            Some(place) if place.len() == digits.len() => place.copy_from_slice(digits),
            _ => {
                self.between.splice(self.number..self.head, digits.iter().copied());
                self.head = self.number + digits.len();
            }
        }
    }

    /// Makes the number one larger, so that it becomes `next`.
    #[inline]
    fn count(&mut self, next: u64) {
        let end = self.head.saturating_sub(END.len());
        for digit in self.between.get_mut(self.number..end).unwrap_or_default().iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
        self.set_number(next);
    }
}

/// What ends every stream of the Open Responses specification; other clients ignore it.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// [`Event::HEAD`] for a `type`.
macro_rules! head {
    ($type:literal) => {
        concat!("event: ", $type, "\ndata: {\"type\":\"", $type, "\",")
    };
}

/// Declares event structs; each field is `name: kind`, where the kind says how it is written.
macro_rules! events {
    ($($(#[$doc:meta])* $type:literal => $name:ident { $($field:ident: $kind:ident),* })+) => {
        $(
            $(#[$doc])*
            #[allow(missing_docs, reason = "the fields are those of the API reference")]
            pub struct $name<'a> {
                $(pub $field: events!(@type $kind 'a),)*
            }

            impl Event for $name<'_> {
                const HEAD: &'static str = head!($type);

                fn members(&self, event: &mut Object<'_>) {
                    $(events!(@write $kind event self $field);)*
                }
            }
        )+
    };
    (@type index $a:lifetime) => { usize };
    (@type id $a:lifetime) => { &$a str };
    (@type str $a:lifetime) => { &$a str };
    (@type text $a:lifetime) => { &$a JsonText<$a> };
    (@type json $a:lifetime) => { &$a [u8] };
    (@type carried $a:lifetime) => { &$a dyn Carried };
    (@type nullable $a:lifetime) => { Option<&$a str> };
    (@write index $event:ident $self:ident $field:ident) => {
        $event.number(stringify!($field), $self.$field as u64)
    };
    (@write id $event:ident $self:ident $field:ident) => {
        $event.plain(stringify!($field), $self.$field)
    };
    (@write str $event:ident $self:ident $field:ident) => {
        $event.str(stringify!($field), $self.$field)
    };
    (@write text $event:ident $self:ident $field:ident) => {
        $event.text(stringify!($field), $self.$field)
    };
    (@write json $event:ident $self:ident $field:ident) => {
        $event.member(stringify!($field)).extend_from_slice($self.$field)
    };
    (@write carried $event:ident $self:ident $field:ident) => {
        $self.$field.write($event.member(stringify!($field)))
    };
    (@write nullable $event:ident $self:ident $field:ident) => {
        $event.value(stringify!($field), &$self.$field)
    };
}

events! {
    /// The response exists.
    "response.created" => Created { response: carried }
    /// The response is being made; repeated, with an empty output, it is a keep-alive.
    "response.in_progress" => InProgress { response: carried }
    /// The response is whole.
    "response.completed" => Completed { response: carried }
    /// The response was cut by a limit or a filter.
    "response.incomplete" => Incomplete { response: carried }
    /// The response failed.
    "response.failed" => Failed { response: carried }
    /// An item opens.
    "response.output_item.added" => OutputItemAdded { output_index: index, item: carried }
    /// An item is finished.
    "response.output_item.done" => OutputItemDone { output_index: index, item: carried }
    /// A content part opens.
    "response.content_part.added" => ContentPartAdded {
        item_id: id, output_index: index, content_index: index, part: carried
    }
    /// A content part is finished.
    "response.content_part.done" => ContentPartDone {
        item_id: id, output_index: index, content_index: index, part: carried
    }
    /// A piece of text. `logprobs` is a list, empty when none were asked for.
    "response.output_text.delta" => OutputTextDelta {
        item_id: id, output_index: index, content_index: index, delta: text, logprobs: json
    }
    /// The whole text of a part.
    "response.output_text.done" => OutputTextDone {
        item_id: id, output_index: index, content_index: index, text: text, logprobs: json
    }
    /// An annotation of the text so far.
    "response.output_text.annotation.added" => OutputTextAnnotationAdded {
        item_id: id, output_index: index, content_index: index, annotation_index: index,
        annotation: json
    }
    /// A piece of a refusal.
    "response.refusal.delta" => RefusalDelta {
        item_id: id, output_index: index, content_index: index, delta: text
    }
    /// The whole refusal.
    "response.refusal.done" => RefusalDone {
        item_id: id, output_index: index, content_index: index, refusal: text
    }
    /// A piece of raw reasoning.
    "response.reasoning_text.delta" => ReasoningTextDelta {
        item_id: id, output_index: index, content_index: index, delta: text
    }
    /// The whole raw reasoning of a part.
    "response.reasoning_text.done" => ReasoningTextDone {
        item_id: id, output_index: index, content_index: index, text: text
    }
    /// A part of a reasoning summary opens.
    "response.reasoning_summary_part.added" => ReasoningSummaryPartAdded {
        item_id: id, output_index: index, summary_index: index, part: carried
    }
    /// A part of a reasoning summary is finished.
    "response.reasoning_summary_part.done" => ReasoningSummaryPartDone {
        item_id: id, output_index: index, summary_index: index, part: carried
    }
    /// A piece of a reasoning summary.
    "response.reasoning_summary_text.delta" => ReasoningSummaryTextDelta {
        item_id: id, output_index: index, summary_index: index, delta: text
    }
    /// The whole text of a part of a reasoning summary.
    "response.reasoning_summary_text.done" => ReasoningSummaryTextDone {
        item_id: id, output_index: index, summary_index: index, text: text
    }
    /// A piece of a function call's arguments.
    "response.function_call_arguments.delta" => FunctionCallArgumentsDelta {
        item_id: id, output_index: index, delta: text
    }
    /// The whole arguments of a function call. OpenAI's schema requires `name`, the SDKs do not.
    "response.function_call_arguments.done" => FunctionCallArgumentsDone {
        item_id: id, output_index: index, name: str, arguments: text
    }
    /// A piece of a custom tool's input.
    "response.custom_tool_call_input.delta" => CustomToolCallInputDelta {
        item_id: id, output_index: index, delta: text
    }
    /// The whole input of a custom tool call.
    "response.custom_tool_call_input.done" => CustomToolCallInputDone {
        item_id: id, output_index: index, input: text
    }
}

/// Something went wrong; [`Failed`] follows.
///
/// OpenAI's schema has the members flat, Open Responses and OpenAI's own servers nest them in `error`.
/// Clients exist that read only one of the two forms, so both are sent (measured).
#[derive(Debug)]
pub struct Error<'a> {
    /// The code that clients act on.
    pub code: &'a str,
    /// What happened.
    pub message: &'a str,
    /// The request field at fault.
    pub param: Option<&'a str>,
    /// The kind of error, such as `server_error`.
    pub kind: &'a str,
}

impl Event for Error<'_> {
    const HEAD: &'static str = head!("error");

    fn members(&self, event: &mut Object<'_>) {
        let flat = |object: &mut Object<'_>| {
            object.str("code", self.code);
            object.str("message", self.message);
            object.optional_str("param", self.param);
        };
        flat(event);
        event.object("error", |error| {
            error.str("type", self.kind);
            flat(error);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::kept::JsonStr;

    #[test]
    fn an_event_is_two_lines_and_a_blank_one() {
        let mut out = Vec::new();
        let event = OutputTextDelta {
            item_id: "msg_1",
            output_index: 2,
            content_index: 0,
            delta: &JsonText::encode("a\n"),
            logprobs: b"[]",
        };
        write(&event, 9, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "event: response.output_text.delta\n\
             data: {\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\",\"output_index\":2,\
             \"content_index\":0,\"delta\":\"a\\n\",\"logprobs\":[],\"sequence_number\":9}\n\n"
        );
    }

    #[test]
    fn what_is_shared_is_the_same_in_each_event() {
        let response = br#"{"id":"resp_1"}"#.to_vec();
        let (mut shared_out, mut out) = (b"x".to_vec(), b"x".to_vec());
        let shared = Shared::new(&response);
        write(&Created { response: &shared }, 0, &mut shared_out);
        write(&InProgress { response: &shared }, 1, &mut shared_out);
        write(&Created { response: &response }, 0, &mut out);
        write(&InProgress { response: &response }, 1, &mut out);
        assert_eq!(shared_out, out);
    }

    #[test]
    fn a_repeated_event_is_the_event() {
        fn check<E: Event>(event: impl Fn(&'static JsonText<'static>) -> E) {
            static TEXTS: [JsonText<'static>; 2] = [JsonText::EMPTY, JsonStr::LINE_BREAK.text()];
            let mut repeated = Repeated::new(&event(&JsonText::EMPTY)).unwrap();
            for (text, number) in TEXTS.iter().zip([0, 1_234_567_890]) {
                let (mut plain, mut again) = (Vec::new(), Vec::new());
                write(&event(text), number, &mut plain);
                repeated.write(text, number, &mut again);
                assert_eq!(plain, again);
            }
            for first in [0, 8, 97, 12_995] {
                let (mut plain, mut again) = (b"x".to_vec(), b"x".to_vec());
                let (deltas, mut number) = (["\\n\"", "\""].repeat(6), first);
                let texts = deltas.iter().map(|text| JsonBytes::scan(text.as_bytes()).unwrap());
                let said = repeated.write_all(texts, &mut number, &mut again);
                for (text, number) in TEXTS.iter().rev().cycle().zip(first..first + 12) {
                    write(&event(text), number, &mut plain);
                }
                assert_eq!((plain, number), (again, first + 12));
                assert_eq!(said.escaped(), "\\n".repeat(6));
            }
        }
        let (item_id, output_index) = ("x_0123456789abcdef", 10);
        check(|delta| {
            let (content_index, logprobs) = (0, &b"[]"[..]);
            OutputTextDelta { item_id, output_index, content_index, delta, logprobs }
        });
        check(|delta| ReasoningTextDelta { item_id, output_index, content_index: 2, delta });
        check(|delta| ReasoningSummaryTextDelta { item_id, output_index, summary_index: 0, delta });
        check(|delta| FunctionCallArgumentsDelta { item_id, output_index, delta });
        check(|delta| CustomToolCallInputDelta { item_id, output_index, delta });
        assert!(
            Repeated::new(&OutputItemDone { output_index: 0, item: &b"{}".to_vec() }).is_none()
        );
    }

    #[test]
    fn an_error_has_both_forms() {
        let mut out = Vec::new();
        let event = Error { code: "c", message: "m", param: None, kind: "k" };
        write(&event, 1, &mut out);
        let text = String::from_utf8(out).unwrap();
        let data = text.lines().nth(1).unwrap().strip_prefix("data: ").unwrap();
        let value: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(value["code"], value["error"]["code"]);
        assert_eq!(value["error"]["type"], "k");
    }
}
