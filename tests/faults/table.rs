//! The table in the documentation is that of these tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn tests_in(folder: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut tests = BTreeSet::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let source = fs::read_to_string(&path).unwrap();
        for after in source.split("#[test]\nfn ").skip(1) {
            let name = after.split('(').next().unwrap();
            tests.insert(format!("{folder}::{module}::{name}"));
        }
    }
    tests
}

/// Rows of the tables: their cells.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.contains("the log says"));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn every_fault_is_in_the_table_and_every_row_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/faults.md")).unwrap();
    let test = |row: &Vec<&str>| row[3].trim_matches('`').to_owned();
    let named: BTreeSet<String> = rows(&page).iter().map(test).collect();
    let faults = tests_in("faults");
    let known: BTreeSet<String> = faults.union(&tests_in("envoy")).cloned().collect();
    let gone: Vec<_> = named.difference(&known).collect();
    assert!(gone.is_empty(), "the table names tests that do not exist: {gone:?}");
    let own = |name: &&String| !name.starts_with("faults::table::");
    let missing: Vec<_> = faults.difference(&named).filter(own).collect();
    assert!(missing.is_empty(), "the table lacks: {missing:?}");
}

/// What the table says of the log is what the test looks for in the log.
#[test]
fn every_log_line_of_the_table_is_looked_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/faults.md")).unwrap();
    for row in rows(&page) {
        let Some(test) = row[3].trim_matches('`').strip_prefix("faults::") else { continue };
        let (module, name) = test.split_once("::").unwrap();
        let source = fs::read_to_string(root.join("tests/faults").join(module.to_owned() + ".rs"));
        let source = source.unwrap();
        let (_, after) = source.split_once(&format!("\nfn {name}(")).unwrap();
        let body = after.split("\n}\n").next().unwrap();
        let looks: Vec<_> =
            body.split("logged(").skip(1).map(|rest| rest.split(';').next()).collect();
        for said in row[2].split('`').skip(1).step_by(2) {
            let looked_for = looks.iter().flatten().any(|look| look.contains(said));
            assert!(looked_for, "{test} does not look for `{said}` in the log");
        }
    }
}
