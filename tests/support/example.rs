//! The files in `envoy/examples`, started as they are but for addresses and paths.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::blocking::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;

use crate::upstream::{PATIENCE, Recorder, Upstream};

#[path = "../../envoy/demo/proxy.rs"]
mod proxy;

#[path = "secrets.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod secrets;

use proxy::Proxy;

/// Any free port of this machine.
const ANY: u16 = 0;

/// The Envoy of the tests.
pub fn envoy_binary(root: &Path) -> PathBuf {
    proxy::envoy_binary(root).unwrap_or_else(|reason| panic!("{reason}"))
}

/// The filter under test.
pub fn wasm_artifact(root: &Path) -> PathBuf {
    proxy::wasm_artifact(root).unwrap_or_else(|reason| panic!("{reason}"))
}

/// An example that is about to be started.
pub struct Example {
    name: String,
    text: String,
    folder: TempDir,
    upstreams: Vec<Recorder>,
}

impl Example {
    /// Reads an example by its file's name.
    pub fn read(name: &'static str) -> Self {
        Self::read_from(
            &format!("envoy/examples/{name}"),
            "target/wasm32-wasip1/release/responses_filter.wasm",
        )
        .port(9901, ANY)
    }

    /// Reads a configuration of this project in which the filter is at this path.
    pub fn read_from(name: &str, filter: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(root.join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let wasm = wasm_artifact(root);
        Self { name: name.to_owned(), text, folder, upstreams: Vec::new() }
            .replace("port_value: 10000", &format!("port_value: {ANY}"))
            .replace(filter, wasm.to_str().expect("a path in UTF-8"))
    }

    /// Replaces a text that stands in the example at least once.
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        assert!(self.text.contains(from), "{} has no {from}", self.name);
        self.text = self.text.replace(from, to);
        self
    }

    /// Puts an upstream in the place of the one that the example has at this port.
    pub fn upstream(mut self, port: u16, upstream: &Upstream) -> Self {
        self.upstreams.push(upstream.recorder());
        self.port(port, upstream.address().port())
    }

    /// Puts another port in the place of this one.
    pub fn port(self, port: u16, other: u16) -> Self {
        let from = format!("address: 127.0.0.1, port_value: {port} ");
        self.replace(&from, &format!("address: 127.0.0.1, port_value: {other} "))
    }

    /// Puts a file with this content in the place of one that the example names.
    pub fn file(self, name: &str, content: &str) -> Self {
        let path = self.folder.path().join(name.replace('/', "-"));
        std::fs::write(&path, content).expect("a file");
        self.replace(name, path.to_str().expect("a path in UTF-8"))
    }

    /// Puts an empty file in the place of one that the example writes, and says where it is.
    pub fn output(self, name: &str) -> (Self, PathBuf) {
        let path = self.folder.path().join("output");
        (self.replace(name, path.to_str().expect("a path in UTF-8")), path)
    }

    /// Asks Envoy whether it would take the example, and what it says about it.
    pub fn validate(self) -> (bool, String) {
        let file = self.folder.path().join("envoy.yaml");
        std::fs::write(&file, &self.text).expect("a file");
        let envoy = envoy_binary(Path::new(env!("CARGO_MANIFEST_DIR")));
        let output = Command::new(envoy)
            .args(["--mode", "validate", "-c"])
            .arg(&file)
            .output()
            .expect("Envoy");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Starts Envoy.
    pub fn start(self) -> Running {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::write(self.folder.path().join("envoy.yaml"), &self.text).expect("a file");
        let envoy = envoy_binary(root);
        let logs = root.join("target/envoy-tests");
        std::fs::create_dir_all(&logs).expect("a folder");
        let thread = std::thread::current();
        let log = logs.join(format!("{}.log", thread.name().unwrap_or("main").replace("::", "-")));
        let arguments =
            ["--concurrency", "1", "--log-level", "info", "--file-flush-interval-msec", "50"];
        let proxy = Proxy::start(&envoy, self.folder.path(), &arguments, Some(&log))
            .unwrap_or_else(|reason| panic!("{}: {reason}", self.name));
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        Running { proxy, client, log, upstreams: self.upstreams, _folder: self.folder }
    }
}

/// An example that runs.
pub struct Running {
    // Dropped first: it still writes into the folder.
    proxy: Proxy,
    /// An HTTP/1.1 client.
    pub client: Client,
    log: PathBuf,
    upstreams: Vec<Recorder>,
    _folder: TempDir,
}

impl Drop for Running {
    /// No key and no text of what went through is in the log.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        for request in self.upstreams.iter().flat_map(Recorder::requests) {
            let whose = self.log.display().to_string();
            secrets::assert_absent(&log, &secrets::of_request(&request), &whose);
        }
    }
}

impl Running {
    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.proxy.listen()
    }

    /// Where the admin interface listens.
    pub fn admin(&self) -> SocketAddr {
        self.proxy.admin()
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Sends this body to this path.
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.client.post(self.url(path)).json(body).send().expect("an answer")
    }

    /// What is at this path.
    pub fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().expect("an answer")
    }

    /// A text of the admin interface.
    pub fn admin_text(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.admin());
        self.client.get(url).send().and_then(Response::text).expect("a text")
    }
}
