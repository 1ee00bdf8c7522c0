//! Real Envoy with the real artifact in front of the scripted upstream.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::upstream::{PATIENCE, Upstream};

#[path = "../../envoy/demo/proxy.rs"]
mod proxy;

#[path = "secrets.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod secrets;

use proxy::{Proxy, Template};

/// Any free port of this machine.
const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// What a test wants to be different from `envoy/envoy.yaml`.
pub struct Setup {
    configuration: Value,
    hold_headers: bool,
    with_filter: bool,
    edits: Vec<(String, String)>,
    workers: usize,
    artifact: Option<PathBuf>,
    reloadable: bool,
    complains: bool,
    trusted_ca: Option<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            configuration: json!({}),
            hold_headers: true,
            with_filter: true,
            edits: Vec::new(),
            workers: 1,
            artifact: None,
            reloadable: false,
            complains: false,
            trusted_ca: None,
        }
    }
}

impl Setup {
    /// Nothing different.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plugin configuration; `hold_headers` is added to it.
    pub fn configuration(mut self, configuration: Value) -> Self {
        self.configuration = configuration;
        self
    }

    /// Whether headers are held until the body is there, in Envoy and in the filter alike.
    pub fn hold_headers(mut self, hold: bool) -> Self {
        self.hold_headers = hold;
        self
    }

    /// Leaves the filter out.
    pub fn without_filter(mut self) -> Self {
        self.with_filter = false;
        self
    }

    /// Runs so many worker threads, each with a VM of its own, instead of one.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Runs this artifact instead of the one that `make build` leaves.
    pub fn artifact(mut self, wasm: &Path) -> Self {
        self.artifact = Some(wasm.to_owned());
        self
    }

    /// Keeps the listener in a file of its own, which [`Envoy::reload`] replaces.
    pub fn reloadable(mut self) -> Self {
        self.reloadable = true;
        self
    }

    /// Lets the log hold errors of the filter: this test provokes them.
    pub fn complains(mut self) -> Self {
        self.complains = true;
        self
    }

    /// Replaces a text that stands in `envoy/envoy.yaml` exactly once.
    pub fn edit(mut self, from: &str, to: &str) -> Self {
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Speaks HTTP/2 without TLS to the upstream.
    pub fn http2_upstream(self) -> Self {
        self.edit(
            "    connect_timeout: 5s\n",
            r#"    connect_timeout: 5s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
"#,
        )
    }

    /// Takes in the lines for TLS to the upstream, which trust this certificate (PEM).
    pub fn tls_upstream(mut self, trusted_ca: &str) -> Self {
        self.trusted_ca = Some(trusted_ca.to_owned());
        self
    }

    /// Puts another HTTP filter in front of this one, as YAML without indentation.
    pub fn filter_in_front(self, yaml: &str) -> Self {
        let mut indented = String::from("          http_filters:\n");
        for line in yaml.lines() {
            indented.extend(["          ", line, "\n"]);
        }
        self.edit("          http_filters:\n", &indented)
    }

    /// Puts another HTTP filter between this one and the router.
    pub fn filter_behind(self, yaml: &str) -> Self {
        const ROUTER: &str = "          - name: envoy.filters.http.router\n";
        let mut indented = String::new();
        for line in yaml.lines() {
            indented.extend(["          ", line, "\n"]);
        }
        self.edit(ROUTER, &[indented.as_str(), ROUTER].concat())
    }

    /// Starts an upstream and an Envoy before it.
    pub fn start(self) -> Envoy {
        self.try_start().unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// As [`Setup::start`]; an error when Envoy does not start, with what it said.
    pub fn try_start(self) -> Result<Envoy, String> {
        let upstream = Upstream::start();
        let address = upstream.address();
        self.run_before(upstream, address)
    }

    /// Starts an Envoy whose upstream address nobody listens on.
    pub fn start_without_upstream(self) -> Envoy {
        // Bound and dropped: the port is free, and nobody is likely to take it meanwhile.
        let nobody = std::net::TcpListener::bind(SocketAddr::from(ANY))
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        self.start_before(nobody)
    }

    /// Starts an Envoy before an upstream of the test's own.
    pub fn start_before(self, address: SocketAddr) -> Envoy {
        self.run_before(Upstream::start(), address).unwrap_or_else(|reason| panic!("{reason}"))
    }

    fn run_before(self, upstream: Upstream, address: SocketAddr) -> Result<Envoy, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = log_file(Path::new(env!("CARGO_MANIFEST_DIR")))?;
        let (complains, reloadable) = (self.complains, self.reloadable);
        let secrets = secrets::of_configuration(&self.configuration);
        let proxy = self.run(folder.path(), &log, address)?;
        // Envoy has read its files. What it was told stays beside what it says.
        let _ = std::fs::copy(folder.path().join("envoy.yaml"), log.with_extension("yaml"));
        let folder = reloadable.then_some(folder);
        let client = Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Ok(Envoy { proxy, upstream, client, log, log_seen: 0, complains, secrets, folder })
    }

    fn run(self, folder: &Path, log: &Path, upstream: SocketAddr) -> Result<Proxy, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let envoy = proxy::envoy_binary(root)?;
        let (workers, reloadable) = (self.workers.to_string(), self.reloadable);
        let trusted_ca = self.trusted_ca.clone();
        let mut template = self.template(root, upstream)?;
        if let Some(pem) = trusted_ca {
            let file = folder.join("ca.pem");
            std::fs::write(&file, pem).map_err(|error| error.to_string())?;
            template = template.upstream_tls("localhost", &file)?;
        }
        template.write(&folder.join("envoy.yaml"))?;
        if reloadable {
            split_listener(folder).map_err(|error| error.to_string())?;
        }
        // Access logs are written ten seconds late otherwise.
        let flush = ["--file-flush-interval-msec", "50"];
        let arguments = ["--concurrency", workers.as_str(), "--log-level", "info"];
        let arguments = [arguments.as_slice(), &flush].concat();
        Proxy::start(&envoy, folder, &arguments, Some(log))
    }

    fn template(mut self, root: &Path, upstream: SocketAddr) -> Result<Template, String> {
        let mut template = Template::read(root)?;
        for (from, to) in &self.edits {
            template = template.replace(from, to)?;
        }
        if self.with_filter {
            if !self.hold_headers {
                template = template.replace(
                    "allow_on_headers_stop_iteration: true",
                    "allow_on_headers_stop_iteration: false",
                )?;
            }
            self.configuration["hold_headers"] = self.hold_headers.into();
            let artifact = match self.artifact {
                Some(artifact) => artifact,
                None => proxy::wasm_artifact(root)?,
            };
            template =
                template.wasm(&artifact)?.plugin_configuration(&self.configuration.to_string())?;
        } else {
            template = template.without_filter()?;
        }
        template
            .listen(ANY.into())?
            .admin(ANY.into())?
            .upstream(&upstream.ip().to_string(), upstream.port())
    }
}

/// Moves the listener out of `envoy.yaml` into the file that [`Envoy::reload`] replaces.
fn split_listener(folder: &Path) -> std::io::Result<()> {
    let path = folder.join("envoy.yaml");
    let text = std::fs::read_to_string(&path)?;
    let (before, rest) = text.split_once("  listeners:\n").expect("listeners");
    let (listener, after) = rest.split_once("  clusters:\n").expect("clusters");
    let kind = "\"@type\": type.googleapis.com/envoy.config.listener.v3.Listener";
    let listener = listener.replacen("  - name", &format!("  - {kind}\n    name"), 1);
    std::fs::write(folder.join(LISTENER), format!("resources:\n{listener}"))?;
    let source = Value::from(folder.join(LISTENER).to_string_lossy());
    let dynamic = format!(
        "node: {{ id: test, cluster: test }}\ndynamic_resources:\n  lds_config: {{ \
         path_config_source: {{ path: {source} }} }}\n"
    );
    std::fs::write(path, format!("{dynamic}{before}  clusters:\n{after}"))
}

/// The file of a listener that can be reloaded.
const LISTENER: &str = "listener.yaml";

/// The artifact that is tested.
pub fn wasm_artifact() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    proxy::wasm_artifact(root).unwrap_or_else(|reason| panic!("{reason}"))
}

/// The same with SIMD.
pub fn simd_artifact() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    proxy::simd_artifact(root).unwrap_or_else(|reason| panic!("{reason}"))
}

thread_local! {
    /// How many Envoys the test of this thread has started.
    static STARTED: Cell<usize> = const { Cell::new(0) };
}

/// A log file of its own for this Envoy, named after the test that runs it.
fn log_file(root: &Path) -> Result<PathBuf, String> {
    let folder = root.join("target/envoy-tests");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("main").replace("::", "-");
    let number = STARTED.get() + 1;
    STARTED.set(number);
    Ok(folder.join(format!("{test}-{number}.log")))
}

/// A running Envoy, its upstream and a client.
pub struct Envoy {
    // Dropped first: it still writes into the folder.
    proxy: Proxy,
    /// The upstream behind it.
    pub upstream: Upstream,
    /// An HTTP/1.1 client with no proxy and no redirects.
    pub client: Client,
    log: PathBuf,
    /// How much of the log has been looked at.
    log_seen: usize,
    complains: bool,
    /// What the log must not tell, beside what the upstream has seen.
    secrets: Vec<String>,
    /// Where a reloadable listener is read from.
    folder: Option<TempDir>,
}

/// Counters of listeners that Envoy has taken and refused.
const LDS: [&str; 2] =
    ["listener_manager.lds.update_success", "listener_manager.lds.update_rejected"];

impl Drop for Envoy {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_well();
        }
    }
}

impl Envoy {
    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.proxy.listen()
    }

    /// The admin interface.
    pub fn admin(&self) -> SocketAddr {
        self.proxy.admin()
    }

    /// Whatever a test is about: Envoy survives it, the filter finds nothing to complain of, and no key
    /// and no text is in the log.
    pub fn assert_well(&mut self) {
        let whose = self.log.display().to_string();
        let log = self.log();
        secrets::assert_absent(&log, &self.secrets, &whose);
        for request in self.upstream.requests() {
            secrets::assert_absent(&log, &secrets::of_request(&request), &whose);
        }
        if self.complains {
            return;
        }
        assert!(self.proxy.is_running(), "Envoy has crashed: see {}", self.log.display());
        let news = self.news();
        let complaint = |line: &&str| line.contains("[critical]") || line.contains("[error][wasm]");
        assert_eq!(news.lines().find(complaint), None, "see {}", self.log.display());
        self.log_seen += news.len();
    }

    /// Makes it ready for another test, whatever became of the last one; false if it has crashed.
    pub fn renew(&mut self) -> bool {
        self.upstream.forget();
        self.log_seen = self.log().len();
        let is_running = self.proxy.is_running();
        // The test that made it crash has failed already.
        self.complains |= !is_running;
        is_running
    }

    /// What Envoy and the filter have logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What they have logged since a test before this one was done with them.
    pub fn news(&self) -> String {
        self.log().get(self.log_seen..).unwrap_or_default().to_owned()
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.proxy.pid()
    }

    /// A counter or gauge of the admin interface, zero when there is none of that name.
    pub fn stat(&self, name: &str) -> u64 {
        let url = format!("http://{}/stats?filter=^{name}$", self.admin());
        let stats = self.client.get(url).send().and_then(|answer| answer.text());
        let stats = stats.expect("statistics");
        stats.trim().rsplit(' ').next().and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    /// Gives a reloadable Envoy this plugin configuration; an error when Envoy refuses it.
    pub fn reload(&self, configuration: &Value) -> Result<(), String> {
        let path = self.folder.as_ref().expect("a reloadable Envoy").path().join(LISTENER);
        let text = std::fs::read_to_string(&path).expect("a reloadable listener");
        let mut listener = String::new();
        for line in text.lines() {
            match line.split_once("value: ") {
                Some((indent, _)) if indent.trim().is_empty() => {
                    let value = Value::from(configuration.to_string());
                    listener.push_str(&format!("{indent}value: {value}\n"));
                }
                _ => listener.extend([line, "\n"]),
            }
        }
        let [taken, refused] = LDS.map(|name| self.stat(name));
        // Envoy looks when a file is moved to this place, so that it never reads half of one.
        let next = path.with_extension("next");
        std::fs::write(&next, listener)
            .and_then(|()| std::fs::rename(&next, &path))
            .expect("a file");
        loop {
            let [now_taken, now_refused] = LDS.map(|name| self.stat(name));
            if now_refused > refused {
                return Err(self.log());
            }
            if now_taken > taken {
                return Ok(());
            }
            std::thread::yield_now();
        }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Sends this body to `/v1/responses`.
    pub fn respond(&self, body: &Value) -> Response {
        self.client.post(self.url("/v1/responses")).json(body).send().expect("an answer")
    }
}

/// The events of a stream as they arrive: `data` of each, blocking until it is there.
pub struct Events<R> {
    lines: std::io::Lines<BufReader<R>>,
    /// Everything read, line ends normalised to `\n`.
    pub text: String,
}

impl<R: std::io::Read> Events<R> {
    /// Reads from this body.
    pub fn new(body: R) -> Self {
        Self { lines: BufReader::new(body).lines(), text: String::new() }
    }
}

impl<R: std::io::Read> Iterator for Events<R> {
    type Item = std::io::Result<Value>;

    /// The next event's `data` as JSON (a string when it is none), or the error that broke the
    /// stream off; the end of the stream is `None`.
    fn next(&mut self) -> Option<Self::Item> {
        let mut data = String::new();
        loop {
            let line = match self.lines.next()? {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            self.text.extend([line.as_str(), "\n"]);
            if let Some(rest) = line.strip_prefix("data:") {
                data.push_str(rest.trim_start());
            } else if line.is_empty() && !data.is_empty() {
                let event = serde_json::from_str(&data).unwrap_or(Value::String(data));
                return Some(Ok(event));
            }
        }
    }
}
