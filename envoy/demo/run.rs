//! `make run`: Envoy with the filter before an upstream, a first request, and what to tell Codex.
//!
//! | variable | meaning |
//! |---|---|
//! | `UPSTREAM` | base URL of a Chat Completions upstream, `http://` or `https://`; without it the demo upstream |
//! | `LISTEN` | where clients connect; `127.0.0.1:10000` |
//! | `ADMIN` | Envoy's admin interface; `127.0.0.1:9901`, or any free port when that is taken |
//! | `CONFIG` | the plugin configuration; `{}` |
//! | `DEMO` | `0` sends no request of its own |
//! | `MODEL` | the model of that request; else the first that the upstream lists |
//! | `OPENAI_API_KEY` | the key of that request |
//! | `ENVOY` | an Envoy with Wasm; else the one in `.tools` |

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

#[allow(dead_code, reason = "tests use more of it")]
mod chat;
#[allow(dead_code, reason = "tests use more of it")]
mod proxy;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use proxy::{Proxy, Template};

/// Between two pieces of an answer of the demo upstream: slow enough to watch.
const DEMO_PAUSE: Duration = Duration::from_millis(30);

/// Between two looks at whether Envoy still runs.
const WATCH: Duration = Duration::from_millis(500);

/// Envoy says when something is wrong, not what it is doing; its access log goes on.
const QUIET: [&str; 4] = ["--log-level", "warning", "--component-log-level", "main:error"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("make run: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let runtime = Runtime::new().map_err(|error| error.to_string())?;

    let listen = free("LISTEN", &variable("LISTEN").unwrap_or("127.0.0.1:10000".to_owned()))?;
    let admin = admin()?;
    let upstream = match variable("UPSTREAM") {
        Some(url) => Upstream::parse(&url)?,
        None => Upstream::demo(&runtime)?,
    };
    let template = Template::read(root)?
        .listen(listen)?
        .admin(admin)?
        .wasm(&proxy::wasm_artifact(root)?)?
        .plugin_configuration(&configuration())?;
    let template = upstream.render(template)?;

    let folder = root.join(format!("target/run/{}", listen.port()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    template.write(&folder.join("envoy.yaml"))?;
    println!("Starting Envoy with {}", folder.join("envoy.yaml").display());
    let envoy = proxy::envoy_binary(root)?;
    let mut proxy = Proxy::start(&envoy, &folder, &QUIET, None)?;
    println!("Upstream {}\nListening on http://{listen}, admin on http://{admin}\n", upstream.url);

    let mut model = variable("MODEL");
    if variable("DEMO").as_deref() != Some("0") {
        match demonstrate(listen, &mut model) {
            // The demo upstream always answers: whatever went wrong is ours.
            Err(reason) if upstream.is_demo => return Err(reason),
            Err(reason) => println!("{reason}\n"),
            Ok(()) => {}
        }
    }
    let placeholder = if upstream.is_demo { chat::conversation::MODEL } else { "YOUR-MODEL" };
    println!("{}", codex_configuration(listen, model.as_deref().unwrap_or(placeholder)));
    runtime.block_on(serve(&mut proxy))?;
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

/// An environment variable that says something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The address, when nobody listens there yet.
fn free(name: &str, value: &str) -> Result<SocketAddr, String> {
    // A bare port is an address of this machine.
    let full = if value.contains(':') { value.to_owned() } else { format!("127.0.0.1:{value}") };
    let address =
        full.to_socket_addrs().ok().and_then(|mut addresses| addresses.next()).ok_or_else(
            || format!("{name}={value} is no ADDRESS:PORT, for example 127.0.0.1:10000"),
        )?;
    TcpListener::bind(address).and_then(|listener| listener.local_addr()).map_err(|error| {
        let other = SocketAddr::new(address.ip(), address.port().wrapping_add(1));
        format!("cannot listen on {address} ({error}): choose another with {name}={other}")
    })
}

fn admin() -> Result<SocketAddr, String> {
    match variable("ADMIN") {
        Some(value) => free("ADMIN", &value),
        None => free("ADMIN", "127.0.0.1:9901").or_else(|_| free("ADMIN", "127.0.0.1:0")),
    }
}

/// The plugin configuration, its paths taken out: the base of `UPSTREAM` decides. What is no JSON
/// stays as it is, so that the filter says what is wrong with it.
fn configuration() -> String {
    let text = variable("CONFIG").unwrap_or("{}".to_owned());
    let Ok(mut configuration) = serde_json::from_str::<Value>(&text) else { return text };
    let profiles = configuration.get_mut("upstreams").and_then(Value::as_object_mut);
    for profile in profiles.into_iter().flat_map(|profiles| profiles.values_mut()) {
        if let Some(profile) = profile.as_object_mut() {
            profile.remove("path");
        }
    }
    configuration.to_string()
}

/// Where requests go.
struct Upstream {
    url: String,
    is_demo: bool,
    tls: bool,
    host: String,
    port: u16,
    base: String,
}

impl Upstream {
    fn demo(runtime: &Runtime) -> Result<Self, String> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = runtime
            .block_on(chat::Server::bind(any, DEMO_PAUSE))
            .map_err(|error| format!("the demo upstream cannot listen: {error}"))?;
        let url = format!("http://{}/v1", server.address());
        Ok(Self { is_demo: true, ..Self::parse(&url)? })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "UPSTREAM={text} {what}; it takes a base URL, for example http://127.0.0.1:11434/v1"
            )
        };
        let url = Url::parse(text).map_err(|error| wrong(&format!("is no URL ({error})")))?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(wrong("starts with neither http:// nor https://")),
        };
        let host = url.host_str().ok_or_else(|| wrong("names no host"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("holds credentials: send them as the client's Authorization header"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has a query or a fragment"));
        }
        let path = url.path().trim_end_matches('/');
        Ok(Self {
            url: text.trim_end_matches('/').to_owned(),
            is_demo: false,
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().ok_or_else(|| wrong("names no port"))?,
            base: path.strip_suffix("/chat/completions").unwrap_or(path).to_owned(),
        })
    }

    fn render(&self, template: Template) -> Result<Template, String> {
        let template = template.upstream(&self.host, self.port)?.upstream_base(&self.base)?;
        if !self.tls {
            return Ok(template);
        }
        template.upstream_tls(&self.host, &trusted_ca()?)
    }
}

/// The system's bundle of certificate authorities.
fn trusted_ca() -> Result<PathBuf, String> {
    const KNOWN: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    variable("SSL_CERT_FILE")
        .map(PathBuf::from)
        .into_iter()
        .chain(KNOWN.map(PathBuf::from))
        .find(|path| path.is_file())
        .ok_or_else(|| "no certificate bundle found: set SSL_CERT_FILE=/path/to/ca.pem".to_owned())
}

/// Sends one streamed request and shows the answer as it comes. Without a `model` it takes the first
/// that the upstream lists.
fn demonstrate(listen: SocketAddr, model: &mut Option<String>) -> Result<(), String> {
    let client = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(300))
        .build()
        .map_err(|error| error.to_string())?;
    let base = format!("http://{listen}/v1");
    if model.is_none() {
        *model = first_model(&client, &base);
    }
    let model = model
        .as_deref()
        .ok_or("The upstream lists no models: name one with MODEL=… to see a first answer.")?;
    let body = json!({"model": model, "input": "Say hello, and think first.", "stream": true});
    println!("$ curl -N {base}/responses -H 'content-type: application/json' -d '{body}'");
    let answer = authorized(client.post(format!("{base}/responses")))
        .json(&body)
        .send()
        .map_err(|error| format!("No answer: {error}"))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("{status}\n{}", answer.text().unwrap_or_default()));
    }
    show(BufReader::new(answer))
}

fn authorized(request: RequestBuilder) -> RequestBuilder {
    match variable("OPENAI_API_KEY") {
        Some(key) => request.bearer_auth(key),
        None => request,
    }
}

fn first_model(client: &Client, base: &str) -> Option<String> {
    let answer = authorized(client.get(format!("{base}/models"))).send().ok()?;
    let models: Value = answer.json().ok()?;
    Some(models.pointer("/data/0/id")?.as_str()?.to_owned())
}

/// Prints the names of the events and the text in them, live.
fn show(answer: impl BufRead) -> Result<(), String> {
    let mut last_kind = String::new();
    let mut complete = false;
    for line in answer.lines() {
        let line = line.map_err(|error| format!("\nThe stream broke off: {error}"))?;
        let Some(event) = line
            .strip_prefix("data: ")
            .and_then(|data| serde_json::from_str::<Value>(data).ok().filter(Value::is_object))
        else {
            continue;
        };
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
        match event.get("delta").and_then(Value::as_str) {
            Some(delta) if kind == last_kind => print!("{delta}"),
            Some(delta) => print!("\n{kind}: {delta}"),
            None => print!("\n{kind}"),
        }
        // Live is the point of it; a closed terminal ends it anyway.
        let _ = std::io::stdout().flush();
        complete |= kind == "response.completed";
        last_kind = kind.to_owned();
    }
    println!("\n");
    if complete { Ok(()) } else { Err("The answer is not complete.".to_owned()) }
}

fn codex_configuration(listen: SocketAddr, model: &str) -> String {
    format!(
        r#"For Codex, into ~/.codex/config.toml:

    model = "{model}"
    model_provider = "responses-filter"
    model_context_window = 128000   # what your model really has

    [model_providers.responses-filter]
    name = "Responses filter"
    base_url = "http://{listen}/v1"
    wire_api = "responses"
    env_key = "OPENAI_API_KEY"      # leave out when the upstream takes no key

Serving; Ctrl-C ends it."#
    )
}

/// Waits for Ctrl-C or the order to end, or for the end of Envoy.
async fn serve(proxy: &mut Proxy) -> Result<(), String> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = tokio::time::sleep(WATCH) => {
                if !proxy.is_running() {
                    return Err("Envoy has ended".to_owned());
                }
            }
        }
    }
}
