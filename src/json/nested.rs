//! A JSON object that is the text of a JSON string, looked at without being decoded.
//!
//! Arguments of tool calls travel like this, and a history has thousands of them. What is usual in them is
//! recognised here; [`Document`](super::document::Document) decides about everything else.

use super::document::Bounds;
use super::wide;

/// Whether the text between the quotes of a JSON string is certainly one JSON object within the bounds. The text must
/// be that of a string that has been read.
///
/// `false` says nothing: of numbers only integers are recognised, of white space only blanks, and nothing
/// that is nested deeper than 32 levels.
pub fn is_object(escaped: &str, bounds: Bounds) -> bool {
    let mut text = Text { rest: escaped.as_bytes() };
    escaped.starts_with('{') && text.object(bounds).is_some() && text.rest.is_empty()
}

/// What has not been looked at yet.
struct Text<'t> {
    rest: &'t [u8],
}

/// What ends a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Array,
    Object,
}

impl Text<'_> {
    /// One value with all that is in it, and the blanks behind it. It begins with a brace.
    fn object(&mut self, bounds: Bounds) -> Option<()> {
        const DEPTH_MAX: usize = 32;
        // One bit for each level, set where it is an object, and the levels.
        let (mut objects, mut depth) = (0_u32, 0);
        let mut values = 0;
        loop {
            values += 1;
            let is_opened = match self.next()? {
                b'{' => Some(Around::Object),
                b'[' => Some(Around::Array),
                b'\\' => self.string().map(|()| None)?,
                first => self.scalar(first).map(|()| None)?,
            };
            if let Some(around) = is_opened {
                objects = objects << 1 | u32::from(around == Around::Object);
                depth += 1;
                if depth > DEPTH_MAX.min(bounds.depth_max) {
                    return None;
                }
            }
            let mut is_empty = is_opened.is_some();
            loop {
                self.blanks();
                let is_object = objects & 1 == 1;
                match self.rest.first()? {
                    b'}' if is_object => {}
                    b']' if !is_object => {}
                    // Another value.
                    _ if is_empty => break,
                    b',' => {
                        self.next();
                        self.blanks();
                        break;
                    }
                    _ => return None,
                }
                self.next();
                is_empty = false;
                objects >>= 1;
                depth -= 1;
                if depth == 0 {
                    self.blanks();
                    return (values <= bounds.values_max).then_some(());
                }
            }
            if objects & 1 == 1 {
                values += 1;
                self.name()?;
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn blanks(&mut self) {
        while let [b' ', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// The name of a member, its colon and the blanks around it.
    fn name(&mut self) -> Option<()> {
        (self.next()? == b'\\').then(|| self.string())??;
        self.blanks();
        (self.next()? == b':').then(|| self.blanks())
    }

    /// A string behind the backslash of the quote that opens it.
    fn string(&mut self) -> Option<()> {
        (self.next()? == b'"').then_some(())?;
        loop {
            self.skip(wide::plain_len(self.rest))?;
            match self.rest {
                [b'\\', b'"', ..] => return self.skip(2),
                // An escape of the object: its backslash is escaped, and so is what it may escape.
                [b'\\', b'\\', b'\\', b'"' | b'\\', ..] => self.skip(4)?,
                [b'\\', b'\\', b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.skip(3)?,
                [b'\\', b'\\', b'u', a, b, c, d, ..]
                    if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
                {
                    self.skip(7)?;
                }
                _ => return None,
            }
        }
    }

    fn skip(&mut self, len: usize) -> Option<()> {
        self.rest = self.rest.get(len..)?;
        Some(())
    }

    /// An integer or a word that begins with this byte.
    fn scalar(&mut self, first: u8) -> Option<()> {
        let word: &[u8] = match first {
            b't' => b"rue",
            b'f' => b"alse",
            b'n' => b"ull",
            b'0' => b"",
            b'1'..=b'9' => return self.skip(wide::digits_len(self.rest)),
            b'-' => {
                matches!(self.next()?, b'1'..=b'9').then_some(())?;
                return self.skip(wide::digits_len(self.rest));
            }
            _ => return None,
        };
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::JsonText;
    use super::super::document::{Document, Kind};
    use super::*;

    const BOUNDS: Bounds = Bounds { depth_max: 5, values_max: 12 };

    /// What the general way says.
    fn is_document_of_object(decoded: &str) -> bool {
        Document::parse(decoded, BOUNDS).is_ok_and(|read| read.root().kind() == Kind::Object)
    }

    fn is_recognised(decoded: &str) -> bool {
        is_object(JsonText::encode(decoded).escaped(), BOUNDS)
    }

    #[test]
    fn usual_arguments_are_recognised() {
        for arguments in [
            "{}",
            r#"{ "a" : [ 1 , {} , [ ] ] , "b":{"c":-10,"d":null} } "#,
            r#"{"cmd":"grep -n \"x\\\\y\" é\n\t\u00e9 \/","ok":true,"no":false,"zero":0}"#,
            r#"{"a":1,"b":2,"c":3,"d":4,"e":5}"#,
            r#"{"a":[[[[]]]]}"#,
        ] {
            assert!(is_document_of_object(arguments), "{arguments}");
            assert!(is_recognised(arguments), "{arguments}");
        }
    }

    #[test]
    fn what_is_no_object_is_not() {
        for arguments in [
            "",
            "[]",
            "\"a\"",
            "{",
            "}",
            "{}}",
            "{} {}",
            "{]",
            "[}",
            "{\"a\"}",
            "{\"a\":}",
            "{,}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":-}",
            "{\"a\":tru}",
            "{\"a\" 1}",
            "{a:1}",
            "{\"a\":[1,]}",
            "{\"a\":[1 2]}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12\"}",
            "{\"a\":\"b}",
            r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}"#,
            r#"{"a":[[[[[]]]]]}"#,
            "{\"a\":[1:2]}",
            "{1:2}",
            "{\"a\":1 \"b\":2}",
            "{[]}",
            "{{}}",
        ] {
            assert!(!is_recognised(arguments), "{arguments}");
            assert!(!is_document_of_object(arguments), "{arguments}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn only_objects_are_recognised(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"a\":", "1", "0", "-", "-7", "1.5",
                    "true", "null", "\\", "\\n", "\\\\", "\\\"", "\\u00e9", "\\ud83d", "\n", " ", "é", "x",
                ]),
                0..24,
            ),
            closed in any::<bool>(),
        ) {
            let inside = pieces.concat();
            let arguments = if closed { format!("{{\"a\":{inside}}}") } else { inside };
            prop_assert!(!is_recognised(&arguments) || is_document_of_object(&arguments), "{}", arguments);
        }

        #[test]
        fn whole_objects_with_one_byte_changed_are_judged_alike(at in 0_usize..64, byte in 0x20_u8..0x7f) {
            let mut arguments = br#"{"a":["x\\n",1,{"b":null}],"c" : "\"d\u00e9"}"#.to_vec();
            let place = at % arguments.len();
            arguments[place] = byte;
            let arguments = String::from_utf8(arguments).unwrap();
            prop_assert!(!is_recognised(&arguments) || is_document_of_object(&arguments), "{}", arguments);
        }
    }
}
