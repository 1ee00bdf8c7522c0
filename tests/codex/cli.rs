//! The real Codex CLI in a home of its own, before an Envoy and an upstream of its own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::envoy::{Envoy, Setup};
use crate::upstream::{Answer, PATIENCE, Request, Upstream};

/// The value of the environment variable that the provider's `env_key` names.
pub const KEY: &str = "key-of-the-test";

/// What a scenario wants to be different.
pub struct Scenario {
    model: &'static str,
    provider_name: &'static str,
    provider: String,
    settings: String,
    tables: String,
    config: Option<String>,
    setup: Setup,
}

impl Scenario {
    /// An unknown model behind a provider like that of the README, with few retries.
    pub fn new() -> Self {
        Self {
            model: "test-model",
            provider_name: "Filter",
            provider: String::new(),
            settings: String::new(),
            tables: String::new(),
            config: None,
            setup: Setup::new(),
        }
    }

    /// The model's name; by it Codex decides which tools it offers and in which form.
    pub fn model(mut self, model: &'static str) -> Self {
        self.model = model;
        self
    }

    /// The provider's display name.
    pub fn provider_name(mut self, name: &'static str) -> Self {
        self.provider_name = name;
        self
    }

    /// A line for the provider's table.
    pub fn provider(mut self, line: &str) -> Self {
        self.provider.extend([line, "\n"]);
        self
    }

    /// A top-level line of `config.toml`.
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.extend([line, "\n"]);
        self
    }

    /// The adding MCP server under this name, with these tools.
    pub fn mcp_server(mut self, name: &str, tools: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codex/mcp_server.py");
        let arguments: Vec<String> = [script.to_str().expect("a path in UTF-8")]
            .iter()
            .chain(tools)
            .map(|argument| format!("{argument:?}"))
            .collect();
        self.tables += &format!(
            "[mcp_servers.{name:?}]\ncommand = \"python3\"\nargs = [{}]\n",
            arguments.join(", ")
        );
        self
    }

    /// A whole `config.toml`, in which `127.0.0.1:10000` stands for the address of Envoy.
    pub fn config(mut self, toml: &str) -> Self {
        self.config = Some(toml.to_owned());
        self
    }

    /// Lets Envoy's log hold errors of the filter.
    pub fn complains(mut self) -> Self {
        self.setup = self.setup.complains();
        self
    }

    /// Replaces a text of `envoy/envoy.yaml`.
    pub fn edit(mut self, from: &str, to: &str) -> Self {
        self.setup = self.setup.edit(from, to);
        self
    }

    /// The plugin configuration.
    pub fn configuration(mut self, configuration: Value) -> Self {
        self.setup = self.setup.configuration(configuration);
        self
    }

    /// Starts Envoy and the upstream, which answers by this script, and furnishes the home.
    pub fn start(
        mut self,
        script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static,
    ) -> Codex {
        let envoy = std::mem::take(&mut self.setup).start();
        envoy.upstream.script(script);
        // Codex refuses some of its conveniences to homes below /tmp.
        let folder = TempDir::with_prefix_in("codex-", env!("CARGO_TARGET_TMPDIR"))
            .expect("a temporary folder");
        for name in ["home", "work"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let address = envoy.address().to_string();
        let config = self.config.take().unwrap_or_else(|| self.config_toml());
        let config = config.replace("127.0.0.1:10000", &address);
        std::fs::write(folder.path().join("home/config.toml"), config).expect("a file");
        Codex { envoy, folder }
    }

    fn config_toml(&self) -> String {
        let Self { model, provider_name, provider, settings, tables, .. } = self;
        format!(
            "model = {model:?}
model_provider = \"filter\"
check_for_update_on_startup = false
{settings}
[analytics]
enabled = false

[model_providers.filter]
name = {provider_name:?}
base_url = \"http://127.0.0.1:10000/v1\"
wire_api = \"responses\"
env_key = \"OPENAI_API_KEY\"
request_max_retries = 1
stream_max_retries = 1
{provider}
{tables}"
        )
    }
}

/// A furnished Codex.
pub struct Codex {
    envoy: Envoy,
    folder: TempDir,
}

/// What came of one run of Codex.
pub struct Run {
    /// How the process ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Codex {
    /// The upstream.
    pub fn upstream(&self) -> &Upstream {
        &self.envoy.upstream
    }

    /// A path in the folder that Codex works in.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// The content of a file in that folder, if it is there.
    pub fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.file(name)).ok()
    }

    /// `codex exec --json` with this prompt.
    pub fn exec(&self, prompt: &str) -> Run {
        self.run(&["exec", "--json"], &[prompt])
    }

    /// `codex exec` with these arguments behind the fixed ones.
    pub fn run(&self, command: &[&str], arguments: &[&str]) -> Run {
        let child = self
            .command(command, arguments)
            .spawn()
            .unwrap_or_else(|error| panic!("codex: {error}; `make tools` installs it"));
        finish(child)
    }

    /// The same, about to be started.
    pub fn command(&self, command: &[&str], arguments: &[&str]) -> Command {
        let fixed = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"];
        let home = self.folder.path().join("home");
        let program = ".tools/codex/node_modules/.bin/codex";
        let mut codex = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(program));
        codex
            .args(command)
            .args(fixed)
            .args(arguments)
            .current_dir(self.folder.path().join("work"))
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", &home)
            .env("CODEX_HOME", &home)
            .env("OPENAI_API_KEY", KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        codex
    }
}

/// Waits for the end of the process and for all its output; a process that hangs is killed.
fn finish(mut child: Child) -> Run {
    let stdout = read_all(child.stdout.take().expect("a pipe"));
    let stderr = read_all(child.stderr.take().expect("a pipe"));
    let Ok(stdout) = stdout.recv_timeout(PATIENCE) else {
        child.kill().expect("a process to end");
        panic!("codex did not end; it said: {}", stderr.recv().unwrap_or_default());
    };
    let status = child.wait().expect("an exit status");
    Run { status, stdout, stderr: stderr.recv_timeout(PATIENCE).unwrap_or_default() }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

impl Run {
    /// The run, once it is sure that it went well.
    pub fn succeeded(self) -> Self {
        assert!(self.status.success(), "codex failed\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The run, once it is sure that it ended with an error.
    pub fn failed(self) -> Self {
        assert!(!self.status.success(), "codex did not fail\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The events of `--json`.
    pub fn events(&self) -> Vec<Value> {
        self.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The finished items of this type.
    pub fn items(&self, kind: &str) -> Vec<Value> {
        self.events()
            .into_iter()
            .filter(|event| event["type"] == "item.completed")
            .map(|mut event| event["item"].take())
            .filter(|item| item["type"] == kind)
            .collect()
    }

    /// The texts of all finished messages.
    pub fn messages(&self) -> Vec<String> {
        let text = |item: &Value| item["text"].as_str().unwrap_or_default().to_owned();
        self.items("agent_message").iter().map(text).collect()
    }

    /// What the user is told went wrong: every `error` event and the end of a failed turn.
    pub fn errors(&self) -> String {
        let told = |event: &Value| {
            let message = match event["type"].as_str() {
                Some("error") => &event["message"],
                Some("turn.failed") => &event["error"]["message"],
                _ => return None,
            };
            message.as_str().map(str::to_owned)
        };
        self.events().iter().filter_map(told).collect::<Vec<_>>().join("\n")
    }
}

/// The Chat Completions messages of a request to the upstream that have this role.
pub fn messages(request: &Request, role: &str) -> Vec<Value> {
    request.json()["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|message| message["role"] == role)
        .cloned()
        .collect()
}

/// The names of the tools that a request to the upstream offers.
pub fn tool_names(request: &Request) -> Vec<String> {
    let name = |tool: &Value| tool["function"]["name"].as_str().unwrap_or_default().to_owned();
    request.json()["tools"].as_array().into_iter().flatten().map(name).collect()
}

/// The first offered tool whose name contains this.
pub fn tool_named(request: &Request, part: &str) -> String {
    let names = tool_names(request);
    names
        .iter()
        .find(|name| name.contains(part))
        .unwrap_or_else(|| panic!("no tool is named like {part}: {names:?}"))
        .clone()
}
