//! Where a JSON document ends, without reading it: found once, however it was cut.

/// Counts the brackets of a document whose bytes come in pieces.
#[derive(Debug, Default)]
pub struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
    is_closed: bool,
    /// Whether something that is not blank has come behind the end.
    is_exceeded: bool,
}

impl Nesting {
    /// The next bytes.
    pub fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.is_closed {
                self.is_exceeded |= !byte.is_ascii_whitespace();
                continue;
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => {
                    self.depth = self.depth.saturating_sub(1);
                    self.is_closed = self.depth == 0;
                }
                _ => {}
            }
        }
    }

    /// Whether as many brackets have closed as have opened, and nothing but blanks has followed. What is
    /// a whole document is closed; what is closed is whole unless it is no JSON at all.
    pub fn is_closed(&self) -> bool {
        self.is_closed && !self.is_exceeded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_ends_with_its_outermost_bracket() {
        for (text, is_closed) in [
            ("", false),
            (r#"{"a":[1,{}],"b":"}""#, false),
            (r#"{"a":[1,{}],"b":"}"}"#, true),
            (r#"["\\"]"#, true),
            (r#"["\"]"#, false),
            ("{} \n", true),
            ("{} {}", false),
            ("[]]", false),
        ] {
            let mut whole = Nesting::default();
            whole.read(text.as_bytes());
            assert_eq!(whole.is_closed(), is_closed, "{text}");
            let mut pieces = Nesting::default();
            text.bytes().for_each(|byte| pieces.read(&[byte]));
            assert_eq!(pieces.is_closed(), is_closed, "{text} in pieces");
        }
    }
}
