//! The fast way for what streams consist of: events that differ from the one before in one text.
//!
//! A memo holds the bytes around the text of an event that the general way has just read, framing
//! included. Bytes that begin with the same and, behind one JSON string, go on with the same are an
//! event like it: neither its lines nor its JSON need to be looked at again, and the text is carried
//! over in its escaped form. Whether the next such event brings just its text, only the reader
//! knows: see [`crate::dialect::steady`]. The general way defines what comes out; what is unusual in
//! any respect goes there.

use std::ops::Range;

use crate::dialect::steady::{Channel, Steady};
use crate::json::{JsonText, wide};

/// The event before, without its text.
#[derive(Debug, Default)]
pub struct Memo {
    /// Where the texts go; `None` when there is nothing to compare with.
    channel: Option<Channel>,
    /// Up to and including the quote before the text.
    before: Vec<u8>,
    /// From the quote behind the text to the end of the event's blank line.
    after: Vec<u8>,
    /// Where the event's data begins in `before`, and how much of `after` belongs to it; `None` when
    /// the event had a name.
    data: Option<(usize, usize)>,
    /// Whether nothing is remembered.
    is_off: bool,
}

/// An event longer than this is not remembered: streams that idle keep the memory.
const EVENT_BYTES_MAX: usize = 2 << 10;

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
        let Some((before, after)) = around(event, &steady.addresses) else { return };
        if self.is_off || event.len() > EVENT_BYTES_MAX || !before.ends_with(b"\"") {
            return;
        }
        replace(&mut self.before, before);
        replace(&mut self.after, after);
        self.data = data.and_then(|data| around(event, data)).and_then(|(head, tail)| {
            let in_after = after.len().checked_sub(tail.len())?;
            (head.len() < before.len()).then_some((head.len(), in_after))
        });
        let known = self.recognise(event).is_some_and(|(_, length)| length == event.len());
        self.channel = Some(steady.channel).filter(|_| known && after.starts_with(b"\""));
    }

    /// Where the texts of known events go, if there are any.
    pub fn channel(&self) -> Option<Channel> {
        self.channel
    }

    /// The text of the event that `bytes` begin with, and how long the event is; `None` when it is
    /// not like the one before.
    pub fn recognise<'b>(&self, bytes: &'b [u8]) -> Option<(JsonText<'b>, usize)> {
        if !wide::starts_with(bytes, &self.before) {
            return None;
        }
        let rest = bytes.get(self.before.len()..)?;
        let text = JsonText::scan(rest).filter(|text| !text.is_empty())?;
        if !wide::starts_with(rest.get(text.len()..)?, &self.after) {
            return None;
        }
        let length = self.before.len() + text.len() + self.after.len();
        Some((text, length))
    }

    /// The text of an event without a name that consists of this data; `None` when it is not like the
    /// one before.
    pub fn recognise_data<'b>(&self, data: &'b [u8]) -> Option<JsonText<'b>> {
        let (start, end) = self.data?;
        let (before, after) = (self.before.get(start..)?, self.after.get(..end)?);
        if !wide::starts_with(data, before) {
            return None;
        }
        let rest = data.get(before.len()..)?;
        let text = JsonText::scan(rest).filter(|text| !text.is_empty())?;
        (rest.get(text.len()..) == Some(after)).then_some(text)
    }
}

/// What stands before and behind the bytes at these addresses, if they lie within `event`.
fn around<'e>(event: &'e [u8], addresses: &Range<usize>) -> Option<(&'e [u8], &'e [u8])> {
    let start = addresses.start.checked_sub(event.as_ptr() as usize)?;
    let end = start + addresses.len();
    Some((event.get(..start)?, event.get(end..)?))
}

fn replace(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.clear();
    kept.extend_from_slice(bytes);
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
            let (known, length) = memo.recognise(bytes.as_bytes()).unwrap();
            assert_eq!((known.escaped(), length), (text, event.len()));
            let data = event.trim_start_matches("data: ").trim_end();
            assert_eq!(memo.recognise_data(data.as_bytes()).unwrap().escaped(), text);
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
            assert!(memo.recognise(event.as_bytes()).is_none(), "{event}");
            let data = event.trim_start_matches("data: ").trim_end();
            // What stands behind the data is not its concern.
            let same = data == EVENT.trim_start_matches("data: ").trim_end();
            assert_eq!(memo.recognise_data(data.as_bytes()).is_some(), same, "{event}");
        }
        let mut broken = EVENT.replace("text", "ab").into_bytes();
        broken[EVENT.find("text").unwrap()] = 0xff;
        assert!(memo.recognise(&broken).is_none());
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
