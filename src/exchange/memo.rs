//! The fast way for what streams consist of: events that differ from the one before in one text.
//!
//! A memo holds the event that the general way has just read, framing included. Bytes that are the same
//! but for what stands between the quotes of that text are an event like it: neither its lines nor its
//! JSON need to be looked at again, and the text is carried over in its escaped form. Whether the next
//! such event brings just its text, only the reader knows: see [`crate::dialect::steady`]. The general
//! way defines what comes out; what is unusual in any respect goes there.
//!
//! Some upstreams let more than the text differ: a time, random padding, token counts. Values that the
//! reader leaves unread may do so, and do once they have. Counts may, too, which it then must see.
//!
//! ```text
//!  data: {"id":"c-1","choices":[{"delta":{"content":"text"}}],"padding":"xyz"}
//!  ──────────────────────────────────────────────────^^^^──────────────^^^────
//!                   the same in each event           holes
//!
//!  nothing known ── event read ──> one hole: its text
//!        one hole, or more ── next event is alike ──> (passed on unread)
//!        one hole, or more ── next event is not, and is read ──> the values in which both differ
//!                                      become holes, unless they differ elsewhere: one hole
//! ```

use std::ops::Range;

use crate::dialect::steady::{self, Channel, Steady, Varying};
use crate::json::{JsonBytes, wide};

/// The event before, and where those like it may differ from it.
#[derive(Debug, Default)]
pub struct Memo {
    /// Where the texts go; `None` when there is nothing to compare with.
    channel: Option<Channel>,
    /// The event as it came. Kept when it is forgotten, to tell what differs from one to the next.
    event: Vec<u8>,
    /// Places in it, in their order.
    holes: Vec<Hole>,
    /// Where its data stands; `None` when it had a name.
    data: Option<Range<usize>>,
    /// How often in a row two events have differed where they may not.
    misfits: u8,
    /// Whether nothing is remembered.
    is_off: bool,
}

/// A place at which events may differ.
#[derive(Clone, Debug)]
struct Hole {
    place: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The text that the event brings, between the quotes.
    Text,
    /// Something that is not news.
    Other(Varying),
}

/// An event like the one before.
#[derive(Clone, Copy, Debug)]
pub struct Alike<'b> {
    /// What it brings.
    pub text: JsonBytes<'b>,
    /// Its token counts, if they may be others than before.
    pub counts: Option<&'b [u8]>,
    /// What stands behind it.
    pub behind: &'b [u8],
}

/// An event longer than this is not remembered: streams that idle keep the memory.
const EVENT_BYTES_MAX: usize = 2 << 10;

/// In an event with more values that might differ nobody looks for those that do.
const PLACES_MAX: usize = 64;

/// An event that differs in more places is as quickly read.
const HOLES_MAX: usize = 12;

/// To look for what differs is given up after so many events between which it was of no use.
const MISFITS_MAX: u8 = 16;

/// Numbers of so few digits are within what the general way takes.
const NUMBER_BYTES_MAX: usize = 32;

impl Memo {
    /// Remembers nothing from now on.
    pub fn turn_off(&mut self) {
        self.is_off = true;
        self.forget();
    }

    /// Forgets the event before.
    pub fn forget(&mut self) {
        self.channel = None;
    }

    /// Remembers `event`, one whole event as it came, if it brought the text at these addresses and
    /// the text stands in it as it is. `data` is where its data stood, if it had no name.
    pub fn learn(&mut self, event: &[u8], steady: &Steady, data: Option<&Range<usize>>) {
        self.forget();
        let text = place(event, &steady.addresses).filter(|place| is_quoted(event, place));
        let (Some(place), false) = (text, self.is_off || event.len() > EVENT_BYTES_MAX) else {
            return;
        };
        let text = Hole { place, kind: Kind::Text };
        let data = data.and_then(|data| self::place(event, data));
        let holes = self.differing(event, text.clone(), data.as_ref());
        self.holes = holes.unwrap_or_else(|| vec![text]);
        self.event.clear();
        self.event.extend_from_slice(event);
        self.data = data;
        let known = self.recognise(event, event.len()).is_some_and(|event| event.behind.is_empty());
        self.channel = Some(steady.channel).filter(|_| known);
    }

    /// Where `event` may differ from the one before and does, or did earlier; `None` when it differs
    /// elsewhere.
    fn differing(
        &mut self,
        event: &[u8],
        text: Hole,
        data: Option<&Range<usize>>,
    ) -> Option<Vec<Hole>> {
        if self.event.is_empty() || self.misfits >= MISFITS_MAX {
            return None;
        }
        self.misfits += 1;
        let others = steady::varying(event.get(data?.clone())?);
        let others = others.into_iter().filter_map(|(varying, addresses)| {
            Some(Hole { place: place(event, &addresses)?, kind: Kind::Other(varying) })
        });
        let mut holes: Vec<Hole> = Vec::new();
        for hole in others.chain([text]).take(PLACES_MAX + 1) {
            let before = holes.partition_point(|known| known.place.start < hole.place.start);
            holes.insert(before, hole);
        }
        if holes.len() > PLACES_MAX {
            return None;
        }
        let mut differing = Vec::new();
        let alike = walk(event, &holes, 0..event.len(), &self.event, &mut |hole, before| {
            let at = before.as_ptr() as usize - self.event.as_ptr() as usize;
            let differs = match hole.kind {
                Kind::Text | Kind::Other(Varying::CountsBegin | Varying::CountsEnd) => true,
                Kind::Other(Varying::String | Varying::Number) => {
                    event.get(hole.place.clone()) != Some(before)
                        || self.holes.iter().any(|known| known.place.start == at)
                }
            };
            if differs {
                differing.push(hole.clone());
            }
        });
        alike.filter(|alike| alike.behind.is_empty() && differing.len() <= HOLES_MAX)?;
        self.misfits = 0;
        Some(differing)
    }

    /// Where the texts of known events go, if there are any.
    pub fn channel(&self) -> Option<Channel> {
        self.channel
    }

    /// The event that `bytes` begin with, unless it is longer than allowed; `None` when it is not like
    /// the one before.
    #[inline]
    pub fn recognise<'b>(&self, bytes: &'b [u8], event_bytes_max: usize) -> Option<Alike<'b>> {
        let alike = match &self.holes[..] {
            // What nearly all events are: there is nothing to loop over.
            [Hole { place, kind: Kind::Text }] => {
                let rest = wide::strip_long_prefix(bytes, self.event.get(..place.start)?)?;
                let text = JsonBytes::scan(rest).filter(|text| !text.is_empty())?;
                let behind = self.event.get(place.end..)?;
                let behind = wide::strip_long_prefix(text.behind(), behind)?;
                Alike { text, counts: None, behind }
            }
            holes => walk(&self.event, holes, 0..self.event.len(), bytes, &mut |_, _| {})?,
        };
        (bytes.len() - alike.behind.len() <= event_bytes_max).then_some(alike)
    }

    /// The event without a name that consists of this data; `None` when it is not like the one before.
    pub fn recognise_data<'b>(&self, data: &'b [u8]) -> Option<Alike<'b>> {
        let alike = walk(&self.event, &self.holes, self.data.clone()?, data, &mut |_, _| {})?;
        alike.behind.is_empty().then_some(alike)
    }
}

/// Compares `bytes` with a part of an event that has the holes in it; `found` is told what stands in
/// each.
#[inline(never)]
fn walk<'b>(
    event: &[u8],
    holes: &[Hole],
    part: Range<usize>,
    bytes: &'b [u8],
    found: &mut dyn FnMut(&Hole, &'b [u8]),
) -> Option<Alike<'b>> {
    let (mut at, mut rest, mut text) = (part.start, bytes, None);
    let (mut counts_begin, mut counts) = (rest, None);
    for hole in holes {
        rest = wide::strip_long_prefix(rest, event.get(at..hole.place.start)?)?;
        let behind = match hole.kind {
            Kind::Text => {
                let bytes = JsonBytes::scan(rest).filter(|bytes| !bytes.is_empty())?;
                text = Some(bytes);
                bytes.behind()
            }
            Kind::Other(Varying::String) => JsonBytes::scan(rest)?.behind(),
            Kind::Other(Varying::Number) => behind_number(rest)?,
            Kind::Other(Varying::CountsBegin) => {
                counts_begin = rest;
                rest
            }
            Kind::Other(Varying::CountsEnd) => {
                counts = counts_begin.get(..counts_begin.len() - rest.len());
                rest
            }
        };
        found(hole, rest.get(..rest.len() - behind.len()).unwrap_or_default());
        (at, rest) = (hole.place.end, behind);
    }
    let behind = wide::strip_long_prefix(rest, event.get(at..part.end)?)?;
    Some(Alike { text: text?, counts, behind })
}

/// What stands behind a number without exponent.
fn behind_number(bytes: &[u8]) -> Option<&[u8]> {
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let behind = match unsigned {
        [b'0', behind @ ..] => behind,
        _ => behind_digits(unsigned)?,
    };
    let behind = match behind {
        [b'.', fraction @ ..] => behind_digits(fraction)?,
        _ => behind,
    };
    (bytes.len() - behind.len() <= NUMBER_BYTES_MAX).then_some(behind)
}

fn behind_digits(bytes: &[u8]) -> Option<&[u8]> {
    let digits = wide::digits_len(bytes);
    bytes.get(digits..).filter(|_| digits > 0)
}

/// Where in `event` these addresses are, if they are.
fn place(event: &[u8], addresses: &Range<usize>) -> Option<Range<usize>> {
    let start = addresses.start.checked_sub(event.as_ptr() as usize)?;
    let end = start + addresses.len();
    (end <= event.len()).then_some(start..end)
}

fn is_quoted(event: &[u8], place: &Range<usize>) -> bool {
    let before = place.start.checked_sub(1).and_then(|at| event.get(at));
    before == Some(&b'"') && event.get(place.end) == Some(&b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A memo of this event, which brought this text.
    fn memo(event: &str, text: &str) -> Memo {
        let mut memo = Memo::default();
        let at = event.rfind(text).unwrap();
        let addresses = event.as_bytes()[at..at + text.len()].as_ptr_range();
        let addresses = addresses.start as usize..addresses.end as usize;
        let data = event.trim_start_matches("data: ").trim_end().as_bytes().as_ptr_range();
        let data = data.start as usize..data.end as usize;
        let steady = Steady { channel: Channel::Text, addresses };
        memo.learn(event.as_bytes(), &steady, Some(&data));
        memo
    }

    const EVENT: &str = "data: {\"id\":\"chunk\",\"content\":\"text\"}\n\n";

    #[test]
    fn an_event_that_differs_in_its_text_is_known() {
        let memo = memo(EVENT, "text");
        for text in ["text", "x", "\\n\\\"", "\\u00e9é🦀", " "] {
            let event = EVENT.replace("text", text);
            let bytes = format!("{event}data: ");
            let alike = memo.recognise(bytes.as_bytes(), event.len()).unwrap();
            assert_eq!((alike.text.bytes(), alike.behind), (text.as_bytes(), &b"data: "[..]));
            assert!(memo.recognise(bytes.as_bytes(), event.len() - 1).is_none());
            let data = event.trim_start_matches("data: ").trim_end();
            let known = memo.recognise_data(data.as_bytes()).unwrap();
            assert_eq!(known.text.bytes(), text.as_bytes());
        }
    }

    #[test]
    fn any_other_event_is_not() {
        let memo = memo(EVENT, "text");
        for event in [
            EVENT.replace("chunk", "other"),
            EVENT.replace("}\n", ",\"usage\":1}\n"),
            EVENT.replace("\n\n", "\n"),
            EVENT.replace("\"text\"", "\"\""),
            EVENT.replace("text", "\\ud83d\\ude00"),
            EVENT.replace("text", "\\x"),
            EVENT.replace("text", "a\tb"),
            EVENT.replace("text\"}", "text"),
        ] {
            assert!(memo.recognise(event.as_bytes(), 1 << 10).is_none(), "{event}");
            let data = event.trim_start_matches("data: ").trim_end();
            // What stands behind the data is not its concern.
            let same = data == EVENT.trim_start_matches("data: ").trim_end();
            assert_eq!(memo.recognise_data(data.as_bytes()).is_some(), same, "{event}");
        }
        let mut broken = EVENT.replace("text", "ab").into_bytes();
        broken[EVENT.find("text").unwrap()] = 0xff;
        assert!(memo.recognise(&broken, 1 << 10).is_none());
    }

    /// Has `memo` learn another event, which brought "text".
    fn learn(memo: &mut Memo, event: &str) {
        let at = |part: &str| {
            let start = event.as_ptr() as usize + event.find(part).unwrap();
            start..start + part.len()
        };
        let steady = Steady { channel: Channel::Text, addresses: at("text") };
        let data = event.trim_start_matches("data: ").trim_end();
        memo.learn(event.as_bytes(), &steady, Some(&at(data)));
    }

    fn knows(memo: &Memo, event: &str) -> bool {
        let alike = memo.recognise(event.as_bytes(), 1 << 10);
        assert!(alike.is_none_or(|alike| alike.text.bytes() == b"text" && alike.behind.is_empty()));
        let data = event.trim_start_matches("data: ").trim_end().as_bytes();
        assert_eq!(alike.is_some(), memo.recognise_data(data).is_some());
        alike.is_some()
    }

    /// An event with these values of members, some of which nobody reads.
    fn event([id, model, created, index, role]: [&str; 5]) -> String {
        let choice = format!(r#"{{"index":{index},"delta":{{"role":{role},"content":"text"}}}}"#);
        format!(
            "data: {{\"id\":{id},\"model\":{model},\"x\":[{{\"created\":{created}}}],\
             \"choices\":[{choice}]}}\n\n"
        )
    }

    const MEMBERS: [&str; 5] = ["\"a\"", "\"m\"", "7", "0", "\"assistant\""];

    #[test]
    fn what_nobody_reads_may_differ_once_it_has() {
        let [id, model, created, index, role] = MEMBERS;
        let mut memo = Memo::default();
        learn(&mut memo, &event(MEMBERS));
        for other in ["\"ab\"", "\"\"", "\"x\\n\\\"é\""] {
            assert!(!knows(&memo, &event([other, model, created, index, role])));
        }
        learn(&mut memo, &event(["\"ab\"", model, created, index, role]));
        for other in ["\"ab\"", "\"\"", "\"x\\n\\\"é\""] {
            assert!(knows(&memo, &event([other, model, created, index, role])), "{other}");
            assert!(!knows(&memo, &event([other, model, created, index, "\"user\""])));
        }
        for other in ["7", "null", "\"\\ud83d\"", "\"\\x\"", "\"", "{}"] {
            assert!(!knows(&memo, &event([other, model, created, index, role])), "{other}");
        }
        // What has differed before still may, together with what differs now.
        learn(&mut memo, &event(["\"ab\"", model, "70", index, role]));
        for other in ["7", "0", "-1", "1763700000", "0.25", "10.0"] {
            assert!(knows(&memo, &event([id, model, other, index, role])), "{other}");
        }
        for other in ["01", "-", "1.", "1e3", "", "\"7\"", "1 2", &"1".repeat(33)] {
            assert!(!knows(&memo, &event([id, model, other, index, role])), "{other}");
        }
    }

    #[test]
    fn token_counts_may_differ_and_are_told() {
        let event = |total: &str, by: &str| {
            format!(
                "data: {{\"choices\":[{{\"delta\":{{\"content\":\"text\"}}}}],\
                 \"usage\":{{\"total_tokens\":{total},\"by\":{by}}}}}\n\n"
            )
        };
        let mut memo = Memo::default();
        learn(&mut memo, &event("1", "\"a\""));
        learn(&mut memo, &event("2", "\"a\""));
        let other = event("30", "\"a\"");
        let alike = memo.recognise(other.as_bytes(), 1 << 10).unwrap();
        assert_eq!(alike.counts, Some(&br#"{"total_tokens":30,"by":"a"}"#[..]));
        assert!(knows(&memo, &other) && !knows(&memo, &event("30", "\"b\"")));
    }

    #[test]
    fn what_is_read_may_not_differ() {
        let [id, model, created, index, role] = MEMBERS;
        for (n, other) in [
            event([id, "\"n\"", created, index, role]),
            event([id, model, created, "1", role]),
            event([id, model, created, index, role]).replace("\"x\"", "\"y\""),
        ]
        .iter()
        .enumerate()
        {
            let mut memo = Memo::default();
            learn(&mut memo, &event(MEMBERS));
            learn(&mut memo, other);
            assert!(knows(&memo, other), "{n}");
            assert!(!knows(&memo, &event(MEMBERS)), "{n}");
        }
    }

    #[test]
    fn only_whole_strings_are_remembered() {
        for (event, text) in [
            ("data: {\"content\":5}\n\n", "5"),
            ("data: {\"content\":\"a b\"}\n\n", "b"),
            ("data: {\"content\":\"\\\"b\"}\n\n", "\\"),
        ] {
            assert_eq!(memo(event, text).channel(), None, "{event}");
        }
        let long = EVENT.replace("chunk", &"x".repeat(EVENT_BYTES_MAX));
        assert_eq!(memo(&long, "text").channel(), None);
    }
}
