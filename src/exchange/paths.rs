//! Which requests are for the filter, and where they go.

use super::{Headers, Reply, header};
use crate::error::{ApiError, Class};
use crate::json::search;
use crate::translate::request::Endpoint;

/// A request that is to be translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which endpoint it is for.
    pub endpoint: Endpoint,
    /// What stands before `/responses`.
    prefix: String,
    /// The query with its `?`, or nothing.
    query: String,
}

/// What becomes of a request, from its headers alone.
pub enum Decision {
    /// It is none of the filter's business.
    Pass,
    /// It cannot be served.
    Refuse(Reply),
    /// It is to be translated.
    Translate(Target),
    /// It asks for the list of models.
    List(Target),
}

impl Target {
    /// Decides about a request by its method and path.
    pub fn of(headers: &Headers<'_>) -> Decision {
        let path = header(headers, ":path").unwrap_or_default();
        let method = header(headers, ":method").unwrap_or_default();
        let (path, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
        let is_post = method == "POST";
        if let Some(prefix) = path.strip_suffix("/responses") {
            if is_websocket(headers) {
                return refuse(426, "WebSocket is not supported here; use POST over HTTP.");
            }
            return if is_post {
                translate(Endpoint::Responses, prefix, query)
            } else {
                refuse(405, "Only POST is supported here.")
            };
        }
        if let Some(prefix) = path.strip_suffix("/responses/compact")
            && is_post
        {
            return translate(Endpoint::Compact, prefix, query);
        }
        if let Some(prefix) = path.strip_suffix("/models")
            && method == "GET"
        {
            let (prefix, query) = (prefix.to_owned(), query.to_owned());
            return Decision::List(Self { endpoint: Endpoint::Responses, prefix, query });
        }
        let stored = search::rsplit_once(path, "/responses/").map_or("", |(_, rest)| rest);
        if stored.starts_with("resp_") || stored == "input_tokens" {
            return refuse(
                404,
                "Responses are not stored here, so they cannot be fetched, cancelled or deleted, \
                 and tokens cannot be counted. Send the whole conversation as `input`.",
            );
        }
        Decision::Pass
    }

    /// Where the request goes: `path` if there is one, otherwise the client's path with its suffix
    /// replaced. The client's query stays, behind that of `path`.
    pub fn upstream_path(&self, path: Option<&str>) -> String {
        match path {
            Some(path) => joined(path, self.query.trim_start_matches('?')),
            None => [&self.prefix, "/chat/completions", &self.query].concat(),
        }
    }

    /// Where the list of models is: beside the chat completions. What Codex puts into the query is
    /// left out, because some servers refuse what they do not know.
    pub fn upstream_list_path(&self, path: Option<&str>) -> String {
        let (path, own) = path.map_or(("", ""), |path| path.split_once('?').unwrap_or((path, "")));
        let query = self.query.strip_prefix('?').unwrap_or_default();
        let kept: Vec<&str> = own
            .split('&')
            .chain(query.split('&'))
            .filter(|part| !part.is_empty() && !part.starts_with("client_version="))
            .collect();
        let prefix = path.strip_suffix("/chat/completions").unwrap_or(&self.prefix);
        joined(&format!("{prefix}/models"), &search::join(&kept, "&"))
    }
}

/// A path, which may have a query, with one more query.
fn joined(path: &str, query: &str) -> String {
    let separator = match path.contains('?') {
        _ if query.is_empty() => "",
        true => "&",
        false => "?",
    };
    [path, separator, query].concat()
}

fn translate(endpoint: Endpoint, prefix: &str, query: &str) -> Decision {
    Decision::Translate(Target { endpoint, prefix: prefix.to_owned(), query: query.to_owned() })
}

fn is_websocket(headers: &Headers<'_>) -> bool {
    header(headers, "upgrade").is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
        || header(headers, ":protocol").is_some_and(|p| p.eq_ignore_ascii_case("websocket"))
}

/// 426 makes Codex fall back to HTTP at once, where 404 costs it seven seconds (measured).
#[cold]
fn refuse(status: u16, message: &str) -> Decision {
    let class = if status == 404 { Class::NotFound } else { Class::MethodNotAllowed };
    let mut reply = Reply::error(&ApiError::new(class, message));
    reply.status = status;
    match status {
        405 => reply.headers.push(("allow", "POST".to_owned())),
        426 => reply.headers.push(("upgrade", "HTTP/1.1".to_owned())),
        _ => {}
    }
    Decision::Refuse(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(method: &str, path: &str) -> Decision {
        let headers = [(":method".into(), method.into()), (":path".into(), path.into())];
        Target::of(&headers)
    }

    #[test]
    fn the_suffix_is_replaced_and_the_rest_stays() {
        for (path, upstream) in [
            ("/v1/responses", "/v1/chat/completions"),
            ("/responses", "/chat/completions"),
            ("/openai/v1/responses?api-version=1", "/openai/v1/chat/completions?api-version=1"),
            ("/v1/responses/compact", "/v1/chat/completions"),
        ] {
            match decide("POST", path) {
                Decision::Translate(target) => assert_eq!(target.upstream_path(None), upstream),
                _ => panic!("{path}"),
            }
        }
    }

    #[test]
    fn a_configured_path_replaces_all_but_the_query() {
        match decide("POST", "/v1/responses?x=1") {
            Decision::Translate(target) => {
                assert_eq!(target.upstream_path(Some("/api/chat")), "/api/chat?x=1");
                assert_eq!(target.upstream_path(Some("/c?v=2")), "/c?v=2&x=1");
            }
            _ => panic!(),
        }
    }

    #[test]
    fn the_list_of_models_stands_beside_chat_completions() {
        for (path, configured, upstream) in [
            ("/v1/models?client_version=0.169.0", None, "/v1/models"),
            ("/v1/models?a=1&client_version=0&b=2", None, "/v1/models?a=1&b=2"),
            ("/v1/models", Some("/api/v3/chat/completions"), "/api/v3/models"),
            ("/v1/models", Some("/chat"), "/v1/models"),
            ("/v1/models", Some("/o/chat/completions?v=2"), "/o/models?v=2"),
            ("/v1/models?a=1", Some("/o/chat/completions?v=2"), "/o/models?v=2&a=1"),
        ] {
            match decide("GET", path) {
                Decision::List(target) => {
                    assert_eq!(target.upstream_list_path(configured), upstream);
                }
                _ => panic!("{path}"),
            }
        }
    }

    #[test]
    fn other_paths_pass() {
        for (method, path) in [
            ("POST", "/v1/chat/completions"),
            ("POST", "/v1/models"),
            ("GET", "/v1/models/m"),
            ("POST", "/v1/myresponses"),
            ("POST", "/v1/responses2"),
            ("GET", "/survey/responses/17"),
            ("POST", "/v1/chat?next=/responses"),
        ] {
            assert!(matches!(decide(method, path), Decision::Pass), "{method} {path}");
        }
    }

    #[test]
    fn what_needs_a_store_is_refused() {
        for (method, path, status) in [
            ("GET", "/v1/responses/resp_1", 404),
            ("DELETE", "/v1/responses/resp_1", 404),
            ("POST", "/v1/responses/resp_1/cancel", 404),
            ("GET", "/v1/responses/resp_1/input_items?limit=1", 404),
            ("POST", "/v1/responses/input_tokens", 404),
            ("GET", "/v1/responses", 405),
        ] {
            match decide(method, path) {
                Decision::Refuse(reply) => assert_eq!(reply.status, status, "{method} {path}"),
                _ => panic!("{method} {path}"),
            }
        }
    }
}
