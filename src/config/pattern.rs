//! Names with at most one `*` in them.

use std::cmp::Ordering;

/// Matches a whole name; one `*` stands for any text, the empty one included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    before: String,
    /// What follows the `*`; `None` when there is none.
    after: Option<String>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it and what it takes.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty; give a name, or `*` for every one".to_owned());
        }
        let (before, after) = match text.split_once('*') {
            Some((_, after)) if after.contains('*') => {
                return Err(format!("`{text}` has more than one `*`; one is taken"));
            }
            Some((before, after)) => (before, Some(after.to_owned())),
            None => (text, None),
        };
        Ok(Self { before: before.to_owned(), after })
    }

    /// What the `*` stands for in this name (nothing for a pattern without one), or `None` if the
    /// pattern does not match.
    pub fn capture<'n>(&self, name: &'n str) -> Option<&'n str> {
        let rest = name.strip_prefix(self.before.as_str())?;
        match &self.after {
            None => rest.is_empty().then_some(""),
            Some(after) => rest.strip_suffix(after.as_str()),
        }
    }

    /// Whether this name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.capture(name).is_some()
    }

    /// The one name that matches, if there is only one.
    pub fn exact(&self) -> Option<&str> {
        self.after.is_none().then_some(self.before.as_str())
    }

    /// The same pattern for names in lower case.
    #[must_use]
    pub fn to_ascii_lowercase(&self) -> Self {
        let after = self.after.as_ref().map(|after| after.to_ascii_lowercase());
        Self { before: self.before.to_ascii_lowercase(), after }
    }
}

/// The most specific pattern comes first: exact names, then more literal text. What is equally specific
/// is sorted by its text, because objects reach the filter in any order.
impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> Ordering {
        let literal =
            |pattern: &Self| pattern.before.len() + pattern.after.as_ref().map_or(0, String::len);
        let exact = other.exact().is_some().cmp(&self.exact().is_some());
        exact
            .then_with(|| literal(other).cmp(&literal(self)))
            .then_with(|| self.before.cmp(&other.before))
            .then_with(|| self.after.cmp(&other.after))
    }
}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stands_for_any_text() {
        for (pattern, name, captured) in [
            ("gpt-5", "gpt-5", Some("")),
            ("gpt-5", "gpt-5.1", None),
            ("gpt-*", "gpt-5", Some("5")),
            ("gpt-*", "gpt-", Some("")),
            ("*-mini", "gpt-5-mini", Some("gpt-5")),
            ("openai/*-mini", "openai/o5-mini", Some("o5")),
            ("ab*ba", "aba", None),
            ("*", "", Some("")),
            ("*", "模型", Some("模型")),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().capture(name),
                captured,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn a_second_star_and_nothing_at_all_are_refused() {
        assert!(Pattern::parse("a*b*").unwrap_err().contains("more than one"));
        assert!(Pattern::parse("").unwrap_err().contains("is empty"));
    }

    #[test]
    fn the_most_specific_pattern_comes_first() {
        let mut patterns =
            ["*", "gpt-*", "*x", "gpt-5*", "gpt-5", "a*"].map(|text| Pattern::parse(text).unwrap());
        patterns.sort();
        let order = patterns
            .map(|p| format!("{}{}", p.before, p.after.map_or(String::new(), |a| format!("*{a}"))));
        assert_eq!(order, ["gpt-5", "gpt-5*", "gpt-*", "*x", "a*", "*"]);
    }
}
