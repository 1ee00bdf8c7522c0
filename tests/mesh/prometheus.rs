//! A real Prometheus that scrapes an Envoy, with the configuration of `envoy/dashboards`.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::blocking::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::upstream::PATIENCE;

/// The folder of the rules and dashboards.
pub fn dashboards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy/dashboards")
}

/// A program of Debian's package `prometheus`: the one that `make tools` unpacks, else that of the
/// system.
pub fn program(name: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/prometheus/usr/bin").join(name);
    if own.exists() { own } else { PathBuf::from(name) }
}

/// What `look` finds, looking again and again for as long as a test waits.
pub fn patiently<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    const POLL: Duration = Duration::from_millis(50);
    (0..PATIENCE.as_millis() / POLL.as_millis()).find_map(|_| {
        let found = look();
        if found.is_none() {
            std::thread::sleep(POLL);
        }
        found
    })
}

/// A running Prometheus; it ends when it is dropped.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    client: Client,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts one that scrapes this address every second.
    pub fn start(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let read = |name| std::fs::read_to_string(dashboards().join(name)).expect("a file");
        let configuration = read("prometheus.yml");
        for expected in ["127.0.0.1:9901", "scrape_interval: 15s"] {
            assert!(configuration.contains(expected), "{configuration}");
        }
        let configuration = configuration
            .replace("127.0.0.1:9901", &target.to_string())
            .replace("scrape_interval: 15s", "scrape_interval: 1s");
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, configuration).expect("a file");
        std::fs::write(folder.path().join("rules.yml"), read("rules.yml")).expect("a file");
        // Bound and dropped: Prometheus cannot tell which port it took.
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        let child = Command::new(program("prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus: run `make tools`, or `apt install prometheus`");
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        Self { child, address, client, _folder: folder }
    }

    /// The result of a query; nothing while Prometheus is not ready.
    pub fn query(&self, query: &str) -> Option<Value> {
        let url = format!("http://{}/api/v1/query", self.address);
        let url = reqwest::Url::parse_with_params(&url, [("query", query)]).expect("a URL");
        let body = self.client.get(url).send().ok()?.text().ok()?;
        let answer: Value = serde_json::from_str(&body).ok()?;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        Some(answer["data"]["result"].clone())
    }

    /// The result of a query as soon as `is_there` finds what it looks for.
    pub fn wait_for(&self, query: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        let mut last = None;
        let found = patiently(|| {
            last = self.query(query);
            last.clone().filter(|result| is_there(result))
        });
        found.unwrap_or_else(|| panic!("{query}: {last:?}"))
    }

    /// The number a query gives once it gives this one.
    pub fn wait_for_number(&self, query: &str, number: f64) {
        self.wait_for(query, |result| {
            result[0]["value"][1].as_str().and_then(|text| text.parse::<f64>().ok()) == Some(number)
        });
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
