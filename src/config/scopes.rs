//! Configurations for parts of the traffic, as Higress writes them.
//!
//! Higress merges `defaultConfig` and `matchRules` of a WasmPlugin into one object: the members of
//! `defaultConfig`, and `_rules_` with one object for each rule, in which `_match_route_`,
//! `_match_route_prefix_`, `_match_domain_` and `_match_service_` say where it applies. Plugins are
//! expected to choose by themselves; this is what Higress's own plugin SDK does.

use std::rc::Rc;

use super::Config;
use super::rules::{Subject, Wanted, without_port};
use crate::json::fields::{Field, Fields, Read};

/// The member that holds the rules.
pub(super) const RULES: &str = "_rules_";

const ROUTE: &str = "_match_route_";
const ROUTE_PREFIX: &str = "_match_route_prefix_";
const DOMAIN: &str = "_match_domain_";
const SERVICE: &str = "_match_service_";

/// A configuration and where it applies.
#[derive(Clone, Debug)]
pub struct Scope {
    matches: Matches,
    /// What applies there.
    pub config: Rc<Config>,
}

#[derive(Clone, Debug, Default)]
struct Matches {
    routes: Vec<String>,
    route_prefixes: Vec<String>,
    domains: Vec<String>,
    services: Vec<String>,
}

impl Scope {
    /// Reads one element of `_rules_`. Members it does not have are those of `global`.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong with it and what it takes.
    #[inline(never)]
    pub(super) fn read(own: Field<'_>, global: &Fields<'_>) -> Read<Self> {
        let at = own.path().to_owned();
        let mut whole = global.moved(&at);
        whole.lay_fields(own.fields()?);
        let mut names = |field: &str| -> Read<Vec<String>> {
            Ok(whole.cut(field).or_null().texts()?.unwrap_or_default())
        };
        let matches = Matches {
            routes: names(ROUTE)?,
            route_prefixes: names(ROUTE_PREFIX)?,
            domains: names(DOMAIN)?,
            services: names(SERVICE)?,
        };
        if matches.is_empty() {
            return Err(format!(
                "{at}: says not where it applies; takes one of {ROUTE}, {ROUTE_PREFIX}, {DOMAIN}, \
                 {SERVICE}"
            ));
        }
        let config = Config::read_scope(whole)?;
        Ok(Self { matches, config: Rc::new(config) })
    }

    /// Whether it applies to a request.
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        self.matches.fit(subject)
    }

    /// What it has to know.
    pub(super) fn wanted(&self) -> Wanted {
        let matches = &self.matches;
        let name = !matches.routes.is_empty() || !matches.route_prefixes.is_empty();
        let own = Wanted { name, cluster: !matches.services.is_empty(), upstream: false };
        own.and(self.config.wanted())
    }
}

impl Matches {
    fn is_empty(&self) -> bool {
        [&self.routes, &self.route_prefixes, &self.domains, &self.services]
            .iter()
            .all(|names| names.is_empty())
    }

    /// Higress writes one kind of condition for each rule; when there are several, a route and a
    /// service must both fit, and otherwise the first kind in this order decides.
    fn fit(&self, subject: Subject<'_>) -> bool {
        let route = subject.route.name.as_deref().unwrap_or_default();
        let service = || self.services.is_empty() || self.fits_service(subject);
        if !self.routes.is_empty() {
            self.routes.iter().any(|name| name == route) && service()
        } else if !self.domains.is_empty() {
            let host = without_port(subject.host);
            self.domains.iter().any(|domain| fits_domain(domain, host))
        } else if !self.route_prefixes.is_empty() {
            self.route_prefixes.iter().any(|prefix| route.starts_with(prefix.as_str()))
        } else {
            self.fits_service(subject)
        }
    }

    /// Cluster names of Istio and Higress: `outbound|PORT|SUBSET|HOST`.
    fn fits_service(&self, subject: Subject<'_>) -> bool {
        let mut parts = subject.route.cluster.as_deref().unwrap_or_default().split('|');
        let (Some(_), Some(port), Some(_), Some(host), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        self.services.iter().any(|service| match service.rsplit_once(':') {
            Some((name, wanted)) => name == host && wanted == port,
            None => service == host,
        })
    }
}

/// A `*` at the beginning stands for any beginning, else one at the end for any end.
fn fits_domain(domain: &str, host: &str) -> bool {
    if let Some(end) = domain.strip_prefix('*') {
        host.ends_with(end)
    } else if let Some(beginning) = domain.strip_suffix('*') {
        host.starts_with(beginning)
    } else {
        host == domain
    }
}
