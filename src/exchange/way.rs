//! Which upstream a request is for, and what tells the host so.

use std::borrow::Cow;

use super::{Exchange, HeaderChanges};
use crate::config::{Config, Route, Subject, Upstream, Wanted, headers};
use crate::error::{ApiError, Class};

/// Asks the host about the way of a request. Plain functions, as [`super::Clock`] is, because the
/// host answers for the exchange of which a callback is running. Only ever asked with the request
/// headers: once a header has changed, Envoy knows no route until its router needs one (measured).
#[derive(Clone, Copy, Debug)]
pub struct Router {
    /// The model that the host has read out of the body by itself.
    pub model: fn() -> Option<String>,
    /// What is wanted of the route.
    pub route: fn(Wanted) -> Route,
}

impl Router {
    /// Knows nothing.
    pub const NONE: Self = Self { model: || None, route: |_| Route::default() };
}

/// Where a request goes.
pub struct Way {
    /// The position of the upstream in the configuration.
    pub upstream: usize,
    /// The changes of its headers that say so.
    pub changes: HeaderChanges,
}

impl Exchange {
    /// Learns the route of a request and takes the configuration for this part of the traffic. `None`
    /// when the filter is to stay out of it.
    pub(super) fn enter_scope(&mut self) -> Option<()> {
        let wanted = self.config.wanted();
        if !wanted.is_nothing() {
            self.route = (self.router.route)(wanted);
        }
        self.config = self.config.scoped(self.subject(None))?;
        Some(())
    }

    /// The request as rules see it.
    pub(super) fn subject<'s>(&'s self, model: Option<&'s str>) -> Subject<'s> {
        Subject { route: &self.route, host: &self.authority, model }
    }

    /// Chooses the upstream for a request for this model.
    ///
    /// # Errors
    /// When the route's metadata names one that is not there.
    pub(super) fn choose(&self, model: Option<&str>) -> Result<Way, ApiError> {
        let config = &self.config;
        let upstream = config.upstream_for(self.subject(model)).map_err(|name| {
            log::error!("a route's metadata names the upstream {name:?}, which is not configured");
            ApiError::new(
                Class::Server,
                "The route's metadata names an upstream that the filter's configuration does not \
                 have.",
            )
        })?;
        // Whatever the client sent under this name is replaced: routes trust it.
        let model = config
            .model_header
            .iter()
            .map(|name| (name, model.map(headers::escaped).map(Cow::into_owned)));
        let mut changes: HeaderChanges =
            model.map(|(name, value)| (name.clone().into(), value)).collect();
        if let Some(chosen) = config.upstreams.get(upstream) {
            changes.extend(named(config, chosen));
        }
        Ok(Way { upstream, changes })
    }
}

/// The headers that a request to this upstream gets or loses.
fn named(
    config: &Config,
    upstream: &Upstream,
) -> impl Iterator<Item = (Cow<'static, str>, Option<String>)> {
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
