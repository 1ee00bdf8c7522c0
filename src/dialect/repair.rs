//! JSON that is nearly JSON (W6): what strict parsers refuse and a reader can still make out.

use std::borrow::Cow;

/// Mends an event: bytes that are not UTF-8, `NaN` and `Infinity` as numbers, raw control
/// characters and unknown escapes in strings. What is not mended here stays as it is.
pub fn repair(data: &[u8]) -> String {
    let text = String::from_utf8_lossy(data);
    let mut repaired = String::with_capacity(text.len() + 16);
    let mut rest = text.as_ref();
    let mut in_string = false;
    while let Some(char) = rest.chars().next() {
        let mut len = char.len_utf8();
        match char {
            '"' => {
                in_string = !in_string;
                repaired.push(char);
            }
            '\\' if in_string => {
                let escaped = rest.chars().nth(1);
                repaired.push('\\');
                match escaped {
                    Some(escaped @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u')) => {
                        repaired.push(escaped);
                        len += 1;
                    }
                    _ => repaired.push('\\'),
                }
            }
            '\0'..='\x1f' if in_string => repaired.push_str(&escape(char)),
            'N' | 'I' | '-' if !in_string => match not_a_number(rest) {
                Some(word) => {
                    repaired.push_str("null");
                    len = word.len();
                }
                None => repaired.push(char),
            },
            _ => repaired.push(char),
        }
        rest = rest.get(len..).unwrap_or_default();
    }
    repaired
}

fn not_a_number(text: &str) -> Option<&'static str> {
    ["NaN", "Infinity", "-Infinity", "-NaN"].into_iter().find(|word| text.starts_with(word))
}

fn escape(control: char) -> Cow<'static, str> {
    match control {
        '\n' => Cow::Borrowed("\\n"),
        '\t' => Cow::Borrowed("\\t"),
        _ => Cow::Owned(format!("\\u{:04x}", u32::from(control))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w6_numbers_that_are_none() {
        assert_eq!(
            repair(br#"{"a":NaN,"b":[-Infinity,Infinity,-1],"c":"NaN \" Infinity"}"#),
            r#"{"a":null,"b":[null,null,-1],"c":"NaN \" Infinity"}"#,
        );
    }

    #[test]
    fn w6_strings_with_raw_bytes() {
        assert_eq!(repair(b"{\"a\":\"x\ny\tz\x01\xff\"}"), "{\"a\":\"x\\ny\\tz\\u0001\u{FFFD}\"}");
        assert_eq!(repair(br#"{"a":"\d \\d \u0041 \"}"#), r#"{"a":"\\d \\d \u0041 \"}"#);
    }
}
