//! Which tools the request declared, and which of them a garbled name means.

use crate::json::search;

/// The declared tools, by the names that the upstream knows.
#[derive(Clone, Debug, Default)]
pub struct ToolNames {
    /// Each with its parameters that take text and nothing else.
    tools: Vec<(String, Vec<String>)>,
}

impl From<Vec<String>> for ToolNames {
    fn from(names: Vec<String>) -> Self {
        Self { tools: names.into_iter().map(|name| (name, Vec::new())).collect() }
    }
}

impl ToolNames {
    /// Adds a tool. `text_parameters` take a string and nothing else; formats that do not mark strings
    /// need to know.
    pub fn declare(&mut self, name: &str, text_parameters: &[String]) {
        self.tools.push((name.to_owned(), text_parameters.to_vec()));
    }

    /// The parameters of the tool that `name` means which take text and nothing else.
    pub fn text_parameters(&self, name: &str) -> &[String] {
        let name = self.resolve(name);
        let tool = self.tools.iter().find(|(declared, _)| declared == name);
        tool.map_or(&[], |(_, text_parameters)| text_parameters.as_slice())
    }

    /// True for the exact name of a declared tool.
    pub fn declares(&self, name: &str) -> bool {
        self.tools.iter().any(|(declared, _)| declared == name)
    }

    /// True when more characters could make `name` the name of another declared tool.
    pub fn may_grow(&self, name: &str) -> bool {
        self.tools
            .iter()
            .any(|(declared, _)| declared.len() > name.len() && declared.starts_with(name))
    }

    /// The declared tool that `name` means, or `name` itself.
    ///
    /// Only an undeclared name is looked into, and only a declared one comes out: a Harmony tail
    /// (`exec<|channel|>commentary`) is cut off, and so is a namespace (`functions.exec`,
    /// `default_api:exec`) or the noise of a separator token, and Kimi's counter (`exec:0`).
    pub fn resolve<'n>(&self, name: &'n str) -> &'n str {
        if self.declares(name) {
            return name;
        }
        let head = search::split_once(name, "<|").map_or(name, |(head, _)| head);
        [head, name].into_iter().find_map(|text| self.declared_end(text)).unwrap_or(name)
    }

    /// The longest end of `text`, from the start or behind a character no tool name has, that is
    /// declared; a counter behind it does not matter.
    fn declared_end<'n>(&self, text: &'n str) -> Option<&'n str> {
        let uncounted = match text.rsplit_once(':') {
            Some((name, counter)) if counter.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => text,
        };
        let separators = |text: &'n str| {
            let is_separator =
                |char: char| !char.is_ascii_alphanumeric() && !matches!(char, '_' | '-');
            text.match_indices(is_separator)
                .filter_map(move |(at, separator)| text.get(at + separator.len()..))
        };
        [text, uncounted]
            .into_iter()
            .flat_map(|text| std::iter::once(text.trim()).chain(separators(text)))
            .find(|end| self.declares(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> ToolNames {
        ToolNames::from(["exec", "read_file", "read", "fs.list"].map(str::to_owned).to_vec())
    }

    #[test]
    fn t17_prefixes_go_only_if_the_rest_is_declared() {
        for (name, expected) in [
            ("exec", "exec"),
            ("functions.exec", "exec"),
            ("default_api:read_file", "read_file"),
            ("functions.fs.list", "fs.list"),
            ("functions.exec:0", "exec"),
            ("<|tool_sep|>exec", "exec"),
            ("function<｜tool▁sep｜>exec", "exec"),
            (" exec\n", "exec"),
            ("functions.bash", "functions.bash"),
            ("my_exec", "my_exec"),
            ("exec_more", "exec_more"),
            ("", ""),
        ] {
            assert_eq!(names().resolve(name), expected, "{name}");
        }
    }

    #[test]
    fn l1_harmony_tails_go_only_if_the_head_is_declared() {
        assert_eq!(names().resolve("exec<|channel|>commentary"), "exec");
        assert_eq!(names().resolve("functions.exec<|channel|>json"), "exec");
        assert_eq!(names().resolve("bash<|channel|>commentary"), "bash<|channel|>commentary");
    }

    #[test]
    fn a_name_may_grow_into_another() {
        assert!(names().may_grow("read"));
        assert!(names().may_grow("rea"));
        assert!(!names().may_grow("read_file"));
        assert!(!names().may_grow("bash"));
    }
}
