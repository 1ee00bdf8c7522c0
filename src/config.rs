//! The plugin configuration: parsed once, validated, then only read.
//!
//! ```json
//! {"upstreams": {"default": {"preset": "generic", "dialect": {"reasoning_param": "effort"}, "path": null}},
//!  "hold_headers": true, "keep_alive_seconds": 15, "strictness": "lenient", "refusals": "auto"}
//! ```
//!
//! Every field is described in `docs/configuration.md`.

mod aliases;
mod catalog;
pub mod headers;
mod limits;
mod pattern;
mod read;
mod rules;
mod scopes;
mod upstream;

use std::rc::Rc;

use crate::json::document::Kind;
use crate::json::fields::{Field, Fields, Read, words};
use crate::json::reading::Reading;

pub use aliases::Aliases;
pub use catalog::Catalog;
pub use headers::HeaderEdits;
pub use limits::Limits;
pub use rules::{Route, Rule, Subject, Wanted};
pub use scopes::Scope;
pub use upstream::{StreamMode, Upstream, Wire};

words! {
    /// What happens to parts of a request that Chat Completions cannot express.
    Strictness {
        /// They are dropped and reported.
        Lenient = "lenient",
        /// The request is refused with the field's name.
        Strict = "strict",
    }
}
words! {
    /// How refusals reach the client.
    Refusals {
        /// Text for Codex, which drops messages with refusal parts; refusal parts for everyone else.
        Auto = "auto",
        /// Always refusal parts.
        Part = "part",
        /// Always text.
        Text = "text",
    }
}
words! {
    /// How reasoning reaches the client.
    ReasoningOutput {
        /// As a reasoning summary, the only form every client accepts.
        Summary = "summary",
        /// As raw reasoning text.
        Text = "text",
    }
}
words! {
    /// What becomes of `GET …/models`.
    ModelList {
        /// The upstream's list, with the names of the configuration, in OpenAI's and Codex's form;
        /// from the configuration alone when the upstream has no list.
        Translate = "translate",
        /// The names of the configuration alone; the upstream is not asked.
        Configured = "configured",
        /// It passes untouched.
        Pass = "pass",
    }
}
words! {
    /// What may cause a keep-alive.
    KeepAlive {
        /// Bytes of the upstream that yield no event.
        Bytes = "bytes",
        /// A timer too, once the first byte of the answer has come. What it asks of the host is in
        /// `docs/configuration.md`.
        Timer = "timer",
    }
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Profiles by name; always has `default`.
    pub upstreams: Vec<Upstream>,
    /// Which profile serves what; the first rule that matches counts.
    pub rules: Vec<Rule>,
    /// Whether the host can hold headers until the body is read.
    pub hold_headers: bool,
    /// The request header that gets the model's name, in lower case.
    pub model_header: Option<String>,
    /// The request header that gets the upstream profile's name, in lower case.
    pub upstream_header: Option<String>,
    /// What becomes of `GET …/models`.
    pub model_list: ModelList,
    /// What the operator says about models.
    pub catalog: Catalog,
    /// Seconds of silence towards the client after which upstream bytes without news become a
    /// keep-alive, for profiles that say nothing else.
    pub keep_alive_seconds: u64,
    /// What may cause a keep-alive.
    pub keep_alive: KeepAlive,
    /// What happens to what Chat Completions cannot express, for profiles that say nothing else.
    pub strictness: Strictness,
    /// How refusals reach the client.
    pub refusals: Refusals,
    /// How reasoning reaches the client.
    pub reasoning_output: ReasoningOutput,
    /// Limits on buffers, for profiles that say nothing else.
    pub limits: Limits,
    /// Whether what happened to a request is put into the filter state, for access logs.
    pub filter_state: bool,
    /// Whether requests are counted.
    pub metrics: bool,
    /// Other configurations for parts of the traffic; the first one that matches counts.
    pub scopes: Vec<Scope>,
    /// Whether this configuration is for scopes alone, so that the filter stays out of the rest.
    pub only_scopes: bool,
}

impl Config {
    /// Parses and validates the plugin configuration; empty text means `{}`.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong with it and what it takes.
    pub fn parse(json: &str) -> Result<Self, String> {
        Self::read(json).map_err(|sentence| read::one_line(&sentence))
    }

    fn read(json: &str) -> Read<Self> {
        let document = read::document(json)?;
        if document.root().kind() != Kind::Object {
            return Err("configuration: takes an object".to_owned());
        }
        let mut fields = Fields::of("", document.root());
        let rules = fields.cut(scopes::RULES);
        let only_scopes = rules.is_present() && fields.is_empty();
        let mut config = Self::read_scope(fields.clone())?;
        config.only_scopes = only_scopes;
        for rule in rules.or_null().list()?.unwrap_or_default() {
            config.scopes.push(Scope::read(rule, &fields)?);
        }
        Ok(config)
    }

    /// Reads a configuration without scopes.
    fn read_scope(fields: Fields<'_>) -> Read<Self> {
        let mut fields = Reading::of(fields);
        let profiles = fields.object("upstreams");
        let rules = fields.read("rules", Field::list).flatten().unwrap_or_default();
        let config = Self {
            upstreams: Vec::new(),
            rules: Vec::new(),
            hold_headers: fields.flag("hold_headers", true),
            model_header: fields.read("model_header", |it| header(it, "x-llm-model")).flatten(),
            upstream_header: fields
                .read("upstream_header", |it| header(it, "x-llm-upstream"))
                .flatten(),
            model_list: fields.word("model_list", ModelList::Translate),
            catalog: fields.part("catalog", Catalog::read),
            keep_alive_seconds: fields
                .read("keep_alive_seconds", upstream::seconds)
                .flatten()
                .unwrap_or(15),
            keep_alive: fields.word("keep_alive", KeepAlive::Bytes),
            strictness: fields.word("strictness", Strictness::Lenient),
            refusals: fields.word("refusals", Refusals::Auto),
            reasoning_output: fields.word("reasoning_output", ReasoningOutput::Summary),
            limits: fields.part("limits", |fields| Limits::default().read(fields)),
            filter_state: fields.flag("filter_state", true),
            metrics: fields.flag("metrics", true),
            scopes: Vec::new(),
            only_scopes: false,
        };
        fields.end()?;
        config.with_upstreams(&profiles)?.with_rules(rules)
    }

    fn with_upstreams(mut self, profiles: &Fields<'_>) -> Read<Self> {
        for (name, profile) in profiles.each() {
            self.upstreams.push(Upstream::read(name, profile, &self)?);
        }
        if !profiles.has(DEFAULT) {
            self.upstreams.push(Upstream::read(DEFAULT, Field::default(), &self)?);
        }
        Ok(self)
    }

    fn with_rules(mut self, rules: Vec<Field<'_>>) -> Read<Self> {
        let position = |name: &str| self.upstreams.iter().position(|known| known.name == name);
        for rule in rules {
            self.rules.push(Rule::read(rule.fields()?, &position)?);
        }
        Ok(self)
    }

    /// The configuration for a request: that of the first scope that matches, else this one; `None`
    /// when the filter is to stay out of it.
    pub fn scoped(self: &Rc<Self>, subject: Subject<'_>) -> Option<Rc<Self>> {
        match self.scopes.iter().find(|scope| scope.matches(subject)) {
            Some(scope) => Some(Rc::clone(&scope.config)),
            None if self.only_scopes => None,
            None => Some(Rc::clone(self)),
        }
    }

    /// The position of the profile that serves a request: the one that the route's metadata names,
    /// else that of the first rule that matches, else the default.
    ///
    /// # Errors
    /// The name in the route's metadata when no profile has it.
    pub fn upstream_for<'r>(&self, subject: Subject<'r>) -> Result<usize, &'r str> {
        let position = |name: &str| self.upstreams.iter().position(|known| known.name == name);
        if let Some(name) = subject.route.upstream.as_deref() {
            return position(name).ok_or(name);
        }
        let rule = self.rules.iter().find(|rule| rule.matches(subject));
        Ok(rule.map(|rule| rule.upstream).or_else(|| position(DEFAULT)).unwrap_or_default())
    }

    /// Positions of the profiles that may serve a client of this route and host, whatever the model.
    pub fn reachable(&self, subject: Subject<'_>) -> impl Iterator<Item = usize> {
        // A route whose metadata names a profile leads to no other one.
        let is_free = subject.route.upstream.is_none();
        let rules = self.rules.iter().filter(move |rule| is_free && rule.may_match(subject));
        let default = self.upstreams.iter().position(|u| is_free && u.name == DEFAULT);
        rules.map(|rule| rule.upstream).chain(default)
    }

    /// The upstream profile of this name, or the default one.
    pub fn upstream(&self, name: &str) -> Option<&Upstream> {
        let named = |name: &str| self.upstreams.iter().find(|upstream| upstream.name == name);
        named(name).or_else(|| named(DEFAULT))
    }

    /// What must be known of a request's route to choose.
    pub fn wanted(&self) -> Wanted {
        let metadata = Wanted { upstream: self.upstreams.len() > 1, ..Wanted::default() };
        let rules = self.rules.iter().map(Rule::wanted);
        let scopes = self.scopes.iter().map(Scope::wanted);
        rules.chain(scopes).fold(metadata, Wanted::and)
    }
}

/// The profile that serves what no other one is chosen for.
pub const DEFAULT: &str = "default";

/// The preset that works with strict upstreams of any kind.
const GENERIC: &str = "generic";

/// The name of a header; none for null and for an empty name.
fn header(field: Field<'_>, default: &str) -> Read<Option<String>> {
    if !field.is_present() {
        return Ok(Some(default.to_owned()));
    }
    let path = field.path().to_owned();
    match field.or_null().text()?.as_deref() {
        None | Some("") => Ok(None),
        Some(name) => match headers::header_name(name) {
            Ok(name) => Ok(Some(name)),
            Err(reason) => Err(format!("{path}: `{name}` {reason}; null means no header")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_valid_configuration() {
        for json in ["", " ", "{}"] {
            let config = Config::parse(json).unwrap();
            assert!(config.hold_headers);
            assert_eq!(config.keep_alive_seconds, 15);
            assert_eq!(config.upstream("whatever").unwrap().name, DEFAULT);
        }
    }

    #[test]
    fn profiles_inherit_what_they_do_not_say() {
        let config = Config::parse(
            r#"{"strictness": "strict", "limits": {"tools_max": 7, "depth_max": 9},
                "upstreams": {"a": {"limits": {"tools_max": 3}, "keep_alive_seconds": 1}}}"#,
        )
        .unwrap();
        let [a, default] = ["a", DEFAULT].map(|name| config.upstream(name).unwrap());
        assert_eq!((a.limits.tools_max, a.limits.depth_max), (3, 9));
        assert_eq!((a.strictness, a.keep_alive_seconds), (Strictness::Strict, 1));
        assert_eq!((default.limits.tools_max, default.keep_alive_seconds), (7, 15));
    }

    #[test]
    fn metadata_counts_before_rules_and_rules_before_the_default() {
        let config = Config::parse(
            r#"{"upstreams": {"a": {}, "b": {}}, "rules": [{"model": "m*", "upstream": "a"},
                {"model": "my", "upstream": "b"}]}"#,
        )
        .unwrap();
        let chosen = |metadata: Option<&str>, model| {
            let route = Route { upstream: metadata.map(str::to_owned), ..Route::default() };
            let position = config.upstream_for(Subject { route: &route, host: "", model });
            position.map(|position| config.upstreams[position].name.clone()).map_err(str::to_owned)
        };
        assert_eq!(chosen(Some("b"), Some("my")), Ok("b".to_owned()));
        assert_eq!(chosen(None, Some("my")), Ok("a".to_owned()));
        assert_eq!(chosen(None, Some("x")), Ok(DEFAULT.to_owned()));
        assert_eq!(chosen(None, None), Ok(DEFAULT.to_owned()));
        assert_eq!(chosen(Some("c"), None), Err("c".to_owned()));
        assert!(config.wanted().upstream && !config.wanted().name && !config.wanted().cluster);
        assert!(Config::parse("{}").unwrap().wanted().is_nothing());
    }

    #[test]
    fn scopes_of_higress_are_chosen_as_its_plugins_do() {
        let config = Rc::new(
            Config::parse(
                r#"{"_rules_": [
                    {"_match_route_": ["a"], "_match_service_": ["s.dns:80"], "keep_alive_seconds": 1},
                    {"_match_domain_": ["*.x.com", "y.*"], "keep_alive_seconds": 2},
                    {"_match_route_prefix_": ["llm-"], "keep_alive_seconds": 3},
                    {"_match_service_": ["t.static"], "keep_alive_seconds": 4}]}"#,
            )
            .unwrap(),
        );
        let chosen = |name: &str, host: &str, cluster: &str| {
            let [name, cluster] = [name, cluster].map(|text| Some(text.to_owned()));
            let route = Route { name, cluster, upstream: None };
            let scoped = config.scoped(Subject { route: &route, host, model: None });
            scoped.map(|config| config.keep_alive_seconds)
        };
        assert_eq!(chosen("a", "", "outbound|80||s.dns"), Some(1));
        assert_eq!(chosen("a", "", "outbound|81||s.dns"), None);
        assert_eq!(chosen("b", "api.x.com:443", ""), Some(2));
        assert_eq!(chosen("b", "y.net", ""), Some(2));
        assert_eq!(chosen("llm-b", "z.com", ""), Some(3));
        assert_eq!(chosen("b", "z.com", "outbound|9||t.static"), Some(4));
        assert_eq!(chosen("b", "z.com", "t.static"), None);
        assert_eq!(config.wanted(), Wanted { name: true, cluster: true, upstream: false });
    }

    #[test]
    fn a_scope_inherits_and_the_rest_has_the_outer_configuration() {
        let config = Rc::new(
            Config::parse(
                r#"{"strictness": "strict", "_rules_": [
                    {"_match_domain_": ["a"], "keep_alive_seconds": 2}]}"#,
            )
            .unwrap(),
        );
        let route = Route::default();
        let scoped = |host| config.scoped(Subject { route: &route, host, model: None }).unwrap();
        assert_eq!(scoped("a").keep_alive_seconds, 2);
        assert_eq!(scoped("a").strictness, Strictness::Strict);
        assert_eq!(scoped("b").keep_alive_seconds, 15);
    }
}
