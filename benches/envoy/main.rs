//! `make bench`: what the filter costs in real Envoy, against the same Envoy without it.
//!
//! CPU time of the Envoy process, divided by what it has done. Rounds are interleaved: each measures
//! every target once, so that whatever else the machine does meets all of them. The figure of a cell
//! is the minimum over the rounds, because noise only adds; ratios are medians of pairs from the same
//! round. Figures of different runs do not compare, ratios do.
//!
//! ```text
//! cargo bench --bench envoy -- [--rounds 3] [--seconds 1.5] [--only bulk256,req2k] [--save]
//! ```
//! `--only` takes names of the table, `chart` for the points that only the chart has, and `mem1000`.
//! `--config` is the plugin configuration of the filter, `{}` otherwise.
//! `--targets` takes some of `envoy,noop,copy,filter,simd128`, for a look with a profiler.
//! `--count` counts instructions instead, see [`count`].
//! `--save` makes this the result that later runs are compared with.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
#![allow(clippy::disallowed_types, reason = "a benchmark reads clocks")]
#![allow(clippy::indexing_slicing, reason = "the oracles index JSON values")]

mod answer;
mod chart;
mod client;
mod conversation;
mod count;
mod http1;
mod measure;
mod report;
mod sample;
mod target;
mod upstream;
mod workload;

#[path = "../../tests/support/mod.rs"]
#[allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests fail so")]
#[allow(unused_imports, reason = "tests use more of it")]
mod oracle;
#[path = "../../envoy/demo/proxy.rs"]
#[allow(dead_code, reason = "`make run` uses more of it")]
mod proxy;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};

use measure::{Bench, Prepared};
use report::{Report, Row};
use target::{Filter, Target};
use workload::Workload;

/// What the command line says.
struct Options {
    rounds: usize,
    duration: Duration,
    only: Vec<String>,
    targets: Vec<Filter>,
    config: String,
    save: bool,
    count: bool,
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("make bench: {reason}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            rounds: 3,
            duration: Duration::from_millis(1500),
            only: Vec::new(),
            targets: Filter::ALL.to_vec(),
            config: "{}".to_owned(),
            save: false,
            count: false,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            let bad = |value: &str| format!("{argument} {value:?} is no number");
            match argument.as_str() {
                // cargo says so to every benchmark.
                "--bench" => {}
                "--rounds" => {
                    let value = value()?;
                    options.rounds = value.parse().map_err(|_| bad(&value))?;
                }
                "--seconds" => {
                    let value = value()?;
                    let seconds = value.parse().map_err(|_| bad(&value))?;
                    options.duration =
                        Duration::try_from_secs_f64(seconds).map_err(|_| bad(&value))?;
                }
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--targets" => {
                    let value = value()?;
                    let wanted = |filter: &Filter| value.split(',').any(|n| n == filter.name());
                    options.targets.retain(wanted);
                }
                "--config" => options.config = value()?,
                "--save" => options.save = true,
                "--count" => options.count = true,
                other => return Err(format!("{other} is no option; see benches/envoy/main.rs")),
            }
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

fn run(options: &Options) -> Result<(), String> {
    // A thousand streams are two thousand sockets here and as many in Envoy, which inherits this.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(|error| error.to_string())?;

    let bench = Bench::start()?;
    if options.count {
        let mut works = workload::counted();
        works.retain(|work| options.wants(work.name));
        return count::run(&bench, (works, &options.targets), &options.config, options.save);
    }
    let mut report = Report { machine: machine()?, ..Report::default() };
    let mut works: Vec<(Workload, &[Filter])> =
        workload::table().into_iter().map(|work| (work, &Filter::ALL[..])).collect();
    works.retain(|(work, _)| options.wants(work.name));
    if options.wants("chart") {
        let points = workload::answers().into_iter().chain(workload::requests());
        works.extend(points.map(|work| (work, &[Filter::None, Filter::Responses][..])));
    }
    let targets = start(&bench, options)?;
    for (work, filters) in works {
        report.rows.push(row(&bench, &targets, (work, filters), options)?);
    }
    drop(targets);
    if options.wants("mem1000") {
        measure_memory(&bench, options, &mut report)?;
    }
    finish(&report, options)
}

fn start(bench: &Bench, options: &Options) -> Result<Vec<Target>, String> {
    let target = |filter: &Filter| Target::start(*filter, &options.config, bench.upstream());
    options.targets.iter().map(target).collect()
}

fn row(
    bench: &Bench,
    targets: &[Target],
    (work, filters): (Workload, &[Filter]),
    options: &Options,
) -> Result<Row, String> {
    eprintln!("{} …", work.name);
    let prepared = Prepared::new(work.clone());
    let targets = || targets.iter().filter(|target| filters.contains(&target.filter));
    let mut cells: Vec<_> = targets().map(|target| (target.filter, Vec::new())).collect();
    for _ in 0..options.rounds {
        for ((filter, costs), target) in cells.iter_mut().zip(targets()) {
            let cost = bench.measure(&prepared, target, options.duration);
            costs.push(cost.map_err(|why| format!("{} with {}: {why}", work.name, filter.name()))?);
        }
    }
    Ok(Row { work, cells })
}

fn measure_memory(bench: &Bench, options: &Options, report: &mut Report) -> Result<(), String> {
    let prepared = Prepared::new(workload::idle());
    let name = prepared.work.name;
    report.streams = prepared.work.connections;
    for &filter in &options.targets {
        eprintln!("{name}, {} …", filter.name());
        let target = Target::start(filter, &options.config, bench.upstream())?;
        let memory = bench.memory(&prepared, &target);
        let failed = |why| format!("{name} with {}: {why}", filter.name());
        report.memory.push((filter, memory.map_err(failed)?));
    }
    Ok(())
}

/// The committed result and its chart.
const KEPT: [&str; 2] = ["benches/envoy/result.json", "docs/performance.svg"];

fn finish(report: &Report, options: &Options) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    report.print(&last(&root.join(KEPT[0])));

    let folder = root.join("target/bench");
    let json = format!("{:#}\n", report.json());
    let svg = chart::svg(&report.rows);
    let mut paths: Vec<(PathBuf, &str)> =
        vec![(folder.join("result.json"), &json), (folder.join("performance.svg"), &svg)];
    if options.save {
        paths.extend([(root.join(KEPT[0]), json.as_str()), (root.join(KEPT[1]), svg.as_str())]);
    }
    println!();
    for (path, text) in paths {
        write(&path, text)?;
    }
    Ok(())
}

/// The result in this file; nothing when there is none.
fn last(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// Writes a result, and says where.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let created = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = created.and_then(|()| fs::write(path, text));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("written: {}", path.display());
    Ok(())
}

/// Where and with what this was measured.
fn machine() -> Result<Value, String> {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_err(|error| format!("rustc: {error}"))?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bytes = |artifact: PathBuf| fs::metadata(artifact).map(|file| file.len()).ok();
    Ok(json!({
        "cpu": model,
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "envoy": Target::version()?,
        "rustc": String::from_utf8_lossy(&rustc.stdout).trim(),
        "filter_bytes": bytes(proxy::wasm_artifact(root)?),
        "simd128_bytes": bytes(proxy::simd_artifact(root)?),
    }))
}
