//! What is measured against what: Envoys that differ in nothing but their filter.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::proxy::{self, Proxy, Template};

/// A filter, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Envoy alone.
    None,
    /// A filter that is called and does nothing.
    Noop,
    /// A filter that takes every piece of a body and puts it back.
    Copy,
    /// This project's.
    Responses,
    /// The same for hosts with SIMD.
    Simd,
}

impl Filter {
    /// All, in the order of the table.
    pub const ALL: [Self; 5] = [Self::None, Self::Noop, Self::Copy, Self::Responses, Self::Simd];

    /// Its column in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "envoy",
            Self::Noop => "noop",
            Self::Copy => "copy",
            Self::Responses => "filter",
            Self::Simd => "simd128",
        }
    }

    /// Where clients send requests to.
    pub fn path(self) -> &'static str {
        match self {
            Self::Responses | Self::Simd => "/v1/responses",
            Self::None | Self::Noop | Self::Copy => "/v1/chat/completions",
        }
    }
}

/// A running Envoy with this filter.
#[derive(Debug)]
pub struct Target {
    pub filter: Filter,
    proxy: Proxy,
    _folder: TempDir,
}

impl Target {
    /// Starts one with a single worker; `config` is for this project's filter.
    ///
    /// # Errors
    /// A sentence when Envoy or an artifact is missing, or Envoy does not start.
    pub fn start(filter: Filter, config: &str, upstream: SocketAddr) -> Result<Self, String> {
        Self::start_under(&[], filter, config, upstream)
    }

    /// The same within a program, whose arguments stand before Envoy's; none is Envoy by itself.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_under(
        program: &[String],
        filter: Filter,
        config: &str,
        upstream: SocketAddr,
    ) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let template = without_access_log(Template::read(root)?)?
            .listen(([127, 0, 0, 1], 0).into())?
            .admin(([127, 0, 0, 1], 0).into())?
            .upstream(&upstream.ip().to_string(), upstream.port())?;
        let template = match filter {
            Filter::None => template.without_filter()?,
            Filter::Noop => template.wasm(&copy_artifact(root)?)?.plugin_configuration("noop")?,
            Filter::Copy => template.wasm(&copy_artifact(root)?)?.plugin_configuration("copy")?,
            Filter::Responses => {
                template.wasm(&proxy::wasm_artifact(root)?)?.plugin_configuration(config)?
            }
            Filter::Simd => {
                template.wasm(&proxy::simd_artifact(root)?)?.plugin_configuration(config)?
            }
        };
        template.write(&folder.path().join("envoy.yaml"))?;
        let envoy = proxy::envoy_binary(root)?;
        let log = folder.path().join("envoy.log");
        let arguments = ["--concurrency", "1", "--log-level", "warning"];
        let proxy = Proxy::start_under(program, &envoy, folder.path(), &arguments, Some(&log))?;
        Ok(Self { filter, proxy, _folder: folder })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.proxy.listen()
    }

    /// The CPU time that the process has used so far, of all its threads.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu(&self) -> Result<Duration, String> {
        let pid = Pid::from_raw(i32::try_from(self.proxy.pid()).unwrap_or_default());
        let time = clock_getcpuclockid(pid).and_then(clock_gettime);
        time.map(Duration::from).map_err(|error| format!("Envoy's CPU clock: {error}"))
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.proxy.pid()
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn memory(&self) -> Result<u64, String> {
        let path = format!("/proc/{}/status", self.proxy.pid());
        let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes.map(|kilobytes| kilobytes << 10).ok_or_else(|| format!("{path} has no VmRSS"))
    }

    /// What `envoy --version` says.
    ///
    /// # Errors
    /// When there is no Envoy.
    pub fn version() -> Result<String, String> {
        let envoy = proxy::envoy_binary(Path::new(env!("CARGO_MANIFEST_DIR")))?;
        let output = std::process::Command::new(envoy).arg("--version").output();
        let output = output.map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        // <path of envoy>  version: <commit>/<version>/Clean/RELEASE/BoringSSL
        let build = text.split_once("version:").map_or("", |(_, build)| build);
        Ok(build.split('/').nth(1).unwrap_or("unknown").to_owned())
    }
}

/// Lines of an access log are no part of what is compared.
fn without_access_log(template: Template) -> Result<Template, String> {
    template.cut("          access_log:\n", "          http_filters:\n")
}

/// The filter of `benches/envoy/copy_filter.rs`.
fn copy_artifact(root: &Path) -> Result<PathBuf, String> {
    let path = root.join("target/wasm32-wasip1/release/examples/copy_filter.wasm");
    if path.is_file() { Ok(path) } else { Err(format!("{} is missing", path.display())) }
}
