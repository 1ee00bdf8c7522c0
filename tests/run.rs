//! `make run`, as the program behind it: `cargo test` builds it beside the tests.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "support/upstream.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses its part")]
mod upstream;

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use reqwest::blocking::Client;
use serde_json::{Value, json};
use upstream::{Answer, PATIENCE, Upstream};

/// `make run` with these variables and no others that matter to it.
fn command(variables: &[(&str, &str)]) -> Command {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.ancestors().nth(2).unwrap().join("examples/run");
    assert!(program.is_file(), "run `cargo build --example run` first: {}", program.display());
    let mut command = Command::new(program);
    for name in ["UPSTREAM", "LISTEN", "ADMIN", "CONFIG", "DEMO", "MODEL", "OPENAI_API_KEY"] {
        command.env_remove(name);
    }
    command.envs([("LISTEN", "127.0.0.1:0"), ("ADMIN", "127.0.0.1:0")]);
    command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running `make run`.
struct Run {
    child: Child,
    out: BufReader<ChildStdout>,
    /// What it has said so far.
    said: String,
}

impl Run {
    /// Starts it and reads up to the line that says that it serves.
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut child = command(variables).stderr(Stdio::inherit()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut run = Self { child, out, said: String::new() };
        run.read_until("Serving; Ctrl-C ends it.");
        run
    }

    fn read_until(&mut self, text: &str) {
        while !self.said.contains(text) {
            let read = self.out.read_line(&mut self.said).unwrap();
            assert_ne!(read, 0, "it ended without {text:?}:\n{}", self.said);
        }
    }

    fn address(&self) -> SocketAddr {
        let rest = self.said.split_once("Listening on http://").expect("an address").1;
        rest.split_once(',').unwrap().0.parse().unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    fn end(&mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.end("-TERM");
        }
    }
}

fn client() -> Client {
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

#[test]
fn alone_it_answers_explains_and_serves() {
    let mut run = Run::start(&[]);
    assert!(run.said.contains("response.output_text.delta: Hello from the demo"), "{}", run.said);
    assert!(run.said.contains("response.completed"), "{}", run.said);
    assert!(run.said.contains(&format!("base_url = \"{}\"", run.url("/v1"))), "{}", run.said);
    assert!(run.said.contains("wire_api = \"responses\""), "{}", run.said);

    let request = json!({"model": "demo", "input": "Still there?"});
    let answer = client().post(run.url("/v1/responses")).json(&request).send().unwrap();
    let answer: Value = answer.json().unwrap();
    assert_eq!(answer["status"], "completed");
    let address = run.address();

    assert!(run.end("-TERM").success());
    assert!(TcpStream::connect(address).is_err(), "Envoy is still there");
}

#[test]
fn the_base_of_the_upstream_decides_where_requests_go() {
    for base in ["", "/v1", "/v1/of/its/own", "/api/v9"] {
        let upstream = Upstream::start();
        let url = format!("http://{}{base}/", upstream.address());
        let configuration =
            r#"{"upstreams":{"default":{"path":"/elsewhere"}},"strictness":"lenient"}"#;
        let variables = [("UPSTREAM", url.as_str()), ("CONFIG", configuration), ("DEMO", "0")];
        let run = Run::start(&variables);
        assert_eq!(upstream.requests().len(), 0, "DEMO=0 sends nothing");

        let request = json!({"model": "m", "input": "Hi"});
        for path in ["/v1/responses", "/responses", "/v1/chat/completions?x=1"] {
            client().post(run.url(path)).json(&request).send().unwrap();
        }
        client().get(run.url("/v1/models")).send().unwrap();
        let paths: Vec<String> = upstream.requests().into_iter().map(|seen| seen.path).collect();
        let completions = format!("{base}/chat/completions");
        let expected = [
            completions.clone(),
            completions.clone(),
            format!("{completions}?x=1"),
            format!("{base}/models"),
        ];
        assert_eq!(paths, expected);
    }
}

#[test]
fn the_first_request_takes_a_model_that_the_upstream_lists() {
    let upstream = Upstream::start();
    let models = json!({"object": "list", "data": [{"id": "their-model", "object": "model"}]});
    upstream.push(Answer::json(200, models.to_string()));
    let url = format!("http://{}/v1", upstream.address());
    let run = Run::start(&[("UPSTREAM", &url), ("OPENAI_API_KEY", "the-key")]);
    assert!(run.said.contains("model = \"their-model\""), "{}", run.said);
    assert!(!run.said.contains("the-key"), "{}", run.said);
    let request = upstream.request(1);
    assert_eq!(request.json()["model"], "their-model");
    assert_eq!(request.header("authorization"), Some("Bearer the-key"));
}

#[test]
fn an_upstream_that_is_down_is_reported_and_does_not_end_it() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}/v1");
    let mut run = Run::start(&[("UPSTREAM", &url), ("MODEL", "m")]);
    assert!(run.said.contains("503 Service Unavailable"), "{}", run.said);
    assert!(run.end("-INT").success());
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (variable, value, said) in [
        ("LISTEN", taken.as_str(), "choose another with LISTEN="),
        ("LISTEN", "somewhere", "is no ADDRESS:PORT"),
        ("UPSTREAM", "localhost:8000/v1", "starts with neither http:// nor https://"),
        ("UPSTREAM", "http://user:secret@127.0.0.1/v1", "credentials"),
        ("ENVOY", "/nowhere/envoy", "ENVOY=/path/to/envoy"),
    ] {
        let output = command(&[(variable, value)]).output().unwrap();
        assert!(!output.status.success(), "{variable}={value}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
        assert!(error.starts_with("make run: "), "{error}");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_wrong_configuration_is_named() {
    let output = command(&[("CONFIG", r#"{"strictness": "very"}"#)]).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("strictness"), "{error}");
}
