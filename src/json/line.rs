//! JSON in one line.
//!
//! Between its tokens JSON may have line breaks. A line of a stream of events may not, so JSON that comes from
//! outside is put in one line before it is carried.

use super::wide;

/// Puts JSON in one line.
///
/// Blanks take the place of line breaks and tabs, the only control characters that JSON has: inside strings
/// they are escaped.
pub fn put_in_one(json: &mut [u8]) {
    let mut rest = json;
    loop {
        let printed = wide::printed_len(rest);
        let Some([control, behind @ ..]) = rest.get_mut(printed..) else { return };
        *control = b' ';
        rest = behind;
    }
}

/// Whether JSON stands in one line, without tabs.
pub fn is_one(json: &[u8]) -> bool {
    wide::printed_len(json) == json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_take_the_place_of_line_breaks() {
        for (json, line) in [
            ("{\r\n  \"a\": \"\\n\"\n}", "{    \"a\": \"\\n\" }"),
            ("[\n\n\t1,\n2]\n", "[   1, 2] "),
            ("\n", " "),
            ("", ""),
        ] {
            let mut bytes = json.as_bytes().to_vec();
            assert_eq!(is_one(&bytes), json == line);
            put_in_one(&mut bytes);
            assert_eq!(bytes, line.as_bytes());
            assert!(is_one(&bytes));
        }
    }
}
