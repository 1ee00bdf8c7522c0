//! The shell: callbacks of the host in, an [`Exchange`]'s decisions out. It decides nothing itself.
//!
//! Host facts it rests on (measured with Envoy 1.36 to 1.40): paused request headers are only ever
//! released when the host runs with `allow_on_headers_stop_iteration`; `end_of_stream` never comes
//! together with trailers; while a response body is paused, large writes crash the host.

mod meters;

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::config::{Config, Route, Wanted};
use crate::exchange::{
    BodyAction, Exchange, HeaderChanges, Reply, RequestBodyAction, RequestHeadersAction,
    ResponseHeadersAction, Router,
};
use crate::host::{self, BufferType, MapType};
use meters::Meters;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root::new()));
}}

/// One per VM: holds the configuration.
struct Root {
    config: Option<Rc<Config>>,
    seed: Seed,
    meters: Rc<Meters>,
}

impl Root {
    fn new() -> Self {
        Self { config: None, seed: Seed::new(), meters: Rc::default() }
    }
}

/// Seeds for ids: random per VM, counted per exchange.
#[derive(Clone)]
struct Seed {
    random: u64,
    exchanges: u64,
}

impl Seed {
    fn new() -> Self {
        // The standard library draws the keys of a new RandomState from the host's random source.
        Self { random: RandomState::new().hash_one(host::now_ns()), exchanges: 0 }
    }

    fn next(&mut self) -> u128 {
        self.exchanges += 1;
        (u128::from(host::now_ns()) << 64) | u128::from(self.random.wrapping_add(self.exchanges))
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let bytes = self.get_plugin_configuration().unwrap_or_default();
        let parsed = match std::str::from_utf8(&bytes) {
            Ok(json) => Config::parse(json),
            Err(_) => Err("configuration: is not UTF-8; pass it as a StringValue".to_owned()),
        };
        match parsed {
            Ok(config) => {
                self.config = Some(Rc::new(config));
                true
            }
            Err(error) => {
                log::error!("responses-filter refuses its configuration: {error}");
                false
            }
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        let config = self.config.clone()?;
        let mut seed = self.seed.clone();
        seed.exchanges = u64::from(context_id);
        let exchange = Exchange::new(config, host::now_ms, seed.next()).routed_by(ROUTER);
        let meters = Rc::clone(&self.meters);
        Some(Box::new(Filter { exchange, meters, is_active: false, request_sent: false }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// One per HTTP exchange.
struct Filter {
    exchange: Exchange,
    meters: Rc<Meters>,
    /// Whether the exchange wants to see bodies.
    is_active: bool,
    /// Whether the request body has been dealt with.
    request_sent: bool,
}

impl Filter {
    fn request_end(&mut self, size: usize) -> Action {
        self.request_sent = true;
        let body = match host::body(BufferType::RequestBody, size) {
            Ok(body) => body,
            Err(refused) => {
                log::error!("the host does not give the request body ({refused:?})");
                Vec::new()
            }
        };
        match self.exchange.request_body(&body) {
            RequestBodyAction::Forward { changes, body } => {
                if !changes.is_empty() {
                    change_headers(MapType::RequestHeaders, &changes);
                    choose_route_anew();
                }
                if let Err(refused) = host::set_body(BufferType::RequestBody, usize::MAX, &body) {
                    log::error!("the host does not take the request body ({refused:?})");
                }
                Action::Continue
            }
            RequestBodyAction::Reply(reply) => self.reply(&reply),
        }
    }

    fn reply(&mut self, reply: &Reply) -> Action {
        self.is_active = false;
        let headers: Vec<_> = reply.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let sent =
            host::send_local_response(reply.status, "responses_filter", &headers, &reply.body);
        if let Err(refused) = sent {
            log::error!("the host does not take an answer from the filter ({refused:?})");
        }
        Action::Pause
    }

    fn response_output(&mut self, size: usize, action: BodyAction) -> Action {
        match action {
            BodyAction::Forward => {
                let output = self.exchange.output();
                if size > 0 || !output.is_empty() {
                    let set = host::set_body(BufferType::ResponseBody, size, output);
                    if let Err(refused) = set {
                        log::warn!("the host does not take the end of an answer ({refused:?})");
                    }
                }
                self.exchange.output_sent();
                Action::Continue
            }
            BodyAction::Hold => {
                if size > 0
                    && let Err(refused) = host::set_body(BufferType::ResponseBody, size, b"")
                {
                    log::error!("the host does not take an answer's bytes away ({refused:?})");
                }
                Action::Pause
            }
            BodyAction::Keep => Action::Continue,
            BodyAction::Reply(reply) => self.reply(&reply),
        }
    }
}

impl Context for Filter {}

impl HttpContext for Filter {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let headers = host::headers(MapType::RequestHeaders).unwrap_or_default();
        match self.exchange.request_headers(&headers, end_of_stream) {
            RequestHeadersAction::Pass => Action::Continue,
            RequestHeadersAction::Change(changes) => {
                change_headers(MapType::RequestHeaders, &changes);
                Action::Continue
            }
            RequestHeadersAction::Translate { changes, hold } => {
                self.is_active = true;
                change_headers(MapType::RequestHeaders, &changes);
                if hold { Action::Pause } else { Action::Continue }
            }
            RequestHeadersAction::Reply(reply) => self.reply(&reply),
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !self.is_active || self.request_sent {
            return Action::Continue;
        }
        // While paused the host collects; `size` counts all bytes so far.
        if end_of_stream { self.request_end(size) } else { Action::Pause }
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if !self.is_active || self.request_sent {
            return Action::Continue;
        }
        self.request_end(usize::MAX)
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        if !self.is_active {
            return Action::Continue;
        }
        let headers = host::headers(MapType::ResponseHeaders).unwrap_or_default();
        match self.exchange.response_headers(&headers, end_of_stream) {
            ResponseHeadersAction::Pass => {
                self.is_active = false;
                Action::Continue
            }
            ResponseHeadersAction::Forward(changes) => {
                change_headers(MapType::ResponseHeaders, &changes);
                Action::Continue
            }
            ResponseHeadersAction::Hold(changes) => {
                change_headers(MapType::ResponseHeaders, &changes);
                Action::Pause
            }
            ResponseHeadersAction::Reply(reply) => self.reply(&reply),
        }
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !self.is_active {
            return Action::Continue;
        }
        let chunk = match host::body(BufferType::ResponseBody, size) {
            Ok(chunk) => chunk,
            Err(refused) => {
                log::error!("the host does not give the response body ({refused:?})");
                return Action::Continue;
            }
        };
        let action = self.exchange.response_body(&chunk, end_of_stream);
        self.response_output(size, action)
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        if !self.is_active {
            return Action::Continue;
        }
        let action = self.exchange.response_trailers();
        self.response_output(0, action)
    }

    fn on_log(&mut self) {
        let Some(report) = self.exchange.report() else { return };
        let config = self.exchange.config();
        if config.filter_state {
            for (name, value) in report.properties() {
                if let Err(refused) = host::set_property(name, &value) {
                    log::debug!("the host does not keep {name} ({refused:?})");
                }
            }
        }
        if config.metrics {
            for measurement in report.measurements(config) {
                self.meters.add(measurement);
            }
        }
    }
}

/// Asks the host about routes.
const ROUTER: Router = Router { model, route };

/// The model that `json_to_metadata` has read, as `envoy/examples/without-hold.yaml` sets it up.
fn model() -> Option<String> {
    host::property("metadata\0filter_metadata\0responses_filter\0model")
}

fn route(wanted: Wanted) -> Route {
    let read = |wanted: bool, path| if wanted { host::property(path) } else { None };
    Route {
        name: read(wanted.name, "xds\0route_name"),
        cluster: read(wanted.cluster, "xds\0cluster_name"),
        upstream: read(
            wanted.upstream,
            "xds\0route_metadata\0filter_metadata\0responses_filter\0upstream",
        ),
    }
}

/// Hosts do so by themselves after a change of headers; later versions of the ABI may not.
fn choose_route_anew() {
    if let Err(refused) = host::clear_route_cache() {
        log::debug!("the host does not choose the route anew ({refused:?})");
    }
}

fn change_headers(map: MapType, changes: &HeaderChanges) {
    for (name, value) in changes {
        if let Err(refused) = host::change_header(map, name, value.as_deref()) {
            log::warn!("the host does not take a change of header {name} ({refused:?})");
        }
    }
}
