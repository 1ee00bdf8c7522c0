//! The way of a model list: read whole, answered with one that all clients can read.

use super::response::status;
use super::{BodyAction, Headers, Reply, ResponseHeadersAction, header};
use crate::config::{Config, Subject};
use crate::models::Listing;
use crate::sse::Nesting;

/// A list that has been asked for.
pub struct List {
    /// Positions of the profiles whose names are listed; the first one is asked.
    upstreams: Vec<usize>,
    body: Vec<u8>,
    bytes_max: usize,
    /// Where the list ends.
    nesting: Nesting,
    /// Whether the answer is out.
    written: bool,
}

impl List {
    /// Nothing has been read of it yet.
    pub fn new(config: &Config, asked: usize, subject: Subject<'_>) -> Self {
        let mut upstreams = vec![asked];
        for other in config.reachable(subject) {
            if !upstreams.contains(&other) {
                upstreams.push(other);
            }
        }
        let chosen = config.upstreams.get(asked);
        let bytes_max = chosen.map_or(0, |upstream| upstream.limits.event_bytes_max);
        Self { upstreams, body: Vec::new(), bytes_max, nesting: Nesting::default(), written: false }
    }

    /// The list of the configuration alone.
    pub fn reply(&self, config: &Config) -> Reply {
        let body = self.listing(config).configured().unwrap_or_else(|| EMPTY.to_vec());
        Reply { status: 200, headers: vec![("content-type", "application/json".to_owned())], body }
    }

    /// The headers of the upstream's answer.
    ///
    /// # Errors
    /// What is wrong with an answer that is no failure of the upstream's, or nothing for one that is.
    #[inline(never)]
    pub fn headers(
        &self,
        headers: &Headers<'_>,
        end_of_stream: bool,
        config: &Config,
    ) -> Result<ResponseHeadersAction, &'static str> {
        let status = status(headers);
        let is_plain = header(headers, "content-encoding").is_none_or(|encoding| {
            encoding.is_empty() || encoding.eq_ignore_ascii_case("identity")
        });
        match status {
            200 if is_plain && !end_of_stream => {
                // The answer is not held: it may be larger than what the host takes while paused.
                Ok(ResponseHeadersAction::Forward(vec![
                    ("content-length".into(), None),
                    ("content-encoding".into(), None),
                    ("content-type".into(), Some("application/json".to_owned())),
                    ("etag".into(), None),
                    ("last-modified".into(), None),
                ]))
            }
            // The upstream has no such endpoint, or no answer that can be read.
            200 | 204 | 404 | 405 | 501 if self.listing(config).configured().is_some() => {
                Ok(ResponseHeadersAction::Reply(self.reply(config)))
            }
            200 if end_of_stream => Err("The upstream sent an empty list of models."),
            200 => Err("The upstream compressed its list of models although it was asked not to."),
            _ => Err(""),
        }
    }

    /// A piece of the upstream's list, or its end. The new list goes out as soon as the old one is
    /// whole, because a host that brings trailers takes no bytes behind the last piece.
    pub fn body(
        &mut self,
        chunk: &[u8],
        end_of_stream: bool,
        config: &Config,
        out: &mut Vec<u8>,
    ) -> BodyAction {
        out.clear();
        if self.written {
            return BodyAction::Forward;
        }
        let room = self.bytes_max.saturating_sub(self.body.len());
        let kept = chunk.get(..room).unwrap_or(chunk);
        self.body.extend_from_slice(kept);
        let was_closed = self.nesting.is_closed();
        self.nesting.read(kept);
        let has_come = !was_closed && self.nesting.is_closed();
        let merged = if has_come { self.listing(config).merged(&self.body) } else { None };
        if let Some(merged) = merged {
            out.extend_from_slice(&merged);
        } else if end_of_stream || chunk.is_empty() {
            log::warn!("an upstream's list of models cannot be read");
            out.extend_from_slice(&self.reply(config).body);
        } else {
            return BodyAction::Forward;
        }
        self.written = true;
        self.body = Vec::new();
        BodyAction::Forward
    }

    /// Whether the answer is out.
    pub fn is_written(&self) -> bool {
        self.written
    }

    fn listing<'c>(&self, config: &'c Config) -> Listing<'c> {
        let upstreams = self.upstreams.iter().filter_map(|at| config.upstreams.get(*at)).collect();
        Listing { upstreams, catalog: &config.catalog }
    }
}

/// What is left when nobody names a model.
const EMPTY: &[u8] = br#"{"object":"list","data":[],"models":[]}"#;
