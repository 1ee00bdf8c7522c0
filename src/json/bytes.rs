//! Text that is passed on without becoming a `str`.

use super::{JsonText, escapes, wide};

/// What [`JsonText`] is, of which nobody needs more than the bytes.
#[derive(Clone, Copy, Debug)]
pub struct JsonBytes<'a> {
    /// The text, and whatever stands behind it.
    source: &'a [u8],
    len: usize,
}

/// Texts no longer than this are copied together with what stands behind them: a copy of fixed size is
/// two instructions, any other one a call out of wasm.
const SHORT_BYTES: usize = 16;

impl<'a> JsonBytes<'a> {
    /// Reads the inside of a JSON string up to its closing quote.
    ///
    /// `None` for what is not worth a quick answer: no quote, text that is not UTF-8, control
    /// characters, escapes that are invalid or of a surrogate.
    #[inline]
    pub fn scan(source: &'a [u8]) -> Option<Self> {
        let (len, is_ascii) = wide::plain(source);
        if is_ascii && source.get(len) == Some(&b'"') {
            return Some(Self { source, len });
        }
        Self::scan_from(source, len, is_ascii)
    }

    /// The same behind the first `len` bytes, which are plain.
    #[inline(never)]
    fn scan_from(source: &'a [u8], mut len: usize, mut is_ascii: bool) -> Option<Self> {
        loop {
            len += match source.get(len..)? {
                [b'"', ..] => break,
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [b'\\', b'u', digits @ ..] if escapes::is_scalar(digits.get(..4)?) => 6,
                _ => return None,
            };
            let (plain, ascii) = wide::plain(source.get(len..)?);
            len += plain;
            is_ascii &= ascii;
        }
        let scanned = Self { source, len };
        (is_ascii || std::str::from_utf8(scanned.bytes()).is_ok()).then_some(scanned)
    }

    /// The text.
    #[inline]
    pub fn text(self) -> JsonText<'a> {
        // `scan` has seen that it is UTF-8.
        JsonText(std::str::from_utf8(self.bytes()).unwrap_or_default().into())
    }

    /// The text as it stands between the quotes.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.source.get(..self.len).unwrap_or_default()
    }

    /// What stands behind it, from the closing quote on.
    #[inline]
    pub fn behind(self) -> &'a [u8] {
        self.source.get(self.len..).unwrap_or_default()
    }

    /// True when there is no character.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Appends the text as it stands between the quotes.
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) {
        match self.source.first_chunk::<SHORT_BYTES>() {
            Some(block) if self.len <= SHORT_BYTES => {
                let end = out.len() + self.len;
                out.extend_from_slice(block);
                out.truncate(end);
            }
            _ => out.extend_from_slice(self.bytes()),
        }
    }
}

/// Texts that become one.
#[derive(Debug)]
pub struct Pieces(Vec<u8>);

impl Pieces {
    /// None yet, and room for so many bytes of them.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Appends a piece.
    #[inline]
    pub fn push(&mut self, piece: JsonBytes<'_>) {
        piece.write(&mut self.0);
    }

    /// All of them.
    pub fn into_text(self) -> JsonText<'static> {
        // Each was UTF-8, so they are together.
        JsonText(String::from_utf8(self.0).unwrap_or_default().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_up_to_their_quote() {
        let long = "a long text with a 🦀 in it, and an escape \\n".repeat(3);
        for text in ["", "a", "\\n\\\"", "\\u00e9é🦀", "exactly sixteen.", &long] {
            for behind in ["\"", "\",\"and\":\"so on, for more than 16 bytes\"}"] {
                let source = format!("{text}{behind}");
                let scanned = JsonBytes::scan(source.as_bytes()).unwrap();
                assert_eq!(scanned.text().escaped(), text);
                assert_eq!(scanned.behind(), behind.as_bytes());
                let mut pieces = Pieces::with_capacity(8);
                (0..2).for_each(|_| pieces.push(scanned));
                assert_eq!(pieces.into_text().escaped(), text.repeat(2));
            }
        }
    }

    #[test]
    fn what_is_unusual_is_left() {
        for source in [
            &b"no quote"[..],
            b"a\nb\"",
            b"\\x\"",
            b"\\",
            b"\\u12\"",
            b"\\ud83d\\ude00\"",
            b"a\xff\"",
        ] {
            assert!(JsonBytes::scan(source).is_none(), "{}", String::from_utf8_lossy(source));
        }
    }
}
