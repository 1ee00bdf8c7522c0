//! The style that matters, as a test: layers, sizes, names, fixtures, and what must not be in a tree.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which layer may use which; a module that is not listed is refused. `json` is a leaf for all.
const ARROWS: &[(&str, &[&str])] = &[
    ("chat", &["json"]),
    ("config", &["dialect", "error", "json"]),
    ("dialect", &["chat", "error", "ids", "json"]),
    ("error", &["json"]),
    (
        "exchange",
        &[
            "chat",
            "config",
            "dialect",
            "error",
            "ids",
            "json",
            "models",
            "responses",
            "sse",
            "translate",
        ],
    ),
    ("callbacks", &["filter", "host", "sorted"]),
    ("filter", &["config", "exchange", "host", "sorted"]),
    ("host", &[]),
    ("ids", &[]),
    ("json", &[]),
    ("models", &["config", "error", "json"]),
    // `chat::Usage` is what `usage` is written from; errors name the field of the request.
    ("responses", &["chat", "error", "json"]),
    ("sorted", &[]),
    ("sse", &["json"]),
    ("translate", &["chat", "config", "dialect", "error", "ids", "json", "responses", "sorted"]),
];

/// Lines of a source file without its tests.
const FILE_LINES_MAX: usize = 400;
/// Lines of a function.
const FUNCTION_LINES_MAX: usize = 70;

/// What is larger than it should be, with its size today. An entry may shrink and go, never grow.
const LARGE_FILES: &[(&str, usize)] = &[];
const LONG_FUNCTIONS: &[(&str, usize)] =
    &[("tests/requests/refused.rs::fields_that_are_missing_or_wrong", 76)];

/// Names that say nothing about what a thing is for.
const EMPTY_NAMES: &[&str] = &["common", "helper", "helpers", "manager", "misc", "util", "utils"];
const EMPTY_VERBS: &[&str] = &["do_", "get_", "handle_", "process_"];

/// Upstreams have their names in `dialect` only.
const UPSTREAMS: &[&str] = &[
    "anthropic",
    "bedrock",
    "cerebras",
    "claude",
    "cohere",
    "dashscope",
    "deepseek",
    "fireworks",
    "gemini",
    "groq",
    "kimi",
    "lmstudio",
    "minimax",
    "mistral",
    "moonshot",
    "ollama",
    "openrouter",
    "perplexity",
    "qwen",
    "sglang",
    "vllm",
    "zhipu",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the project, by path from its root.
fn files(folder: &str) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root()).expect("below the root");
                found.push((name.to_string_lossy().into_owned(), path));
            }
        }
    }
    found.sort();
    found
}

fn rust(folder: &str) -> Vec<(String, String)> {
    let sources = files(folder).into_iter().filter(|(name, _)| name.ends_with(".rs"));
    sources.map(|(name, path)| (name, fs::read_to_string(path).expect("UTF-8"))).collect()
}

/// A source file without the tests at its end.
fn without_tests(source: &str) -> &str {
    source.find("\n#[cfg(test)]\nmod ").map_or(source, |at| &source[..=at])
}

/// A source file without comments.
fn without_comments(source: &str) -> String {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned() + "\n";
    source.lines().map(code).collect()
}

/// The module right below the crate's root that a file of `src` belongs to.
fn layer(name: &str) -> &str {
    name.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default()
}

#[track_caller]
fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn layers_use_lower_layers_only() {
    let mut wrong = Vec::new();
    for (name, source) in rust("src") {
        let own = layer(&name);
        if own == "lib" {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(layer, _)| *layer == own) else {
            wrong.push(format!("{name}: {own} has no place among the layers"));
            continue;
        };
        let code = without_comments(without_tests(&source));
        assert!(!code.contains("use crate::{"), "{name}: one `use crate::layer` per line");
        for used in code.split("crate::").skip(1) {
            let used: String =
                used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if used != own && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{name}: {own} must not use {used}"));
            }
        }
    }
    none(&wrong, "an arrow points the wrong way");
}

#[test]
fn the_host_is_known_to_the_shell_only() {
    let mut wrong = Vec::new();
    for (name, source) in rust("src") {
        let code = without_comments(&source);
        let shell = ["callbacks", "filter", "host"].contains(&layer(&name));
        for word in ["extern \"C\"", "proxy_", "unsafe {"] {
            if code.contains(word) && !shell {
                wrong.push(format!("{name}: {word}"));
            }
        }
        let core = [
            "HashMap",
            "HashSet",
            "Instant",
            "RandomState",
            "SystemTime",
            "rand::",
            "std::env",
            "std::fs",
            "std::io",
            "std::net",
            "std::thread",
            "thread_local!",
        ];
        for word in core {
            if code.contains(word) && !shell {
                wrong.push(format!("{name}: {word}"));
            }
        }
    }
    none(&wrong, "the core is a function of its inputs");
}

#[test]
fn upstreams_are_named_by_dialects_only() {
    let mut wrong = Vec::new();
    for (name, source) in rust("src") {
        if layer(&name) == "dialect" {
            continue;
        }
        let code = without_comments(without_tests(&source)).to_lowercase();
        // A member that one upstream sends is vocabulary, not a decision.
        let code = code.replace("x_groq", "");
        for upstream in UPSTREAMS.iter().filter(|upstream| code.contains(**upstream)) {
            wrong.push(format!("{name}: {upstream}"));
        }
    }
    none(&wrong, "a quirk is data of the dialect layer");
}

#[test]
fn files_stay_small() {
    let mut wrong = Vec::new();
    for (name, source) in rust("src") {
        let lines = without_tests(&source).lines().count();
        let admitted = LARGE_FILES.iter().find(|(file, _)| *file == name);
        let max = admitted.map_or(FILE_LINES_MAX, |(_, lines)| *lines);
        if lines > max {
            wrong.push(format!("{name}: {lines} lines, {max} at most"));
        }
        if admitted.is_some() && lines <= FILE_LINES_MAX {
            wrong.push(format!("{name}: {lines} lines, no exception any more"));
        }
    }
    none(&wrong, "split what has grown");
}

/// Functions with their sizes: from `fn` to the brace that closes at the same depth. rustfmt makes
/// the indentation reliable.
fn functions(source: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let head = ["pub(crate) ", "pub(super) ", "pub ", "const ", "unsafe ", "extern \"C\" "];
        let mut rest = code;
        while let Some(stripped) = head.iter().find_map(|word| rest.strip_prefix(word)) {
            rest = stripped;
        }
        let Some(name) = rest.strip_prefix("fn ") else { continue };
        let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let one_line = line.ends_with('}') || line.ends_with(';');
        let close = format!("{indent}}}");
        let length = lines[start..].iter().position(|line| *line == close).unwrap_or_default();
        found.push((name, if one_line { 1 } else { length + 1 }));
    }
    found
}

#[test]
fn functions_stay_small() {
    let mut wrong = Vec::new();
    for (file, source) in rust("src").into_iter().chain(rust("tests")).chain(rust("envoy")) {
        for (name, lines) in functions(&source) {
            let full = format!("{file}::{name}");
            let admitted = LONG_FUNCTIONS.iter().find(|(function, _)| *function == full);
            if lines > admitted.map_or(FUNCTION_LINES_MAX, |(_, lines)| *lines) {
                wrong.push(format!("{full}: {lines} lines"));
            }
        }
    }
    none(&wrong, "a function does one thing");
}

#[test]
fn names_say_what_things_are() {
    let mut wrong = Vec::new();
    for (file, source) in rust("src").into_iter().chain(rust("tests")).chain(rust("envoy")) {
        let stem = Path::new(&file).file_stem().expect("a name").to_string_lossy().into_owned();
        if EMPTY_NAMES.contains(&stem.as_str()) {
            wrong.push(file.clone());
        }
        for (name, _) in functions(&source) {
            let empty = EMPTY_VERBS.iter().any(|verb| name.starts_with(verb));
            if empty {
                wrong.push(format!("{file}::{name}"));
            }
        }
    }
    none(&wrong, "empty names");
}

/// Every fixture has a row in the README with its purpose, both ends, and nothing that nobody reads.
#[test]
fn no_fixture_is_an_orphan() {
    let folder = root().join("tests/fixtures");
    let readme = fs::read_to_string(folder.join("README.md")).expect("README.md");
    let row = |line: &str| line.strip_prefix("| `").and_then(|row| row.split_once("` | ")).map(own);
    let described: BTreeSet<String> =
        readme.lines().skip_while(|line| !line.starts_with("| fixture")).filter_map(row).collect();
    let entries =
        fs::read_dir(&folder).expect("fixtures").map(|entry| entry.expect("an entry").path());
    let folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    let mut wrong = Vec::new();
    for folder in &folders {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let files: BTreeSet<String> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        let has = |prefix: &str| files.iter().filter(|file| file.starts_with(prefix)).count();
        let known =
            ["chat.json", "config.json"].iter().filter(|file| files.contains(**file)).count();
        let (request, upstream, expected) = (has("request."), has("upstream."), has("expected."));
        if request + upstream + expected + known != files.len() || request != 1 {
            wrong.push(format!("{name}: {files:?}"));
        }
        if upstream > 1 || expected > 1 || expected + has("chat.json") == 0 {
            wrong.push(format!("{name}: nothing is expected, or too much"));
        }
        if !described.contains(&name) {
            wrong.push(format!("{name}: not in README.md"));
        }
    }
    for name in described.iter().filter(|name| !folder.join(name).is_dir()) {
        wrong.push(format!("{name}: in README.md only"));
    }
    none(&wrong, "orphans");
}

fn own((name, _): (&str, &str)) -> String {
    name.to_owned()
}

/// Nothing in the tree tells where or by whom it was written.
#[test]
fn the_tree_is_about_the_project_only() {
    // In two halves, so that this file does not find itself.
    let banned = [
        ("/ho", "me/"),
        ("/ro", "ot/."),
        ("/wo", "rk/"),
        ("/tm", "p/bash"),
        ("lesson", "s learned"),
        ("work", "tree"),
        ("sub-", "agent"),
        ("FIX", "ME"),
        ("TO", "DO"),
        ("XX", "X"),
    ];
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "envoy", "benches", "docs", ".ci", "fuzz"] {
        for (name, path) in files(folder) {
            let generated =
                ["node_modules", "/target/", "__pycache__", "package-lock.json", "fuzz/corpus/"];
            if generated.iter().any(|part| name.contains(part)) {
                continue;
            }
            let Ok(text) = fs::read_to_string(path) else { continue };
            for (one, two) in banned {
                if text.contains(&format!("{one}{two}")) {
                    wrong.push(format!("{name}: {one}{two}"));
                }
            }
        }
    }
    none(&wrong, "not about the project");
}
