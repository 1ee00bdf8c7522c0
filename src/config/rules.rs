//! Which upstream profile serves a request.

use super::pattern::Pattern;
use crate::json::fields::{Field, Fields, Read};

/// What the host knows about the way of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// The route's name.
    pub name: Option<String>,
    /// The cluster the route sends to.
    pub cluster: Option<String>,
    /// The upstream that the route's metadata names.
    pub upstream: Option<String>,
}

/// What of a [`Route`] is of any use; the host is not asked for the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// [`Route::name`].
    pub name: bool,
    /// [`Route::cluster`].
    pub cluster: bool,
    /// [`Route::upstream`].
    pub upstream: bool,
}

impl Wanted {
    /// Whether the host need not be asked at all.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// What either of the two wants.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            name: self.name || other.name,
            cluster: self.cluster || other.cluster,
            upstream: self.upstream || other.upstream,
        }
    }
}

/// A request as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'r> {
    /// Where the host sends it.
    pub route: &'r Route,
    /// `:authority`.
    pub host: &'r str,
    /// The model as the client named it; `None` as long as it is not known.
    pub model: Option<&'r str>,
}

/// Sends what fulfils all its conditions to one upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    route: Option<Pattern>,
    host: Option<Pattern>,
    cluster: Option<Pattern>,
    model: Option<Pattern>,
    /// The position of its upstream.
    pub upstream: usize,
}

impl Rule {
    /// Reads one rule; `position` finds an upstream by its name.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong with it and what it takes.
    #[inline(never)]
    pub(super) fn read(
        mut fields: Fields<'_>,
        position: &dyn Fn(&str) -> Option<usize>,
    ) -> Read<Self> {
        let at = fields.at().to_owned();
        let route = pattern(fields.take("route"))?;
        let host = pattern(fields.take("host"))?.map(|host| host.to_ascii_lowercase());
        let cluster = pattern(fields.take("cluster"))?;
        let model = pattern(fields.take("model"))?;
        let name = fields.take("upstream");
        fields.end()?;
        let name = name.required()?.text()?.unwrap_or_default();
        let upstream = position(&name).ok_or_else(|| {
            format!("{at}.upstream: `{name}` is no name in upstreams; add it there")
        })?;
        let rule = Self { route, host, cluster, model, upstream };
        if [&rule.route, &rule.host, &rule.cluster, &rule.model].iter().all(|p| p.is_none()) {
            return Err(format!(
                "{at}: has no condition; give one of route, host, cluster, model, or make its \
                 upstream the one named default"
            ));
        }
        Ok(rule)
    }

    /// Whether a request fulfils all conditions. What is not known fulfils none.
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        let fits = self.model.as_ref().is_none_or(|p| subject.model.is_some_and(|m| p.matches(m)));
        fits && self.may_match(subject)
    }

    /// Whether a request fulfils all conditions but that of the model.
    pub fn may_match(&self, subject: Subject<'_>) -> bool {
        let fulfils = |pattern: &Option<Pattern>, name: Option<&str>| match (pattern, name) {
            (None, _) => true,
            (Some(pattern), Some(name)) => pattern.matches(name),
            (Some(_), None) => false,
        };
        let host = subject.host.to_ascii_lowercase();
        let host = self
            .host
            .as_ref()
            .is_none_or(|pattern| pattern.matches(&host) || pattern.matches(without_port(&host)));
        host && fulfils(&self.route, subject.route.name.as_deref())
            && fulfils(&self.cluster, subject.route.cluster.as_deref())
    }

    /// What it has to know.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted { name: self.route.is_some(), cluster: self.cluster.is_some(), upstream: false }
    }
}

fn pattern(field: Field<'_>) -> Read<Option<Pattern>> {
    let path = field.path().to_owned();
    let pattern = field.or_null().text()?.map(|text| Pattern::parse(&text)).transpose();
    pattern.map_err(|reason| format!("{path}: {reason}"))
}

/// The host of an authority; the colons of an IPv6 address stand in brackets (RFC 3986, 3.2.2).
pub(super) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::read::parsed;
    use super::*;

    fn rule(fields: &Value) -> Read<Rule> {
        let position = |name: &str| ["default", "fast"].iter().position(|known| *known == name);
        parsed("rules[0]", fields, |fields| Rule::read(fields, &position))
    }

    #[test]
    fn all_conditions_must_be_fulfilled() {
        let rule = rule(&json!({
            "route": "llm-*", "host": "*.Example.com", "model": "qwen*", "upstream": "fast"
        }))
        .unwrap();
        let route = Route { name: Some("llm-a".to_owned()), ..Route::default() };
        let fits = |host, model| rule.matches(Subject { route: &route, host, model });
        assert!(fits("api.example.com", Some("qwen3")));
        assert!(fits("API.example.com:8443", Some("qwen3")));
        assert!(!fits("api.example.org", Some("qwen3")));
        assert!(!fits("api.example.com", Some("gpt-5")));
        assert!(!fits("api.example.com", None));
        let subject =
            Subject { route: &Route::default(), host: "api.example.com", model: Some("qwen3") };
        assert!(!rule.matches(subject));
    }

    #[test]
    fn only_a_port_is_cut_off() {
        for (authority, host) in
            [("a:80", "a"), ("a", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]")]
        {
            assert_eq!(without_port(authority), host);
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (fields, named) in [
            (json!({"upstream": "fast"}), "rules[0]: has no condition"),
            (json!({"model": "a", "upstream": "slow"}), "rules[0].upstream: `slow`"),
            (json!({"model": "a"}), "rules[0].upstream: is missing"),
            (
                json!({"model": 1, "upstream": "fast"}),
                "rules[0].model: is the number `1`; takes a string",
            ),
            (json!({"modle": "a", "upstream": "fast"}), "rules[0].modle: unknown field"),
            (json!({"host": "**", "upstream": "fast"}), "rules[0].host: `**` has more than one"),
        ] {
            let error = rule(&fields).unwrap_err();
            assert!(error.starts_with(named), "{error}");
        }
    }
}
