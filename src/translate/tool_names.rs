//! Names of functions: what upstreams accept, made from what clients call their tools.
//!
//! A name depends on the tool alone, so it is the same in every turn and prompt caches keep hitting.
//! A name that is fine as it is stays; every other one is cleaned, cut and told apart by a hash of the
//! original.

use crate::dialect::ToolName;
use crate::ids::hash;

/// The longest name Chat Completions takes, in characters.
const NAME_MAX: usize = 64;

/// Underscore and eight hexadecimal digits.
const SUFFIX_LEN: usize = 9;

/// The namespace unless it is the one that tools without a namespace are in. Codex takes `functions`
/// and the empty name for that (measured).
pub(super) fn named_namespace(namespace: Option<&str>) -> Option<&str> {
    namespace.filter(|namespace| !matches!(*namespace, "" | "functions"))
}

/// The name of a function for a tool.
pub(super) fn chat_name(namespace: Option<&str>, name: &str, form: ToolName) -> String {
    let full = full_name(namespace, name);
    if full.len() <= NAME_MAX
        && full.starts_with(|c| form.may_begin(c))
        && full.chars().all(is_allowed)
    {
        return full;
    }
    let clean: String = full.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect();
    let clean = if clean.starts_with(|first: char| form.may_begin(first)) {
        clean
    } else {
        format!("t{clean}")
    };
    with_suffix(&clean, full.as_bytes())
}

/// Another name for a tool whose name is taken by another tool.
pub(super) fn another_name(taken: &str, identity: &[u8]) -> String {
    with_suffix(taken, identity)
}

fn full_name(namespace: Option<&str>, name: &str) -> String {
    match named_namespace(namespace) {
        Some(namespace) => format!("{}__{name}", namespace.strip_suffix("__").unwrap_or(namespace)),
        None => name.to_owned(),
    }
}

fn with_suffix(name: &str, identity: &[u8]) -> String {
    // Cleaned names are ASCII, so every length is a character boundary.
    let kept = name.get(..NAME_MAX - SUFFIX_LEN).unwrap_or(name);
    format!("{kept}_{:08x}", hash(identity, 0) as u32)
}

const fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_stay() {
        let name = |namespace, name| chat_name(namespace, name, ToolName::Chat);
        assert_eq!(name(None, "exec_command"), "exec_command");
        assert_eq!(name(Some("functions"), "exec"), "exec");
        assert_eq!(name(Some(""), "exec"), "exec");
        assert_eq!(name(Some("mcp__calc"), "add"), "mcp__calc__add");
        assert_eq!(name(Some("mcp__calc__"), "add"), "mcp__calc__add");
        let longest = "a".repeat(64);
        assert_eq!(name(None, &longest), longest);
        assert_eq!(name(None, "3d-view"), "3d-view");
    }

    #[test]
    fn bad_names_become_good_and_stay_apart() {
        let long = format!("{}x", "a".repeat(80));
        let other = format!("{}y", "a".repeat(80));
        let mut seen = Vec::new();
        for form in [ToolName::Chat, ToolName::LetterFirst, ToolName::Gemini] {
            for name in [&long, &other, "fs.read", "fs read", "größe", "日本", "_x", "3d", "-"]
            {
                let made = chat_name(None, name, form);
                assert!(made.len() <= 64 && made.chars().all(is_allowed), "{made}");
                assert!(made.starts_with(|first| form.may_begin(first)), "{made}");
                assert_eq!(made, chat_name(None, name, form));
                seen.push((form as u8, made));
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
