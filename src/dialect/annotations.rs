//! What the text rests on (W7): citations in all their forms become `url_citation` annotations.

use super::value::{self, Kind};
use crate::chat::lenient::{Raw, members};
use crate::json::{self, JsonText};

members! {
    /// A citation, flat or with its fields in `url_citation`.
    struct Citation {
        url_citation,
        url,
        title,
        start_index,
        end_index,
    }

    struct Source {
        url,
        title,
        start_index,
        end_index,
    }
}

/// The citations of one answer.
///
/// Upstreams that cite for the whole answer repeat their list in every chunk and send it before
/// there is text to annotate: what has been said once is not said again, and what comes before the
/// text waits for it.
#[derive(Debug, Default)]
pub struct Annotations {
    /// Annotations that have not been given out yet.
    waiting: Vec<String>,
    /// URL and place of those seen.
    seen: Vec<(String, u64, u64)>,
}

/// More sources than this are not remembered, and not given out.
const SOURCES_MAX: usize = 512;

impl Annotations {
    /// Reads a list of annotations, citations or search results.
    pub fn read(&mut self, list: Raw<'_>) {
        for element in value::elements(list) {
            match element.kind() {
                // Perplexity and xAI: the URL alone.
                Kind::String => self.add(&Source { url: Some(element), ..Source::default() }),
                Kind::Object => self.read_citation(Some(element)),
                Kind::Array | Kind::Bool | Kind::Null | Kind::Number => {}
            }
        }
    }

    /// True when none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives out what waits.
    pub fn flush(&mut self, sink: &mut dyn FnMut(&str)) {
        for annotation in self.waiting.drain(..) {
            sink(&annotation);
        }
    }

    fn read_citation(&mut self, element: Raw<'_>) {
        let Some(citation) = value::object::<Citation<'_>>(element) else { return };
        self.add(&value::object(citation.url_citation).unwrap_or(Source {
            url: citation.url,
            title: citation.title,
            start_index: citation.start_index,
            end_index: citation.end_index,
        }));
    }

    fn add(&mut self, source: &Source<'_>) {
        let Some(url) = value::text(source.url) else { return };
        let start_index = value::number(source.start_index).unwrap_or(0);
        let end_index = value::number(source.end_index).unwrap_or(0);
        let key = (url.escaped().to_owned(), start_index, end_index);
        if self.seen.contains(&key) || self.seen.len() >= SOURCES_MAX {
            return;
        }
        self.seen.push(key);
        let title = value::text(source.title);
        self.waiting.push(annotation(&url, title.as_ref(), start_index, end_index));
    }
}

/// A `url_citation` as the Responses API has it; all members are required there.
fn annotation(url: &JsonText<'_>, title: Option<&JsonText<'_>>, start: u64, end: u64) -> String {
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        object.str("type", "url_citation");
        object.text("url", url);
        object.text("title", title.unwrap_or(url));
        object.number("start_index", start);
        object.number("end_index", end);
    });
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lists: &[&str]) -> Vec<String> {
        let mut annotations = Annotations::default();
        for list in lists {
            let document = value::document(list).unwrap();
            annotations.read(Some(document.root()));
        }
        let mut seen = Vec::new();
        annotations.flush(&mut |annotation| seen.push(annotation.to_owned()));
        seen
    }

    const EXPECTED: &str = r#"{"type":"url_citation","url":"https://a/\u00e9","title":"A","start_index":3,"end_index":9}"#;

    #[test]
    fn w7_annotations_nested_and_flat() {
        let nested = r#"[{"type":"url_citation","url_citation":{"url":"https://a/\u00e9","title":"A",
            "content":"x","start_index":3,"end_index":9}}]"#;
        let flat = r#"[{"type":"url_citation","url":"https://a/\u00e9","title":"A","start_index":3,
            "end_index":9}]"#;
        assert_eq!(read(&[nested]), [EXPECTED]);
        assert_eq!(read(&[flat, nested]), [EXPECTED]);
    }

    #[test]
    fn w7_citations_and_search_results_repeat() {
        let results = r#"[{"title":"A","url":"https://a","date":null},{"title":"B"}]"#;
        let citations = r#"["https://a","https://b"]"#;
        let a = r#"{"type":"url_citation","url":"https://a","title":"A","start_index":0,"end_index":0}"#;
        let b = r#"{"type":"url_citation","url":"https://b","title":"https://b","start_index":0,"end_index":0}"#;
        assert_eq!(read(&[results, citations, results, citations]), [a, b]);
        assert_eq!(read(&["null", "{}", "[1,null,[]]"]), [""; 0]);
    }

    #[test]
    fn w7_sources_are_limited() {
        let list: Vec<String> = (0..2 * SOURCES_MAX).map(|at| format!("\"u{at}\"")).collect();
        assert_eq!(read(&[&format!("[{}]", list.join(","))]).len(), SOURCES_MAX);
    }
}
