//! Names of metrics.

use std::cmp::Ordering;

use crate::json::wide;

/// A label of a metric: its name and its value.
pub struct Label<'l>(pub &'static str, pub &'l str);

/// Writes names of metrics, with labels in the form that hosts split off: `label=.=value;.;` before it, as in
/// the metrics of Istio. Envoy needs `stats_tags` for it (`envoy/examples/observability.yaml`).
pub struct Names {
    text: String,
    /// Length of what all names have in common.
    common: usize,
}

impl Names {
    /// Names that have these labels in common.
    pub fn of_all(labels: &[Label<'_>]) -> Self {
        let mut text = String::with_capacity(256);
        text.push_str("responses_filter_");
        push_labels(&mut text, labels);
        Self { common: text.len(), text }
    }

    /// The name of a metric with labels of its own.
    pub fn of(&mut self, metric: &str, labels: &[Label<'_>]) -> &str {
        self.text.truncate(self.common);
        push_labels(&mut self.text, labels);
        self.text.push_str(metric);
        &self.text
    }
}

fn push_labels(text: &mut String, labels: &[Label<'_>]) {
    for Label(name, value) in labels {
        text.push_str(name);
        text.push_str("=.=");
        if value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';') {
            text.push_str(value);
        } else {
            push_without_separators(text, value);
        }
        text.push_str(";.;");
    }
}

/// The separators must not occur in a value.
#[cold]
fn push_without_separators(text: &mut String, value: &str) {
    let separates = |c: char| c == ';' || c.is_whitespace() || c.is_control();
    text.extend(value.chars().map(|c| if separates(c) { '_' } else { c }));
}

/// The name of a metric, labels included. Such names are a hundred bytes long and differ in the last ones,
/// so shorter ones come first, and most need not be read to be told apart.
#[derive(Debug, PartialEq, Eq)]
pub struct MetricName(String);

impl MetricName {
    /// The one that is written so.
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// How it compares with the one that is written as `other`.
    pub fn order(&self, other: &str) -> Ordering {
        let (name, other) = (self.0.as_bytes(), other.as_bytes());
        match name.len().cmp(&other.len()) {
            Ordering::Equal if wide::equal(name, other) => Ordering::Equal,
            Ordering::Equal => name.cmp(other),
            shorter_or_longer => shorter_or_longer,
        }
    }
}

impl Ord for MetricName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order(&other.0)
    }
}

impl PartialOrd for MetricName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sorted::SortedMap;

    #[test]
    fn names_of_one_length_are_told_apart() {
        let mut names = SortedMap::default();
        let texts = ["ab", "b", "aa", "", "a", "ba", "abcdefghi", "abcdefghj", "bbcdefghi"];
        for (n, text) in texts.into_iter().enumerate() {
            assert_eq!(names.find(|name: &MetricName| name.order(text)), None, "{text}");
            names.insert(MetricName::new(text), n);
        }
        for (n, text) in texts.into_iter().enumerate() {
            assert_eq!(names.find(|name| name.order(text)), Some(&n), "{text}");
        }
    }
}
