//! The request's side of an exchange.

use std::mem;

use super::list::List;
use super::native::Native;
use super::paths::{Decision, Target};
use super::report::Operation;
use super::way::Way;
use super::{
    Exchange, HeaderChanges, Headers, Incoming, Phase, Reply, RequestBodyAction,
    RequestHeadersAction, Waiting, header, keep_effective,
};
use crate::config::{ModelList, Upstream, Wire};
use crate::error::{ApiError, Class};
use crate::json::document::is_document;
use crate::translate::body::Body;
use crate::translate::request::{Context, Endpoint};

impl Exchange {
    /// Request headers have come; `end_of_stream` says that no body will follow.
    pub fn request_headers(
        &mut self,
        headers: &Headers<'_>,
        end_of_stream: bool,
    ) -> RequestHeadersAction {
        self.phase = Phase::Over;
        let decision = Target::of(headers);
        if let Decision::Pass = decision {
            return RequestHeadersAction::Pass;
        }
        header(headers, ":authority").unwrap_or_default().clone_into(&mut self.authority);
        if self.enter_scope().is_none() {
            return RequestHeadersAction::Pass;
        }
        let action = match decision {
            Decision::Pass => return RequestHeadersAction::Pass,
            Decision::Refuse(reply) => self.refuse(reply),
            Decision::List(target) => self.list(&target),
            Decision::Translate(target) if end_of_stream => self.refuse_empty(&target),
            Decision::Translate(target) => self.await_body(target, headers),
        };
        action.unwrap_or_else(|error| {
            self.report.refused(&error);
            RequestHeadersAction::Reply(Reply::error(&error))
        })
    }

    /// What needs a store that an upstream with the same API may have.
    #[cold]
    fn refuse(&mut self, reply: Reply) -> Result<RequestHeadersAction, ApiError> {
        let way = self.choose(None)?;
        if self.wire(&way) == Wire::Responses {
            return Ok(self.pass(way.changes));
        }
        Ok(RequestHeadersAction::Reply(reply))
    }

    #[cold]
    fn refuse_empty(&mut self, target: &Target) -> Result<RequestHeadersAction, ApiError> {
        self.report.begin(Operation::from(target.endpoint));
        Err(ApiError::new(Class::InvalidRequest, "The request has no body; send JSON."))
    }

    /// Lets a request go with these changes and looks at nothing else of it.
    fn pass(&mut self, changes: HeaderChanges) -> RequestHeadersAction {
        self.phase = Phase::Over;
        RequestHeadersAction::Change(changes)
    }

    #[inline(never)]
    fn list(&mut self, target: &Target) -> Result<RequestHeadersAction, ApiError> {
        if self.config.model_list == ModelList::Pass {
            return Ok(RequestHeadersAction::Pass);
        }
        self.report.begin(Operation::Models);
        let way = self.choose(None)?;
        if let Some(chosen) = self.config.upstreams.get(way.upstream) {
            self.report.upstream(&chosen.name);
        }
        let list = List::new(&self.config, way.upstream, self.subject(None));
        if self.config.model_list == ModelList::Configured {
            let reply = list.reply(&self.config);
            self.report.completed();
            return Ok(RequestHeadersAction::Reply(reply));
        }
        let mut changes = way.changes;
        changes.extend([
            // What is compressed cannot be read, and what the client has is not what upstreams send.
            ("accept-encoding".into(), Some("identity".to_owned())),
            ("if-none-match".into(), None),
            ("if-modified-since".into(), None),
        ]);
        let upstream = self.config.upstreams.get(way.upstream);
        changes.push((":path".into(), Some(target.upstream_list_path(upstream.and_then(path)))));
        self.phase = Phase::List(list);
        Ok(RequestHeadersAction::Translate { changes, hold: false })
    }

    fn await_body(
        &mut self,
        target: Target,
        headers: &Headers<'_>,
    ) -> Result<RequestHeadersAction, ApiError> {
        self.report.begin(Operation::from(target.endpoint));
        self.is_codex = ["originator", "user-agent"]
            .iter()
            .any(|name| header(headers, name).is_some_and(|value| value.starts_with("codex")));
        // Compressed answers could not be read.
        let mut changes: HeaderChanges =
            vec![("accept-encoding".into(), Some("identity".to_owned()))];
        let hold = self.config.hold_headers;
        let mut upstream = None;
        if !hold {
            // A stale length would cut the new body.
            changes.push(("content-length".into(), None));
            let way = self.choose((self.router.model)().as_deref())?;
            changes.extend(way.changes);
            if let Some(chosen) = self.config.upstreams.get(way.upstream) {
                self.report.upstream(&chosen.name);
                changes.extend(new_path(&target, chosen));
            }
            upstream = Some(way.upstream);
        }
        keep_effective(&mut changes, headers);
        let is_buffered = header(headers, "trailer").is_some();
        let mut content_type = vec![("content-type".into(), Some("application/json".to_owned()))];
        keep_effective(&mut content_type, headers);
        let body = Vec::new();
        self.phase = Phase::Request(Incoming { target, upstream, content_type, body, is_buffered });
        Ok(RequestHeadersAction::Translate { changes, hold })
    }

    /// The host holds the request's headers and never lets them go: the answer to give instead.
    #[cold]
    pub fn never_released(&mut self) -> Reply {
        self.phase = Phase::Over;
        let error = ApiError::new(
            Class::Unavailable,
            "The proxy holds the request's headers and never lets them go. Its operator has to set \
             `allow_on_headers_stop_iteration: true`, or `\"hold_headers\": false`.",
        );
        self.report.refused(&error);
        Reply::error(&error)
    }

    /// A piece of the request body has come.
    ///
    /// It is collected here and not by the host, whose buffer has a limit.
    pub fn request_body(&mut self, piece: Vec<u8>, end_of_stream: bool) -> RequestBodyAction {
        let limits = &self.config.limits;
        match &mut self.phase {
            Phase::Request(incoming) if incoming.is_buffered && !end_of_stream => {
                RequestBodyAction::HoldBuffered
            }
            Phase::Request(incoming) => {
                // Where a filter in front adds trailers, as a decompressor does, the last piece is
                // empty and not marked as the last one.
                let is_last = end_of_stream || piece.is_empty() && incoming.is_whole();
                incoming.push(piece);
                if !is_last && incoming.body.len() <= limits.request_bytes_max {
                    return RequestBodyAction::Hold;
                }
                self.request_end()
            }
            _ => RequestBodyAction::Forward { changes: Vec::new(), body: piece },
        }
    }

    /// The request ends with trailers. `body` is what the host has buffered of its body.
    pub fn request_trailers(&mut self, body: Vec<u8>) -> RequestBodyAction {
        match &mut self.phase {
            Phase::Request(incoming) if incoming.is_buffered => {
                incoming.push(body);
                self.request_end()
            }
            Phase::Request(_) => {
                // Behind its body the host takes no other one any more.
                self.phase = Phase::Over;
                let error = ApiError::new(
                    Class::InvalidRequest,
                    "The request ends with trailers that it has not announced. Send none, or name \
                     them in a `trailer` header.",
                );
                self.report.refused(&error);
                RequestBodyAction::Reply(Reply::error(&error))
            }
            _ => RequestBodyAction::Forward { changes: Vec::new(), body },
        }
    }

    /// All of the request has come, or more than is taken.
    fn request_end(&mut self) -> RequestBodyAction {
        let Phase::Request(incoming) = mem::replace(&mut self.phase, Phase::Over) else {
            return RequestBodyAction::Hold;
        };
        self.report.sent(self.clock);
        match self.forward(incoming) {
            Ok(action) => action,
            Err(error) => {
                self.report.refused(&error);
                RequestBodyAction::Reply(Reply::error(&error))
            }
        }
    }

    fn forward(&mut self, mut incoming: Incoming) -> Result<RequestBodyAction, ApiError> {
        let Incoming { target, upstream, body, .. } = &incoming;
        let upstream = *upstream;
        let read = Body::read(body, &self.config.limits)?;
        let model = read.model();
        self.report.model(model.as_deref());
        let way = match upstream {
            Some(upstream) => Way { upstream, changes: Vec::new() },
            None => self.choose(model.as_deref())?,
        };
        let config = std::rc::Rc::clone(&self.config);
        let Some(chosen) = config.upstreams.get(way.upstream) else {
            return Err(ApiError::new(Class::Server, "The filter has no upstream profile."));
        };
        self.report.upstream(&chosen.name);
        let body = match chosen.wire {
            Wire::Responses if read.names_models() => {
                return Err(ApiError::invalid("model", "`model` comes twice; send it once."));
            }
            Wire::Responses => self.forward_native(&read, model, body, chosen),
            Wire::Chat => {
                let context = Context {
                    dialect: &chosen.dialect,
                    limits: &chosen.limits,
                    strictness: chosen.strictness,
                    endpoint: target.endpoint,
                    model: &|model| chosen.models.upstream_name(model),
                    default_model: chosen.models.default_model(),
                    stream: chosen.stream,
                };
                let mut translated = read.translate(&context)?;
                self.report.translated(&translated);
                let body = mem::take(&mut translated.chat);
                let waiting = Waiting { translated, upstream: way.upstream };
                self.phase = Phase::Waiting(Box::new(waiting));
                body
            }
        };
        let mut changes = way.changes;
        if upstream.is_none() {
            changes.extend(new_path(target, chosen));
            changes.push(("content-length".into(), Some(body.len().to_string())));
            changes.append(&mut incoming.content_type);
        }
        Ok(RequestBodyAction::Forward { changes, body })
    }

    /// For an upstream that speaks the API itself only the model may get another name.
    #[inline(never)]
    fn forward_native(
        &mut self,
        read: &Body<'_>,
        model: Option<String>,
        body: &[u8],
        upstream: &Upstream,
    ) -> Vec<u8> {
        let renamed = match &model {
            Some(model) => Some(upstream.models.upstream_name(model)),
            None => upstream.models.default_model().map(str::to_owned),
        };
        let is_renamed = renamed != model;
        self.report.upstream_model(renamed.as_deref());
        self.phase =
            Phase::Native(Box::new(Native::new(upstream.limits.event_bytes_max, is_renamed)));
        match renamed {
            Some(renamed) if is_renamed => read.with_model(&renamed),
            _ => body.to_vec(),
        }
    }

    fn wire(&self, way: &Way) -> Wire {
        self.config.upstreams.get(way.upstream).map_or(Wire::Chat, |upstream| upstream.wire)
    }
}

impl Incoming {
    fn push(&mut self, piece: Vec<u8>) {
        if self.body.is_empty() {
            self.body = piece;
        } else {
            self.body.extend_from_slice(&piece);
        }
    }

    fn is_whole(&self) -> bool {
        is_document(&self.body)
    }
}

/// The change of the path for this upstream, if there is one.
fn new_path(
    target: &Target,
    upstream: &Upstream,
) -> Option<(std::borrow::Cow<'static, str>, Option<String>)> {
    let path = match (upstream.wire, path(upstream)) {
        (Wire::Responses, None) => return None,
        (_, path) => target.upstream_path(path),
    };
    Some((":path".into(), Some(path)))
}

fn path(upstream: &Upstream) -> Option<&str> {
    upstream.path.as_deref()
}

impl From<Endpoint> for Operation {
    fn from(endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::Responses => Self::Responses,
            Endpoint::Compact => Self::Compact,
        }
    }
}
