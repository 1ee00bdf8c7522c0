//! The shell: callbacks of the host in, an [`Exchange`]'s decisions out. It decides nothing itself.
//!
//! Host facts it rests on (measured with Envoy 1.36 to 1.40):
//! * held request headers are only ever released when the host runs with
//!   `allow_on_headers_stop_iteration`;
//! * bodies that are taken out of the host piece by piece and put back at their end are subject to none
//!   of its limits, while what it buffers itself ends in 413, in 500, or in a crash;
//! * `end_of_stream` never comes together with trailers, and in the callback for trailers only a body that
//!   the host has buffered is there. Any other one must not even be asked for: where the last piece was
//!   held, the host would look for it in memory that is not its own any more.

mod held;
mod meters;
mod seed;
mod timer;

use std::rc::Rc;

use crate::config::{Config, Route, Wanted};
use crate::exchange::{
    BodyAction, Exchange, HeaderChanges, Reply, RequestBodyAction, RequestHeadersAction,
    ResponseHeadersAction, Router,
};
use crate::host::{self, BodyFlow, BufferType, HeadersFlow, MapType};
use held::Release;
use meters::Meters;
use seed::Seed;
use timer::Timer;

/// One per plugin configuration in a VM.
pub struct Root {
    config: Rc<Config>,
    seed: Seed,
    meters: Rc<Meters>,
    timer: Option<Timer>,
    release: Rc<Release>,
}

impl Root {
    /// Reads the plugin configuration; `None` when it is refused, which the log explains.
    pub fn configured(configuration: &[u8]) -> Option<Self> {
        let parsed = match std::str::from_utf8(configuration) {
            Ok(json) => Config::parse(json),
            Err(_) => Err("configuration: is not UTF-8; pass it as a StringValue".to_owned()),
        };
        match parsed {
            Ok(config) => {
                let seed = Seed::new();
                let timer = Timer::start(&config, seed.random);
                let release = Rc::new(Release::watched(&config));
                Some(Self { config: Rc::new(config), seed, meters: Rc::default(), timer, release })
            }
            Err(error) => {
                log::error!("responses-filter refuses its configuration: {error}");
                None
            }
        }
    }

    /// A new exchange; `context` is the host's number of it.
    pub fn exchange(&self, context: u32) -> Filter {
        let exchange = Exchange::new(Rc::clone(&self.config), host::now_ms, self.seed.next());
        let exchange = exchange.routed_by(ROUTER);
        Filter {
            context,
            exchange,
            meters: Rc::clone(&self.meters),
            timer: self.timer,
            release: Rc::clone(&self.release),
            held_at_ms: None,
            is_active: false,
            request_sent: false,
            is_buffered: false,
            is_flushing: false,
            unflushed: 0,
        }
    }
}

/// One per HTTP exchange.
pub struct Filter {
    /// The host's number of this exchange.
    context: u32,
    exchange: Exchange,
    meters: Rc<Meters>,
    timer: Option<Timer>,
    release: Rc<Release>,
    /// Since when the host holds the request's headers, while it may never let them go.
    held_at_ms: Option<u64>,
    /// Whether the exchange wants to see bodies.
    is_active: bool,
    /// Whether the request body has been dealt with.
    request_sent: bool,
    /// Whether the host buffers the body of the message that is on its way.
    is_buffered: bool,
    /// Whether the response is paused behind a piece that leaves by itself.
    is_flushing: bool,
    /// How much of that piece has not left: it stands in front of the next one.
    unflushed: usize,
}

impl Filter {
    /// Request headers have come.
    pub fn request_headers(&mut self, end_of_stream: bool) -> HeadersFlow {
        let headers = host::headers(MapType::RequestHeaders).unwrap_or_default();
        match self.exchange.request_headers(&headers.headers(), end_of_stream) {
            RequestHeadersAction::Pass => HeadersFlow::Continue,
            RequestHeadersAction::Change(changes) => {
                change_headers(MapType::RequestHeaders, &changes);
                HeadersFlow::Continue
            }
            RequestHeadersAction::Translate { changes, hold } => {
                self.is_active = true;
                change_headers(MapType::RequestHeaders, &changes);
                if hold { self.hold() } else { HeadersFlow::Continue }
            }
            RequestHeadersAction::Reply(reply) => {
                self.reply(&reply);
                HeadersFlow::Hold
            }
        }
    }

    /// A piece of the request's body has come.
    pub fn request_body(&mut self, size: usize, end_of_stream: bool) -> BodyFlow {
        self.released();
        if !self.is_active || self.request_sent {
            return BodyFlow::Continue;
        }
        let piece = match host::body(BufferType::RequestBody, size) {
            Ok(piece) => piece,
            Err(refused) => {
                log::error!("the host does not give the request body ({refused:?})");
                Vec::new()
            }
        };
        match self.exchange.request_body(piece, end_of_stream) {
            RequestBodyAction::Hold => {
                replace_piece(BufferType::RequestBody, size, b"");
                BodyFlow::Hold
            }
            RequestBodyAction::HoldBuffered => {
                self.is_buffered = true;
                BodyFlow::HoldBuffered
            }
            action => {
                if self.send_request(action) {
                    BodyFlow::Continue
                } else {
                    BodyFlow::Hold
                }
            }
        }
    }

    /// The request ends with trailers.
    pub fn request_trailers(&mut self) -> HeadersFlow {
        self.released();
        if !self.is_active || self.request_sent {
            return HeadersFlow::Continue;
        }
        let body = if self.is_buffered {
            host::body(BufferType::RequestBody, usize::MAX).unwrap_or_default()
        } else {
            Vec::new()
        };
        let action = self.exchange.request_trailers(body);
        if self.send_request(action) { HeadersFlow::Continue } else { HeadersFlow::Hold }
    }

    /// Sends the translated request on; `false` when it has been answered instead.
    fn send_request(&mut self, action: RequestBodyAction) -> bool {
        self.request_sent = true;
        self.is_buffered = false;
        match action {
            RequestBodyAction::Forward { changes, body } => {
                if !changes.is_empty() {
                    change_headers(MapType::RequestHeaders, &changes);
                }
                if let Err(refused) = host::set_body(BufferType::RequestBody, usize::MAX, &body) {
                    log::error!("the host does not take the request body ({refused:?})");
                }
                true
            }
            RequestBodyAction::Reply(reply) => {
                self.reply(&reply);
                false
            }
            RequestBodyAction::Hold | RequestBodyAction::HoldBuffered => false,
        }
    }

    fn reply(&mut self, reply: &Reply) {
        self.is_active = false;
        let headers: Vec<_> = reply.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        // The host's log still tells what it knows of the answer that this one replaces.
        let details = match host::property("response\0code_details") {
            Some(replaced) => format!("responses_filter{{{replaced}}}"),
            None => "responses_filter".to_owned(),
        };
        let sent = host::send_local_response(reply.status, &details, &headers, &reply.body);
        if let Err(refused) = sent {
            log::error!("the host does not take an answer from the filter ({refused:?})");
        }
    }

    /// Response headers have come.
    pub fn response_headers(&mut self, end_of_stream: bool) -> HeadersFlow {
        if !self.is_active {
            return HeadersFlow::Continue;
        }
        let headers = host::headers(MapType::ResponseHeaders).unwrap_or_default();
        match self.exchange.response_headers(&headers.headers(), end_of_stream) {
            ResponseHeadersAction::Pass => {
                self.is_active = false;
                HeadersFlow::Continue
            }
            ResponseHeadersAction::Forward(changes) => {
                change_headers(MapType::ResponseHeaders, &changes);
                HeadersFlow::Continue
            }
            ResponseHeadersAction::Hold(changes) => {
                change_headers(MapType::ResponseHeaders, &changes);
                HeadersFlow::Hold
            }
            ResponseHeadersAction::Reply(reply) => {
                self.reply(&reply);
                HeadersFlow::Hold
            }
        }
    }

    /// A piece of the response's body has come.
    pub fn response_body(&mut self, size: usize, end_of_stream: bool) -> BodyFlow {
        if !self.is_active {
            return BodyFlow::Continue;
        }
        let bytes = match host::body(BufferType::ResponseBody, size) {
            Ok(bytes) => bytes,
            Err(refused) => {
                log::error!("the host does not give the response body ({refused:?})");
                return BodyFlow::Continue;
            }
        };
        let unflushed = std::mem::take(&mut self.unflushed).min(bytes.len());
        let (unflushed, chunk) = bytes.split_at_checked(unflushed).unwrap_or((b"", &bytes));
        let action = self.exchange.response_body(chunk, end_of_stream);
        self.is_buffered = matches!(action, BodyAction::Flush | BodyAction::HoldForTrailers);
        let was_flushing = std::mem::take(&mut self.is_flushing);
        match action {
            BodyAction::Forward => {
                let written = self.send_output(size, unflushed);
                if was_flushing && unflushed.is_empty() && written > 0 {
                    return self.pause_for_flush(written);
                }
                BodyFlow::Continue
            }
            BodyAction::Flush => {
                let written = self.send_output(size, unflushed);
                self.pause_for_flush(written)
            }
            BodyAction::Hold => {
                replace_piece(BufferType::ResponseBody, size, unflushed);
                if unflushed.is_empty() { BodyFlow::Hold } else { BodyFlow::Continue }
            }
            BodyAction::HoldForTrailers => {
                replace_piece(BufferType::ResponseBody, size, unflushed);
                self.unflushed = unflushed.len();
                BodyFlow::HoldBuffered
            }
            BodyAction::Keep => BodyFlow::Continue,
            BodyAction::Reply(reply) => {
                self.reply(&reply);
                BodyFlow::Hold
            }
        }
    }

    /// The response ends with trailers.
    pub fn response_trailers(&mut self) -> HeadersFlow {
        if !self.is_active {
            return HeadersFlow::Continue;
        }
        // Whatever is still there leaves with the trailers.
        let unflushed = std::mem::take(&mut self.unflushed);
        let was_flushing = std::mem::take(&mut self.is_flushing);
        match self.exchange.response_trailers() {
            BodyAction::Forward | BodyAction::Flush if self.is_buffered => {
                let output = self.exchange.output();
                if !output.is_empty()
                    && let Err(refused) = host::timer::append_to_response(output)
                {
                    log::warn!("the host does not take the end of an answer ({refused:?})");
                }
                let written = output.len();
                if was_flushing
                    && unflushed == 0
                    && written > 0
                    && self.pause_for_flush(written) != BodyFlow::Continue
                {
                    return HeadersFlow::Hold;
                }
            }
            BodyAction::Forward | BodyAction::Flush => {
                let bytes = self.exchange.output().len();
                if bytes > 0 {
                    log::warn!("the end of an answer, {bytes} bytes, came too late for the host");
                }
            }
            BodyAction::Hold | BodyAction::HoldForTrailers | BodyAction::Keep => {}
            BodyAction::Reply(reply) => {
                self.reply(&reply);
                return HeadersFlow::Hold;
            }
        }
        HeadersFlow::Continue
    }

    /// Puts the output, behind what has not left before it, into the place of a piece of this size. Returns
    /// how much stands there now.
    fn send_output(&mut self, size: usize, unflushed: &[u8]) -> usize {
        let output = self.exchange.output();
        let written = unflushed.len() + output.len();
        if size > 0 || written > 0 {
            let set = match unflushed {
                [] => host::set_body(BufferType::ResponseBody, size, output),
                _ => host::set_body(BufferType::ResponseBody, size, &[unflushed, output].concat()),
            };
            if let Err(refused) = set {
                log::warn!("the host does not take a piece of an answer ({refused:?})");
            }
        }
        self.exchange.output_sent();
        written
    }

    /// The exchange is over: what happened goes to the access log and the metrics.
    pub fn log(&mut self) {
        let Some(report) = self.exchange.report() else { return };
        let config = self.exchange.config();
        if config.filter_state {
            report.describe(&mut |name, value| {
                if let Err(refused) = host::set_property(name, value) {
                    log::debug!("the host does not keep {name} ({refused:?})");
                }
            });
        }
        if config.metrics {
            report.measure(config, &mut |measurement| self.meters.add(measurement));
        }
    }
}

/// Takes a piece of a body away; what is to stay is put into its place.
fn replace_piece(body: BufferType, size: usize, stays: &[u8]) {
    if size > 0
        && let Err(refused) = host::set_body(body, size, stays)
    {
        log::error!("the host does not take bytes of a body away ({refused:?})");
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

/// Envoy chooses the route anew after a change of request headers.
fn change_headers(map: MapType, changes: &HeaderChanges) {
    for (name, value) in changes {
        if let Err(refused) = host::change_header(map, name, value.as_deref()) {
            log::warn!("the host does not take a change of header {name} ({refused:?})");
        }
    }
}
