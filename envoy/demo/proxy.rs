//! Envoy as a child process, with a configuration made from `envoy/envoy.yaml`.
//!
//! `make run` and the tests share this, so what they run is what the file documents.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use reqwest::blocking::Client;
use serde_json::Value;

/// The documented configuration; every change to it must find its place exactly once.
#[derive(Clone, Debug)]
pub struct Template(String);

impl Template {
    /// Reads `envoy/envoy.yaml` of the project in `root`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(root: &Path) -> Result<Self, String> {
        let path = root.join("envoy/envoy.yaml");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(Self(text))
    }

    /// Replaces `from`, which must stand in the file exactly once.
    ///
    /// # Errors
    /// When it does not: the file has changed and its user here has not.
    pub fn replace(self, from: &str, to: &str) -> Result<Self, String> {
        match self.0.matches(from).count() {
            1 => Ok(Self(self.0.replacen(from, to, 1))),
            count => Err(format!("envoy/envoy.yaml has {count} times, not once: {from}")),
        }
    }

    /// Leaves out everything from the line `first` up to the line `next`.
    ///
    /// # Errors
    /// As [`Template::replace`].
    pub fn cut(self, first: &str, next: &str) -> Result<Self, String> {
        let missing = |line: &str| format!("envoy/envoy.yaml has lost its line {:?}", line.trim());
        let from = self.0.find(first).ok_or_else(|| missing(first))?;
        let to = self.0.find(next).ok_or_else(|| missing(next))?;
        let lines = self.0.get(from..to).unwrap_or_default().to_owned();
        self.replace(&lines, "")
    }

    /// Where clients connect; port 0 takes a free one.
    ///
    /// # Errors
    /// As [`Template::replace`]; so for all that follow.
    pub fn listen(self, address: SocketAddr) -> Result<Self, String> {
        self.replace("address: 127.0.0.1, port_value: 10000", &socket_address(address))
    }

    /// Where the admin interface listens; port 0 takes a free one.
    pub fn admin(self, address: SocketAddr) -> Result<Self, String> {
        self.replace("address: 127.0.0.1, port_value: 9901", &socket_address(address))
    }

    /// The filter's artifact.
    pub fn wasm(self, path: &Path) -> Result<Self, String> {
        let path = Value::from(path.to_string_lossy());
        self.replace(
            "filename: target/wasm32-wasip1/release/responses_filter.wasm",
            &format!("filename: {path}"),
        )
    }

    /// The plugin configuration. A JSON string is a YAML string as well.
    pub fn plugin_configuration(self, json: &str) -> Result<Self, String> {
        self.replace("value: '{}'", &format!("value: {}", Value::from(json)))
    }

    /// Leaves the filter out: everything passes through.
    pub fn without_filter(self) -> Result<Self, String> {
        const FILTER: &str = "          - name: envoy.filters.http.wasm\n";
        const NEXT: &str = "          - name: envoy.filters.http.router\n";
        self.cut(FILTER, NEXT)
    }

    /// The upstream's host and port.
    pub fn upstream(self, host: &str, port: u16) -> Result<Self, String> {
        self.replace(
            "address: 127.0.0.1, port_value: 11434",
            &format!("address: {}, port_value: {port}", Value::from(host)),
        )
    }

    /// Takes in the commented lines for an upstream with TLS.
    pub fn upstream_tls(self, host: &str, trusted_ca: &Path) -> Result<Self, String> {
        let (before, commented) = self
            .0
            .split_once("    # transport_socket:\n")
            .ok_or("envoy/envoy.yaml has lost its lines for TLS")?;
        let mut text = format!("{before}    transport_socket:\n");
        for line in commented.split_inclusive('\n') {
            match line.strip_prefix("    # ") {
                Some(rest) => text.extend(["    ", rest]),
                None => text.push_str(line),
            }
        }
        let san_type = if host.parse::<IpAddr>().is_ok() { "IP_ADDRESS" } else { "DNS" };
        let host = Value::from(host).to_string();
        Self(text)
            .replace("san_type: DNS", &format!("san_type: {san_type}"))?
            .replace("sni: api.example.com", &format!("sni: {host}"))?
            .replace("exact: api.example.com", &format!("exact: {host}"))?
            .replace(
                "filename: /etc/ssl/certs/ca-certificates.crt",
                &format!("filename: {}", Value::from(trusted_ca.to_string_lossy())),
            )
    }

    /// Sends everything below `base` of the upstream (`/v1`, `/api/v1`, or empty).
    pub fn upstream_base(self, base: &str) -> Result<Self, String> {
        const ROUTE: &str = r#"              - { match: { prefix: "/" }, route: { cluster: upstream, timeout: 0s, auto_host_rewrite: true } }
"#;
        let rewritten = |pattern: &str, to: &str| {
            let to = Value::from(to);
            format!(
                "              - {{ match: {{ safe_regex: {{ regex: '{pattern}' }} }}, route: {{ cluster: \
                 upstream, timeout: 0s, auto_host_rewrite: true, regex_rewrite: {{ pattern: {{ \
                 regex: '{pattern}' }}, substitution: {to} }} }} }}\n"
            )
        };
        let mut routes = rewritten(".*/chat/completions", &format!("{base}/chat/completions"));
        routes += &rewritten("/v1(/.*)", &format!("{base}\\1"));
        routes += ROUTE;
        self.replace(ROUTE, &routes)
    }

    /// Writes the configuration to a file for Envoy.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        std::fs::write(path, &self.0)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

fn socket_address(address: SocketAddr) -> String {
    format!("address: \"{}\", port_value: {}", address.ip(), address.port())
}

/// The Envoy of `$ENVOY`, else the one that `make` installs into the project.
///
/// # Errors
/// One line that says what to do when there is none.
pub fn envoy_binary(root: &Path) -> Result<PathBuf, String> {
    existing(
        std::env::var_os("ENVOY").map_or_else(|| root.join(".tools/venv/bin/envoy"), PathBuf::from),
        "Envoy is missing: run `make build tools`, or set ENVOY=/path/to/envoy",
    )
}

/// The artifact of `$RESPONSES_FILTER_WASM`, else the one that `make build` leaves.
///
/// # Errors
/// One line that says what to do when there is none.
pub fn wasm_artifact(root: &Path) -> Result<PathBuf, String> {
    existing(
        std::env::var_os("RESPONSES_FILTER_WASM").map_or_else(
            || root.join("target/wasm32-wasip1/release/responses_filter.wasm"),
            PathBuf::from,
        ),
        "the filter is not built: run `make build`",
    )
}

/// The artifact with SIMD that `make simd` leaves.
///
/// # Errors
/// One line that says what to do when there is none.
pub fn simd_artifact(root: &Path) -> Result<PathBuf, String> {
    existing(
        root.join("target/wasm32-wasip1/release/responses_filter.simd128.wasm"),
        "the filter with SIMD is not built: run `make simd`",
    )
}

fn existing(path: PathBuf, otherwise: &str) -> Result<PathBuf, String> {
    if path.is_file() { Ok(path) } else { Err(format!("{otherwise} ({})", path.display())) }
}

/// A running Envoy; it ends when this is dropped and when this process dies in any other way.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    listen: SocketAddr,
    admin: SocketAddr,
}

/// How long Envoy may take from start to its first connection.
const START_MAX: Duration = Duration::from_secs(60);

/// How long Envoy may take to end by itself.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Time between two looks at something that takes a moment.
const POLL: Duration = Duration::from_millis(5);

impl Proxy {
    /// Starts Envoy with the configuration in `folder/envoy.yaml` and waits until it serves.
    /// Its output goes to `log`, or where this process's output goes.
    ///
    /// # Errors
    /// A sentence with what Envoy said when it does not start.
    pub fn start(
        envoy: &Path,
        folder: &Path,
        arguments: &[&str],
        log: Option<&Path>,
    ) -> Result<Self, String> {
        Self::start_under(&[], envoy, folder, arguments, log)
    }

    /// The same within a program, whose arguments stand before Envoy's; none is Envoy by itself.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_under(
        program: &[String],
        envoy: &Path,
        folder: &Path,
        arguments: &[&str],
        log: Option<&Path>,
    ) -> Result<Self, String> {
        let admin_file = folder.join("admin-address");
        // Left by an earlier run, it would be taken for the answer of this one.
        let _ = std::fs::remove_file(&admin_file);
        let mut command = watched(program, envoy);
        command
            .arg("-c")
            .arg(folder.join("envoy.yaml"))
            .arg("--admin-address-path")
            .arg(&admin_file)
            .arg("--disable-hot-restart")
            .args(arguments);
        if let Some(log) = log {
            let (out, err) = appended(log)
                .map_err(|error| format!("cannot write {}: {error}", log.display()))?;
            command.stdout(out).stderr(err);
        }
        let child = command.spawn().map_err(|error| format!("cannot start Envoy: {error}"))?;
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut proxy = Self { child, listen: unknown, admin: unknown };
        proxy.wait_until_ready(&admin_file).map_err(|reason| match log {
            Some(log) => format!("{reason}\n{}", complaints(log)),
            None => reason,
        })?;
        Ok(proxy)
    }

    /// Where clients connect.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Where the admin interface listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The process that was started; the shell that watches it becomes Envoy itself.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn wait_until_ready(&mut self, admin_file: &Path) -> Result<(), String> {
        self.admin = self.poll(|| std::fs::read_to_string(admin_file).ok()?.trim().parse().ok())?;
        let admin = self.admin;
        let client = Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
        self.poll(|| get(&client, admin, "/ready"))?;
        self.listen = self.poll(|| listener(&get(&client, admin, "/listeners?format=json")?))?;
        Ok(())
    }

    fn poll<T>(&mut self, mut look: impl FnMut() -> Option<T>) -> Result<T, String> {
        for _ in 0..START_MAX.as_millis() / POLL.as_millis() {
            if let Some(found) = look() {
                return Ok(found);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("Envoy ended while it was starting ({status})"));
            }
            sleep(POLL);
        }
        Err(format!("Envoy was not ready after {} s", START_MAX.as_secs()))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The watchdog takes the closed pipe for the order to end Envoy.
        drop(self.child.stdin.take());
        for _ in 0..STOP_MAX.as_millis() / POLL.as_millis() {
            if !self.is_running() {
                return;
            }
            sleep(POLL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An empty log for both outputs. Envoy opens its standard output anew for access logs, so whatever does not
/// append would be written over what others have written.
fn appended(log: &Path) -> std::io::Result<(File, File)> {
    File::create(log)?;
    let file = File::options().append(true).open(log)?;
    Ok((file.try_clone()?, file))
}

/// A command that ends Envoy when its standard input closes, that is, at the latest when this
/// process dies, however it dies.
fn watched(program: &[String], envoy: &Path) -> Command {
    const WATCHDOG: &str =
        r#"exec 3<&0; (cat <&3 >/dev/null; kill $$ 2>/dev/null) & exec 3<&- "$@" </dev/null"#;
    let mut command = Command::new("sh");
    command.args(["-c", WATCHDOG, "sh"]).args(program).arg(envoy).stdin(Stdio::piped());
    command
}

/// The first listener in the admin interface's list.
fn listener(answer: &str) -> Option<SocketAddr> {
    let listeners: Value = serde_json::from_str(answer).ok()?;
    let address = listeners.pointer("/listener_statuses/0/local_address/socket_address")?;
    let ip = address.get("address")?.as_str()?.parse().ok()?;
    let port = address.get("port_value")?.as_u64()?.try_into().ok()?;
    Some(SocketAddr::new(ip, port))
}

/// The body of a GET that was answered with 200.
fn get(client: &Client, address: SocketAddr, path: &str) -> Option<String> {
    let answer = client.get(format!("http://{address}{path}")).send().ok()?;
    answer.error_for_status().ok()?.text().ok()
}

/// What in Envoy's log looks like the reason, else its end.
fn complaints(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let complaint = |line: &&str| line.contains("[critical]") || line.contains("[error]");
    let mut lines: Vec<&str> = text.lines().filter(complaint).collect();
    if lines.is_empty() {
        lines = text.lines().rev().take(20).collect();
        lines.reverse();
    }
    format!("{}\n(all of it: {})", lines.join("\n"), log.display())
}
