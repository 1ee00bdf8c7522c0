//! What a run has shown.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::envoy::Envoy;
use crate::story::Kind;

/// A look at Envoy while it works.
pub struct Sample {
    pub at: Duration,
    /// `None` where the system does not say.
    pub resident_bytes: Option<u64>,
    /// Requests under way.
    pub active: u64,
}

/// All of a run.
pub struct Report {
    machine: String,
    envoy: String,
    workers: usize,
    streams: u64,
    duration: Duration,
    /// How many exchanges of each kind were as they should be.
    pub exchanges: Vec<(Kind, u64)>,
    /// What was wrong with others.
    pub wrong: Vec<String>,
    /// Answers with 5xx, whoever made them.
    pub server_errors: u64,
    pub samples: Vec<Sample>,
}

/// What memory may grow by from the second quarter of a run to the last one: a twentieth, and what the
/// system's allocator is free to keep.
const GROWTH_MAX: f64 = 1.05;
const SLACK_BYTES: f64 = 8e6;

/// Shorter runs show no trend.
const TREND_MIN: Duration = Duration::from_secs(60);

impl Report {
    /// A report on a run that has not begun.
    pub fn new(envoy: &Envoy, workers: usize, streams: u64, duration: Duration) -> Self {
        Self {
            machine: machine(),
            envoy: version(envoy),
            workers,
            streams,
            duration,
            exchanges: Vec::new(),
            wrong: Vec::new(),
            server_errors: 0,
            samples: Vec::new(),
        }
    }

    /// Fails unless all was well.
    pub fn assert_good(&self) {
        assert!(self.wrong.is_empty(), "{} exchanges went wrong", self.wrong.len());
        assert_eq!(self.server_errors, 0, "answers with 5xx");
        for (kind, count) in &self.exchanges {
            assert!(*count > 0, "no exchange of the kind {kind:?}");
        }
        if self.duration >= TREND_MIN
            && let (Some(before), Some(after)) =
                (self.memory_of_quarter(1), self.memory_of_quarter(3))
        {
            assert!(
                after <= before * GROWTH_MAX + SLACK_BYTES,
                "memory grows: {before} to {after}"
            );
        }
    }

    /// The report as Markdown.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let total: u64 = self.exchanges.iter().map(|(_, count)| count).sum();
        let seconds = self.duration.as_secs();
        let most = self.samples.iter().map(|sample| sample.active).max().unwrap_or_default();
        let _ = writeln!(text, "| | |\n|---|---|\n| machine | {} |", self.machine);
        let _ = writeln!(
            text,
            "| versions | responses-filter {}, Envoy {} with {} workers |",
            env!("CARGO_PKG_VERSION"),
            self.envoy,
            self.workers
        );
        let _ = writeln!(text, "| time | {seconds} s, {} exchanges at once |", self.streams);
        let _ = writeln!(text, "| most requests under way in Envoy at once | {most} |");
        let _ = writeln!(text, "| exchanges | {total} |");
        for (kind, count) in &self.exchanges {
            let _ = writeln!(text, "| … {} | {count} |", told(*kind));
        }
        let _ = writeln!(text, "| exchanges that went wrong | {} |", self.wrong.len());
        let _ = writeln!(text, "| answers with 5xx | {} |", self.server_errors);
        let quarters: Vec<_> =
            (0..4).filter_map(|quarter| self.memory_of_quarter(quarter)).collect();
        let quarters: Vec<_> = quarters.iter().map(|bytes| format!("{:.0}", bytes / 1e6)).collect();
        let _ = writeln!(
            text,
            "| resident memory of Envoy, median of each quarter of the time | {} MB |",
            quarters.join(", ")
        );
        for wrong in self.wrong.iter().take(10) {
            let _ = writeln!(text, "\n{wrong}");
        }
        text
    }

    fn memory_of_quarter(&self, quarter: u32) -> Option<f64> {
        let part = self.duration / 4;
        let within =
            |sample: &&Sample| sample.at >= part * quarter && sample.at < part * (quarter + 1);
        let samples = self.samples.iter().filter(within);
        let mut bytes: Vec<u64> = samples.filter_map(|sample| sample.resident_bytes).collect();
        bytes.sort_unstable();
        bytes.get(bytes.len() / 2).map(|bytes| *bytes as f64)
    }
}

fn told(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "streamed texts",
        Kind::Calls => "two streamed calls, interleaved",
        Kind::Whole => "answers in one piece",
        Kind::LargeAnswer => "streamed texts of a quarter of a megabyte",
        Kind::LargeRequest => "requests of a megabyte",
        Kind::Leaves => "clients that left in the middle",
        Kind::Cut => "upstreams that broke off in the middle",
    }
}

/// The memory of a process, on systems that tell it in `/proc`.
pub fn resident_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let name = name.map_or("processors of an unknown kind", |(_, name)| name);
    format!("{cores} cores, {name}; load generator and upstream on the same ones")
}

fn version(envoy: &Envoy) -> String {
    let url = format!("http://{}/server_info", envoy.admin());
    let info: Value = envoy.client.get(url).send().unwrap().json().unwrap();
    // A hash, the version, and how it was built.
    let version = info["version"].as_str().and_then(|version| version.split('/').nth(1));
    version.unwrap_or("of an unknown version").to_owned()
}
