//! What an upstream calls the models that clients ask for.

use super::pattern::Pattern;
use crate::json::fields::{Fields, Read};

/// Names of clients and the upstream's names for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases {
    /// The most specific first.
    map: Vec<(Pattern, String)>,
    default: Option<String>,
}

impl Aliases {
    /// Reads an object of client names, each with at most one `*`, and upstream names, in which one
    /// `*` stands for what the client's `*` stood for.
    ///
    /// # Errors
    /// A sentence that names the entry, what is wrong with it and what it takes.
    #[inline(never)]
    pub(super) fn read(fields: Fields<'_>) -> Read<Self> {
        let mut map: Vec<(Pattern, _)> = Vec::new();
        for (alias, field) in fields.each() {
            let at = field.path().to_owned();
            let pattern = Pattern::parse(alias).map_err(|reason| format!("{at}: {reason}"))?;
            let target = field.text()?.unwrap_or_default();
            if target.is_empty() {
                return Err(format!("{at}: is empty; takes the upstream's name for this model"));
            }
            let stars = target.matches('*').count();
            if stars > 1 || (stars == 1 && pattern.exact().is_some()) {
                return Err(format!(
                    "{at}: `{target}` has a `*` that stands for nothing; it repeats what one `*` \
                     of the client's name matches"
                ));
            }
            let place = map.partition_point(|(other, _)| *other < pattern);
            map.insert(place, (pattern, target));
        }
        Ok(Self { map, default: None })
    }

    /// The same names with this one of the upstream's for requests that name no model.
    #[must_use]
    pub(super) fn with_default(self, default: Option<String>) -> Self {
        Self { default, ..self }
    }

    /// The upstream's name for a model, which is the client's own name when nothing matches.
    pub fn upstream_name(&self, model: &str) -> String {
        let named = self.map.iter().find_map(|(pattern, target)| {
            pattern.capture(model).map(|captured| target.replacen('*', captured, 1))
        });
        named.unwrap_or_else(|| model.to_owned())
    }

    /// The model of requests that name none.
    pub fn default_model(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// The names that clients may use besides the upstream's own, each with what it stands for.
    /// Patterns are left out, because they name no model.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let default = self
            .default
            .as_deref()
            .filter(|name| !self.map.iter().any(|(pattern, _)| pattern.exact() == Some(name)));
        let map =
            self.map.iter().filter_map(|(pattern, target)| Some((pattern.exact()?, &**target)));
        map.chain(default.map(|name| (name, name)))
    }

    /// Whether the operator has written this name down as one of the upstream's.
    pub fn knows(&self, upstream_name: &str) -> bool {
        self.map.iter().any(|(_, target)| target == upstream_name)
            || self.default.as_deref() == Some(upstream_name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::read::parsed;
    use super::*;

    fn read(fields: &Value) -> Read<Aliases> {
        parsed("models", fields, |fields| {
            Ok(Aliases::read(fields)?.with_default(Some("base".to_owned())))
        })
    }

    #[test]
    fn the_most_specific_name_counts() {
        let aliases = read(&json!({
            "*": "qwen3", "gpt-*": "oss-*", "gpt-5*": "big", "gpt-5-mini": "small", "hub/*": "*"
        }))
        .unwrap();
        for (model, upstream) in [
            ("gpt-5-mini", "small"),
            ("gpt-5.1", "big"),
            ("gpt-4", "oss-4"),
            ("hub/a/b", "a/b"),
            ("claude", "qwen3"),
        ] {
            assert_eq!(aliases.upstream_name(model), upstream, "{model}");
        }
        assert_eq!(Aliases::default().upstream_name("m"), "m");
        assert_eq!(
            aliases.names().collect::<Vec<_>>(),
            [("gpt-5-mini", "small"), ("base", "base")]
        );
    }

    #[test]
    fn a_star_without_a_meaning_is_refused() {
        for fields in [json!({"a": "b*"}), json!({"a*": "b**"}), json!({"a": 1}), json!({"a": ""})]
        {
            let error = read(&fields).unwrap_err();
            assert!(error.starts_with("models.a"), "{error}");
        }
    }
}
