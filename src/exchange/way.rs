//! Which upstream a request is for, and what tells the host so.

use super::{Exchange, HeaderChanges};
use crate::config::{Config, Route, Subject, Upstream, Wanted, headers};
use crate::error::{ApiError, Class};

/// Asks the host about the way of a request. Plain functions, as [`super::Clock`] is, because the
/// host answers for the exchange of which a callback is running.
#[derive(Clone, Copy, Debug)]
pub struct Router {
    /// The model that the host has read out of the body by itself.
    pub model: fn() -> Option<String>,
    /// Makes these header changes, chooses the route anew and tells what is wanted of it.
    pub route: fn(&HeaderChanges, Wanted) -> Route,
}

impl Router {
    /// Knows nothing.
    pub const NONE: Self = Self { model: || None, route: |_, _| Route::default() };
}

/// What has been decided about the way of a request.
pub struct Way {
    /// The position of the upstream in the configuration.
    pub upstream: usize,
    /// Header changes that the host has not made yet.
    pub changes: HeaderChanges,
    /// What the host says about the route.
    pub route: Route,
}

impl Exchange {
    /// Takes the configuration for this part of the traffic. `None` when the filter is to stay out
    /// of it.
    pub(super) fn enter_scope(&mut self) -> Option<()> {
        if self.config.scopes.is_empty() {
            return Some(());
        }
        let route = (self.router.route)(&HeaderChanges::new(), self.config.wanted());
        let subject = Subject { route: &route, host: &self.authority, model: None };
        self.config = self.config.scoped(subject)?;
        Some(())
    }

    /// Chooses the upstream for a request for this model.
    ///
    /// # Errors
    /// When the route's metadata names one that is not there.
    pub(super) fn choose(&self, model: Option<&str>) -> Result<Way, ApiError> {
        let config = &self.config;
        // Whatever the client sent under this name is replaced: routes trust it.
        let mut changes: HeaderChanges = config
            .model_header
            .iter()
            .map(|name| (name.clone().into(), model.map(headers::escaped)))
            .collect();
        let wanted = config.wanted();
        let mut route = Route::default();
        if !wanted.is_nothing() {
            route = (self.router.route)(&changes, wanted);
            changes.clear();
        }
        let subject = Subject { route: &route, host: &self.authority, model };
        let upstream = config.upstream_for(subject).map_err(|name| {
            log::error!("a route's metadata names the upstream {name:?}, which is not configured");
            ApiError::new(
                Class::Server,
                "The route's metadata names an upstream that the filter's configuration does not \
                 have.",
            )
        })?;
        if let Some(chosen) = config.upstreams.get(upstream) {
            changes.extend(named(config, chosen));
        }
        Ok(Way { upstream, changes, route })
    }
}

/// The headers that a request to this upstream gets or loses.
fn named(
    config: &Config,
    upstream: &Upstream,
) -> impl Iterator<Item = (std::borrow::Cow<'static, str>, Option<String>)> {
    let name = config
        .upstream_header
        .iter()
        .map(|name| (name.clone().into(), Some(upstream.name.clone())));
    let edits = upstream
        .headers
        .iter()
        .map(|(name, value)| (name.to_owned().into(), value.map(str::to_owned)));
    name.chain(edits)
}
