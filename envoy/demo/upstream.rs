//! A scripted Chat Completions upstream.
fn main() {}
