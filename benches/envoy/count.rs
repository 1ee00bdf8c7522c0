//! `make count`: what an exchange makes Envoy execute, counted by callgrind.
//!
//! Instructions are not time: cold code takes several times as long as a loop, and the kernel's are not
//! counted. But noise of the machine changes little about them, so they show what a change of the filter does
//! where times cannot, and every one of them is in the profile that is left beside the table.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use serde_json::{Map, Value, json};

use super::measure::{Bench, Prepared};
use super::target::{Filter, Target};
use super::workload::Workload;

/// The committed counts.
const KEPT: &str = "benches/envoy/instructions.json";

/// Exchanges before it counts: caches of connections and of metrics are filled.
const WARM: usize = 5;

/// Instructions of Envoy per exchange, for each target.
struct Row {
    work: Workload,
    counts: Vec<(Filter, u64)>,
}

/// Counts these works and prints a table; `save` keeps it as what later counts are compared with.
///
/// # Errors
/// When valgrind is missing, when Envoy does not start with it, or what was wrong with an answer.
pub fn run(
    bench: &Bench,
    (works, filters): (Vec<Workload>, &[Filter]),
    config: &str,
    save: bool,
) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let profiles = root.join("target/bench");
    fs::create_dir_all(&profiles).map_err(|error| format!("{}: {error}", profiles.display()))?;
    let mut rows: Vec<_> = works.into_iter().map(|work| Row { work, counts: Vec::new() }).collect();
    for &filter in filters {
        let counted = Counted::start(filter, config, bench, &profiles)?;
        for row in &mut rows {
            eprintln!("{}, {} …", row.work.name, filter.name());
            let count = counted.count(bench, &row.work);
            let failed = |why| format!("{} with {}: {why}", row.work.name, filter.name());
            row.counts.push((filter, count.map_err(failed)?));
        }
    }
    print(&rows, &super::last(&root.join(KEPT)));
    println!("\nprofiles, for callgrind_annotate: {}/callgrind.*", profiles.display());
    if save {
        super::write(&root.join(KEPT), &format!("{:#}\n", json(&rows)))?;
    }
    Ok(())
}

/// An Envoy that runs under callgrind.
struct Counted {
    target: Target,
    /// Where callgrind leaves its profiles: this name and a number.
    profile: PathBuf,
}

impl Counted {
    fn start(filter: Filter, config: &str, bench: &Bench, profiles: &Path) -> Result<Self, String> {
        let profile = profiles.join(format!("callgrind.{}", filter.name()));
        // Envoy may be a script that becomes Envoy, and it compiles the filter while it runs, hence the check
        // for code that changes.
        let callgrind = [
            "valgrind".to_owned(),
            "--tool=callgrind".to_owned(),
            "--trace-children=yes".to_owned(),
            "--smc-check=all-non-file".to_owned(),
            "--instr-atstart=no".to_owned(),
            "--separate-threads=yes".to_owned(),
            format!("--callgrind-out-file={}", profile.display()),
        ];
        let target = Target::start_under(&callgrind, filter, config, bench.upstream())
            .map_err(|why| format!("{why}\n`make count` needs valgrind"))?;
        Ok(Self { target, profile })
    }

    fn count(&self, bench: &Bench, work: &Workload) -> Result<u64, String> {
        let exchanges = if work.chunks * 300 + work.request_bytes > 50_000 { 10 } else { 50 };
        let prepared = Prepared::new(work.clone());
        let mut checked = bench.checked(&prepared, &self.target)?;
        checked.exchanges(WARM)?;
        self.control(&["--zero"])?;
        self.control(&["--instr=on"])?;
        checked.exchanges(exchanges)?;
        self.control(&["--instr=off"])?;
        self.control(&["--dump"])?;
        Ok(self.total(work)? / exchanges as u64)
    }

    fn control(&self, command: &[&str]) -> Result<(), String> {
        let pid = self.target.pid().to_string();
        let output = Command::new("callgrind_control").args(command).arg(pid).output();
        let output = output.map_err(|error| format!("callgrind_control: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("callgrind_control: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Takes over the profile of the worker that was dumped last, under the name of its work. The main thread,
    /// which is the first, writes statistics out every few seconds, whatever it is asked meanwhile.
    fn total(&self, work: &Workload) -> Result<u64, String> {
        let mut most = 0;
        for (dumped, thread) in self.dumped().map_err(|error| error.to_string())? {
            let profile = fs::read_to_string(&dumped).map_err(|error| error.to_string())?;
            let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
            let total = total.and_then(|total| total.trim().parse().ok()).unwrap_or(0);
            if thread > 1 && total > most {
                let kept = self.profile.with_added_extension(work.name);
                fs::rename(&dumped, &kept).map_err(|error| error.to_string())?;
                most = total;
            } else {
                fs::remove_file(&dumped).map_err(|error| error.to_string())?;
            }
        }
        if most > 0 { Ok(most) } else { Err("callgrind has not counted anything".to_owned()) }
    }

    /// What callgrind has left: the name of the profile, the number of the dump and that of the thread.
    fn dumped(&self) -> io::Result<Vec<(PathBuf, u32)>> {
        let mut dumped = Vec::new();
        for file in fs::read_dir(self.profile.parent().unwrap_or(Path::new(".")))? {
            let path = file?.path();
            let numbers = path.extension().and_then(OsStr::to_str).and_then(|n| n.split_once('-'));
            let Some(thread) = numbers.and_then(|(_, thread)| thread.parse().ok()) else {
                continue;
            };
            if path.with_extension("") == self.profile {
                dumped.push((path, thread));
            }
        }
        Ok(dumped)
    }
}

fn ratio(row: &Row, filter: Filter) -> Option<f64> {
    let count = |wanted| row.counts.iter().find(|(f, _)| *f == wanted).map(|(_, count)| *count);
    Some(count(filter)? as f64 / count(Filter::None)? as f64)
}

fn print(rows: &[Row], last: &Value) {
    println!(
        "\nthousands of instructions of Envoy per exchange, and of the last committed count\n"
    );
    print!("{:<10}", "work");
    for (filter, _) in rows.first().map(|row| row.counts.as_slice()).unwrap_or_default() {
        print!("{:>10}{:>9}", filter.name(), "last");
    }
    println!("  filter / envoy");
    for row in rows {
        print!("{:<10}", row.work.name);
        for (filter, count) in &row.counts {
            let last = last[row.work.name][filter.name()].as_u64();
            let last = last.map_or("-".to_owned(), |last| format!("{:.1}", last as f64 / 1000.0));
            print!("{:>10.1}{last:>9}", *count as f64 / 1000.0);
        }
        println!("{:>16}", ratio(row, Filter::Responses).map_or("-".into(), |r| format!("{r:.2}")));
    }
}

fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let counts: Map<String, Value> =
            row.counts.iter().map(|(f, count)| (f.name().to_owned(), json!(count))).collect();
        (row.work.name.to_owned(), Value::Object(counts))
    };
    Value::Object(rows.iter().map(row).collect())
}
