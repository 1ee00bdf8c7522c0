//! The pages agree with the code, with each other and with the tests they speak of.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use responses_filter::error::Class;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All files below these folders with this end.
fn files(folders: &[&str], end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("node_modules") {
                waiting.push(path);
            } else if path.to_str().unwrap().ends_with(end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The pages that people read.
fn pages() -> Vec<PathBuf> {
    let mut pages = files(&["docs", "envoy"], ".md");
    pages.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    pages
}

/// A page's section under a heading, up to the next heading of its level or above.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let level = heading.split(' ').next().unwrap().len();
    let start = page.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let section = &page[start + heading.len() + 2..];
    let ends = (1..=level).filter_map(|level| section.find(&format!("\n{} ", "#".repeat(level))));
    &section[..ends.min().unwrap_or(section.len())]
}

/// The first cells of a section's tables, without their backquotes.
fn first_cells(section: &str) -> BTreeSet<String> {
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(cell, _)| cell.to_owned()).collect()
}

/// The string literals that follow `call` in a source.
fn literals(source: &str, call: &str) -> BTreeSet<String> {
    let after = source.split(call).skip(1).map(str::trim_start);
    let quoted = after.filter_map(|rest| rest.strip_prefix('"')?.split_once('"'));
    quoted.map(|(literal, _)| literal.to_owned()).collect()
}

fn texts<const N: usize>(texts: [&str; N]) -> BTreeSet<String> {
    texts.map(str::to_owned).into()
}

#[test]
fn every_key_of_the_filter_state_is_documented() {
    let page = read("docs/observability.md");
    let report = read("src/exchange/report.rs");
    let mut keys = literals(&report, "(");
    keys.retain(|literal| literal.contains('.') && literal.starts_with(char::is_alphabetic));
    assert!(keys.len() > 10, "{keys:?}");
    assert_eq!(first_cells(section(&page, "## Access log")), keys);
    // The example prints each of them.
    let example = read("envoy/examples/observability.yaml");
    for key in keys {
        assert!(example.contains(&format!("%FILTER_STATE(wasm.{key}:PLAIN)%")), "{key}");
    }
}

#[test]
fn every_metric_and_label_is_documented() {
    let page = read("docs/observability.md");
    let report = read("src/exchange/report.rs");
    let metrics = literals(&report, "add(");
    assert!(metrics.len() > 5, "{metrics:?}");
    let metrics: BTreeSet<String> =
        metrics.into_iter().map(|name| format!("responses_filter_{name}")).collect();
    let labels = literals(&report, "Label(");
    assert!(labels.len() > 5, "{labels:?}");

    let section = section(&page, "## Metrics");
    let tables = first_cells(&section[..section.find("### Codes").unwrap()]);
    assert_eq!(tables, metrics.union(&labels).cloned().collect());
    for name in &metrics {
        let row = section.lines().find(|line| line.starts_with(&format!("| `{name}`"))).unwrap();
        let kind = if name.ends_with("_total") { "counter" } else { "histogram" };
        assert!(row.contains(&format!("| {kind} |")), "{row}");
        let known = row.split('|').nth(3).unwrap().split('`').skip(1).step_by(2);
        assert!(known.into_iter().all(|label| labels.contains(label)), "{row}");
    }
    // `stats_tags` of the examples make labels of all of them.
    for file in files(&["envoy"], ".yaml") {
        let text = fs::read_to_string(&file).unwrap();
        if text.contains("stats_tags") {
            assert_eq!(
                literals(
                    &text.replace("tag_name: ", "tag_name: \"").replace(", regex", "\", regex"),
                    "tag_name:"
                ),
                labels,
                "{}",
                file.display()
            );
        }
    }
}

#[test]
fn every_outcome_and_every_code_is_documented() {
    let page = read("docs/observability.md");
    let report = read("src/exchange/report.rs");
    let (_, outcomes) = report.split_once("impl Outcome {").unwrap();
    let outcomes = literals(outcomes.split_once("\n}").unwrap().0, "=>");
    assert_eq!(outcomes.len(), 6);
    assert_eq!(first_cells(section(&page, "## Outcomes")), outcomes);
    let codes: BTreeSet<String> = [
        Class::Authentication,
        Class::ContextLengthExceeded,
        Class::InsufficientQuota,
        Class::InvalidRequest,
        Class::MethodNotAllowed,
        Class::ModelNotFound,
        Class::NotFound,
        Class::Overloaded,
        Class::PermissionDenied,
        Class::Policy,
        Class::RateLimitExceeded,
        Class::RequestTooLarge,
        Class::Server,
        Class::BadGateway,
        Class::Unavailable,
        Class::Timeout,
    ]
    .map(|class| class.code().to_owned())
    .into();
    assert_eq!(first_cells(section(&page, "### Codes")), codes);
}

#[test]
fn every_alert_is_documented() {
    let page = read("docs/observability.md");
    let rules = read("envoy/dashboards/rules.yml");
    let alerts: BTreeSet<String> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .map(str::to_owned)
        .collect();
    assert_eq!(first_cells(section(&page, "## Dashboard and alerts")), alerts);
    let tests = read("envoy/dashboards/rules_test.yml");
    for alert in alerts {
        assert!(tests.contains(&format!("alertname: {alert}")), "{alert} is not tested");
    }
}

#[test]
fn every_limit_has_its_error() {
    let page = read("docs/operations.md");
    let limits = section(&page, "## Limits and their errors");
    let limits = limits.split_once("Limits of Envoy").unwrap().0;
    let configuration = read("docs/configuration.md");
    assert_eq!(first_cells(limits), first_cells(section(&configuration, "## Limits")));
}

#[test]
fn every_folder_of_manifests_is_documented() {
    let page = read("docs/kubernetes.md");
    let (table, _) = page.split_once("What held headers are good for").unwrap();
    let folders = files(&["envoy/kubernetes"], "kustomization.yaml");
    let names = folders.iter().map(|path| {
        let folder = path.parent().unwrap();
        folder.strip_prefix(root().join("envoy/kubernetes")).unwrap().to_str().unwrap().to_owned()
    });
    assert_eq!(first_cells(table), names.collect());
}

#[test]
fn every_example_is_listed_and_run() {
    let list = read("envoy/README.md");
    let mut tests = String::new();
    for file in files(&["tests/mesh"], ".rs") {
        tests += &fs::read_to_string(file).unwrap();
    }
    for example in files(&["envoy/examples"], "") {
        let name = example.file_name().unwrap().to_str().unwrap();
        assert!(list.contains(&format!("](examples/{name})")), "{name} is not listed");
        assert!(tests.contains(&format!("{name:?}")), "{name} is not run");
    }
}

/// What clients and logs are said to show is what tests and sources have seen them show.
#[test]
fn texts_that_are_quoted_exist() {
    let page = read("docs/troubleshooting.md");
    let mut known = String::new();
    for file in files(&["tests/codex", "tests/envoy", "tests/mesh", "src"], ".rs") {
        known += &fs::read_to_string(file).unwrap();
    }
    // Of Envoy itself, and of Codex about a header that the filter does not let through.
    let foreign = texts([
        "Unable to create Wasm plugin",
        "Your account was flagged",
        "allow_on_headers_stop_iteration",
        "model rerouted",
    ]);
    let (mut quoted, mut unseen) = (0, Vec::new());
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.contains("| why |")) {
        let shown = row.split('|').nth(1).unwrap();
        for text in shown.split('`').skip(1).step_by(2).filter(|text| !foreign.contains(*text)) {
            unseen.extend((!known.contains(text)).then_some(text));
            quoted += 1;
        }
    }
    assert!(quoted > 15, "{quoted}");
    assert!(unseen.is_empty(), "no test has seen {unseen:?}");
}

#[test]
fn the_index_names_every_page() {
    let index = read("docs/README.md");
    for page in files(&["docs"], "") {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "{name}");
    }
    assert!(read("README.md").contains("](docs/README.md)"));
}

/// A heading as GitHub names its anchor.
fn anchor(heading: &str) -> String {
    let heading = heading.to_lowercase();
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.collect()
}

#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if target.contains("://") {
                continue;
            }
            links += 1;
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.clone() } else { page.with_file_name(file) };
            assert!(path.exists(), "{}: {target}", page.display());
            if !fragment.is_empty() {
                let linked = fs::read_to_string(&path).unwrap();
                let headings = linked.lines().filter(|line| line.starts_with('#'));
                let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#').trim()));
                assert!(anchors.any(|known| known == fragment), "{}: {target}", page.display());
            }
        }
    }
    assert!(links > 50, "{links}");
}
