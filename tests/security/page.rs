//! SECURITY.md names a test for each of its sentences, and each test that it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../SECURITY.md");

/// The tests that the page names, as file and function.
fn named() -> BTreeSet<(&'static str, &'static str)> {
    let words = PAGE.split('`').skip(1).step_by(2);
    words
        .filter(|word| word.starts_with("tests/"))
        .filter_map(|word| word.split_once("::"))
        .collect()
}

#[test]
fn every_test_it_names_is_there() {
    let named = named();
    assert!(named.len() > 30, "{named:?}");
    for (file, function) in named {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(source.contains(&format!("fn {function}(")), "{file} has no {function}");
    }
}

/// And every test of this folder stands behind one of its sentences.
#[test]
fn every_test_of_this_folder_is_named() {
    let named = named();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/security");
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if ["memory.rs", "page.rs"].contains(&name.as_str()) {
            continue;
        }
        let source = fs::read_to_string(&path).expect("UTF-8");
        for test in source.split("#[test]\nfn ").skip(1) {
            let function = test.split('(').next().unwrap_or_default();
            let file = format!("tests/security/{name}");
            assert!(named.contains(&(file.as_str(), function)), "{file}::{function} is not named");
        }
    }
}
