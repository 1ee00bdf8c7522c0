//! Short texts in longer ones.
//!
//! What the library has for this is copied into every place that uses it, a few hundred bytes each time;
//! nearly all of these places are cold.

use super::wide;

/// Where `part` occurs first in `text`.
#[inline(never)]
pub fn find(text: &str, part: &str) -> Option<usize> {
    wide::find(text.as_bytes(), part.as_bytes())
}

/// Whether `part` occurs in `text`.
pub fn contains(text: &str, part: &str) -> bool {
    find(text, part).is_some()
}

/// What stands before and behind the first `part` of `text`.
#[inline(never)]
pub fn split_once<'t>(text: &'t str, part: &str) -> Option<(&'t str, &'t str)> {
    let at = find(text, part)?;
    Some((text.get(..at)?, text.get(at + part.len()..)?))
}

/// What stands before and behind the last `part` of `text`.
pub fn rsplit_once<'t>(text: &'t str, part: &str) -> Option<(&'t str, &'t str)> {
    let at = text.as_bytes().windows(part.len()).rposition(|place| place == part.as_bytes())?;
    Some((text.get(..at)?, text.get(at + part.len()..)?))
}

/// The pieces of `text` that `end` ends, and what stands behind the last of them, if anything.
pub fn pieces<'t>(text: &'t str, end: &str) -> impl Iterator<Item = &'t str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, behind) = split_once(rest, end).unwrap_or((rest, ""));
        rest = behind;
        Some(piece)
    })
}

/// The texts, with `separator` between them.
#[inline(never)]
pub fn join<T: AsRef<str>>(texts: &[T], separator: &str) -> String {
    let mut joined = String::new();
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text.as_ref());
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_the_library_finds(text in "[abé]{0,12}", part in "[abé]{1,3}") {
            prop_assert_eq!(find(&text, &part), text.find(&part));
            prop_assert_eq!(contains(&text, &part), text.contains(&part));
            prop_assert_eq!(split_once(&text, &part), text.split_once(&part));
            prop_assert_eq!(rsplit_once(&text, &part), text.rsplit_once(&part));
            let split: Vec<&str> = text.split_terminator(&part).collect();
            prop_assert_eq!(pieces(&text, &part).collect::<Vec<_>>(), split.clone());
            prop_assert_eq!(join(&split, &part), split.join(&part));
        }
    }
}
