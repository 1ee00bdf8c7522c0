//! Steady streams: one event after the other that differs from the one before in a single text.
//!
//! Parsing is a function of bytes. When an event has brought one piece of text and nothing else but token
//! counts, and nothing waits in the reader, then an event that differs from it in nothing but that text
//! brings that text and nothing else. So does one that differs in members that nobody asks for, and, but for
//! the counts, one that differs in those: see [`varying`]. Whoever recognises such an event by its bytes may
//! hand its text to [`Reader::repeat`] and save the parse. Everything that is not certain is not steady.

use std::ops::Range;

use super::chunk::Chunk;
use super::deltas::Reader;
use super::outlet::Sink;
use super::value::{self, Kind};
use super::{Delta, ToolCallDelta, usage};
use crate::chat::lenient::Members;
use crate::chat::response::{Choice, Message};
use crate::json::JsonText;
use crate::json::document::{Document, Value};

/// Where the text of a steady event goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// To the answer.
    Text,
    /// To the reasoning.
    Reasoning,
    /// To the arguments of a call.
    Arguments {
        /// Its slot.
        slot: usize,
    },
}

/// The one piece that an event brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steady {
    /// Where it went.
    pub channel: Channel,
    /// Where its text stood in memory: addresses to compare with those of the event, no more.
    pub addresses: Range<usize>,
}

/// What is seen of the deltas of one event.
#[derive(Debug, Default)]
pub(super) enum Watch {
    #[default]
    Nothing,
    One(Steady),
    More,
}

impl Watch {
    pub(super) fn see(&mut self, delta: &Delta<'_>) {
        if let (Self::One(_), Delta::Usage(_)) = (&self, delta) {
            // The same counts are no news, and of others whoever recognises the event tells.
            return;
        }
        let piece = match (&self, delta) {
            (Self::Nothing, Delta::Text(text)) => Some((Channel::Text, text)),
            (Self::Nothing, Delta::Reasoning(text)) => Some((Channel::Reasoning, text)),
            (Self::Nothing, Delta::ToolCall(call)) if call.is_bare() => {
                Some((Channel::Arguments { slot: call.slot }, &call.arguments))
            }
            _ => None,
        };
        *self = match piece {
            Some((channel, text)) => {
                let (start, end) = addresses(text.escaped());
                Self::One(Steady { channel, addresses: start..end })
            }
            None => Self::More,
        };
    }

    pub(super) fn one(self) -> Option<Steady> {
        match self {
            Self::One(steady) => Some(steady),
            Self::Nothing | Self::More => None,
        }
    }
}

/// What may differ at a place of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Varying {
    /// The inside of a string.
    String,
    /// A number.
    Number,
    /// Nothing: token counts begin here, which [`Reader::count`] must see.
    CountsBegin,
    /// Nothing: they have ended.
    CountsEnd,
}

/// Places in memory: addresses to compare with those of the event, no more.
type Places = Vec<(Varying, Range<usize>)>;

/// Where the data of an event may differ without another consequence than other token counts. Strings and
/// numbers may in members that nobody asks for, and counts may be others.
pub fn varying(data: &[u8]) -> Places {
    let mut places = Places::new();
    let Some(document) = std::str::from_utf8(data).ok().and_then(value::document) else {
        return places;
    };
    let chunk: Chunk<'_> = unread_members(document.root(), &mut places);
    for choice in value::objects(chunk.choices) {
        let choice: Choice<'_> = unread_members(choice, &mut places);
        if let Some(delta) = choice.delta {
            unread_members::<Message<'_>>(delta, &mut places);
        }
    }
    if let Some(usage) = chunk.usage.filter(|usage| usage.kind() == Kind::Object) {
        let (begin, end) = addresses(usage.raw());
        places.push((Varying::CountsBegin, begin..begin));
        let mut counts = Places::new();
        scalars(usage, &mut counts);
        places.extend(counts.into_iter().filter(|(varying, _)| *varying == Varying::Number));
        places.push((Varying::CountsEnd, end..end));
    }
    places
}

/// Finds the values in those members that a `T` does not have; returns what it has.
fn unread_members<'d, T: Members<'d>>(object: Value<'d>, places: &mut Places) -> T {
    let mut members = T::default();
    for (name, value) in object.named_members() {
        if !members.set(&name, Some(value)) {
            scalars(value, places);
        }
    }
    members
}

fn scalars(value: Value<'_>, places: &mut Places) {
    let (start, end) = addresses(value.raw());
    match value.kind() {
        Kind::String => places.push((Varying::String, start + 1..end - 1)),
        Kind::Number => places.push((Varying::Number, start..end)),
        Kind::Array => value.elements().for_each(|element| scalars(element, places)),
        Kind::Object => value.named_members().for_each(|(_, value)| scalars(value, places)),
        Kind::Bool | Kind::Null => {}
    }
}

fn addresses(text: &str) -> (usize, usize) {
    let addresses = text.as_bytes().as_ptr_range();
    (addresses.start as usize, addresses.end as usize)
}

impl ToolCallDelta<'_> {
    /// Whether this brings arguments and nothing else.
    fn is_bare(&self) -> bool {
        self.id.is_none() && self.name.is_none() && self.extra.is_none()
    }
}

impl Reader {
    /// What the last event brought, if any event that differs from it in nothing but this text and what is
    /// [`varying`] brings that text, in the same way, and nothing but other token counts.
    pub fn steady(&self) -> Option<&Steady> {
        self.steady.as_ref()
    }

    /// Reads another event like the last one, which was steady; `text` is what it differs in, and not
    /// empty.
    pub fn repeat(&mut self, channel: Channel, text: JsonText<'_>, sink: &mut Sink<'_>) {
        match channel {
            Channel::Text => sink(Delta::Text(text)),
            Channel::Reasoning => sink(Delta::Reasoning(text)),
            Channel::Arguments { slot } => {
                self.said(channel, &text);
                let call = ToolCallDelta { slot, arguments: text, ..ToolCallDelta::default() };
                sink(Delta::ToolCall(call));
            }
        }
    }

    /// Keeps what [`Self::repeat`] keeps of texts that have been passed on without it.
    pub fn said(&mut self, channel: Channel, text: &JsonText<'_>) {
        match channel {
            Channel::Text | Channel::Reasoning => {}
            Channel::Arguments { slot } => self.outlet.calls.append(slot, text),
        }
    }

    /// Keeps the token counts of events like the last one, each of them JSON, in their order.
    pub fn count(&mut self, counts: &[&[u8]], sink: &mut Sink<'_>) {
        // The last that are no zeros are what counts: zeros came before, or others, so they change nothing.
        for counts in counts.iter().rev() {
            let document = std::str::from_utf8(counts).ok().and_then(value::document);
            let root = document.as_ref().map(Document::root);
            if usage::read(root).is_some_and(|usage| usage.total_tokens > 0) {
                return self.read_usage(root, sink);
            }
        }
    }

    /// Whether a piece for this channel would now pass as it is and leave nothing behind.
    pub(super) fn passes(&self, channel: Channel) -> bool {
        let nothing_waits = !self.think.is_waiting()
            && !self.text_growth.is_waiting()
            && !self.reasoning_growth.is_waiting()
            && self.outlet.is_idle();
        nothing_waits
            && match channel {
                Channel::Text => self.think.is_through() && self.text_growth.is_pieces(),
                Channel::Reasoning => {
                    self.outlet.by_field
                        && !self.think.is_inside()
                        && self.reasoning_growth.is_pieces()
                }
                Channel::Arguments { slot } => self.outlet.calls.bare() == Some(slot),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    /// The channel of the last of these events, if the next may be like it.
    fn channel(events: &[&str]) -> Option<Channel> {
        let dialect = Dialect::new("generic", "{}").unwrap();
        let mut reader = Reader::new(&dialect, vec!["f".to_owned()]);
        for event in events {
            reader.read(b"", event.as_bytes(), &mut |_| {});
        }
        reader.steady().map(|steady| steady.channel)
    }

    fn delta(members: &str) -> String {
        format!(r#"{{"choices":[{{"delta":{{{members}}}}}]}}"#)
    }

    #[test]
    fn a_stream_of_one_kind_is_steady() {
        let text = delta(r#""content":"a""#);
        assert_eq!(channel(&[&text, &text]), Some(Channel::Text));
        let thought = delta(r#""content":"","reasoning_content":"a""#);
        assert_eq!(channel(&[&thought, &thought]), Some(Channel::Reasoning));
        let call = delta(r#""tool_calls":[{"index":0,"id":"i","function":{"name":"f"}}]"#);
        let more = delta(r#""tool_calls":[{"index":0,"function":{"arguments":"{"}}]"#);
        assert_eq!(channel(&[&call, &more]), Some(Channel::Arguments { slot: 0 }));
        // Counts are no news by the side of a text.
        let counted = text.replace("}]}", r#"}],"usage":{"total_tokens":3}}"#);
        assert_eq!(channel(&[&text, &text, &counted]), Some(Channel::Text));
        // The next one may turn out to be the second of a growing snapshot.
        assert_eq!(channel(&[&text]), None);
    }

    #[test]
    fn whatever_else_comes_is_not() {
        let text = delta(r#""content":"a""#);
        for other in [
            delta(r#""content":"""#),
            delta(r#""content":"a","refusal":"b""#),
            delta(r#""content":"a","reasoning_content":"b""#),
            text.replace("}}]", r#"},"finish_reason":"stop"}]"#),
            text.replace("}]}", r#"}],"service_tier":"flex"}"#),
            text.replace("}]}", r#"}],"model":"m"}"#),
            text.replace("{\"choices", "\"choices"),
        ] {
            assert_eq!(channel(&[&text, &text, &other]), None, "{other}");
        }
    }

    #[test]
    fn nothing_may_wait() {
        let text = delta(r#""content":"a""#);
        let details = delta(r#""reasoning":"a","reasoning_details":[{"text":"a","index":0}]"#);
        assert_eq!(channel(&[&text, &text, &details, &details]), None);
    }
}
