//! The fixtures: one folder per behaviour, named `<dialect>-<what-happens>`.
//!
//! `request` and `upstream` are what goes in, `chat` and `expected` what has to come out. A file that
//! ends in `.http` has a first line and headers before its body; see `tests/fixtures/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use super::drive::{Answer, Client, End, Headers, Upstream, header};

/// One folder.
#[derive(Clone, Debug)]
pub struct Fixture {
    pub name: String,
    pub folder: PathBuf,
    pub client: Client,
    /// `None` where the filter has to answer by itself.
    pub upstream: Option<Upstream>,
}

/// The folder of all fixtures.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// All fixtures by name.
pub fn all() -> Vec<Fixture> {
    let entries = fs::read_dir(root()).expect("tests/fixtures");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders.iter().map(|folder| load(folder)).collect()
}

/// The fixtures in which an upstream answers with status 200.
pub fn answered() -> Vec<(Fixture, Upstream)> {
    let answers = |fixture: Fixture| {
        let upstream = fixture.upstream.clone().filter(|upstream| upstream.status == 200)?;
        Some((fixture, upstream))
    };
    all().into_iter().filter_map(answers).collect()
}

fn load(folder: &Path) -> Fixture {
    let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
    let read = |file: &str| fs::read(folder.join(file)).ok();
    let mut client = match (read("request.json"), read("request.http")) {
        (Some(body), None) => Client::post(body),
        (None, Some(message)) => request(&message),
        _ => panic!("{name} needs one of request.json and request.http"),
    };
    if let Some(config) = read("config.json") {
        client = client.with_config(String::from_utf8(config).expect("UTF-8"));
    }
    let upstream = match (read("upstream.sse"), read("upstream.json"), read("upstream.http")) {
        (Some(body), None, None) => Some(Upstream::sse(body)),
        (None, Some(body), None) => Some(Upstream::json(body)),
        (None, None, Some(message)) => Some(answer(&message)),
        (None, None, None) => None,
        _ => panic!("{name} has more than one upstream"),
    };
    Fixture { name, folder: folder.to_owned(), client, upstream }
}

/// The first line, the headers and the body of an `.http` file.
fn parts(message: &[u8]) -> (String, Headers, Vec<u8>) {
    let end = message.windows(2).position(|two| two == b"\n\n").expect("a blank line");
    let head = String::from_utf8(message[..end].to_vec()).expect("UTF-8");
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").expect("name: value");
        (name.to_owned(), value.to_owned())
    };
    (first, lines.map(header).collect(), message[end + 2..].to_vec())
}

fn request(message: &[u8]) -> Client {
    let (first, headers, body) = parts(message);
    let (method, path) = first.split_once(' ').expect("METHOD /path");
    let client = Client::post(body).with_header(":method", method).with_header(":path", path);
    headers.iter().fold(client, |client, (name, value)| client.with_header(name, value))
}

fn answer(message: &[u8]) -> Upstream {
    let (first, headers, body) = parts(message);
    let pieces = if body.is_empty() { Vec::new() } else { vec![body] };
    let end = if pieces.is_empty() { End::WithLast } else { End::Empty };
    let status = first.parse().expect("a status");
    Upstream { status, headers, pieces, end, ..Upstream::sse("") }
}

/// An answer as the name and text of the file that expects it: `expected.sse` for streams,
/// `expected.json` for Responses, `expected.http` for everything else.
pub fn expected(answer: &Answer) -> (&'static str, String) {
    let body = String::from_utf8(answer.body()).expect("UTF-8");
    match (answer.status, header(&answer.headers, "content-type")) {
        (200, Some("text/event-stream; charset=utf-8")) if answer.headers.len() == 1 => {
            ("expected.sse", body)
        }
        (200, Some("application/json")) if answer.headers.len() == 1 => {
            ("expected.json", pretty(&body))
        }
        (status, _) => {
            let mut message = format!("{status}\n");
            for (name, value) in &answer.headers {
                message.push_str(&format!("{name}: {value}\n"));
            }
            ("expected.http", format!("{message}\n{}", pretty(&body)))
        }
    }
}

/// The same JSON in a form that can be read and compared line by line; other text as it is.
pub fn pretty(json: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(value) => format!("{value:#}\n"),
        Err(_) => json.to_owned(),
    }
}
