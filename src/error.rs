//! What went wrong, by whose fault, and how clients are told.
//!
//! Every failure ends as an OpenAI error object: over HTTP before a stream has begun, inside
//! `response.failed` after that. [`Class`] is the one table from kind of failure to status, `type` and
//! `code`; the codes are those that the Codex CLI and the SDKs act on, because a wrong one makes
//! clients retry what cannot succeed or give up what could.

use crate::json;

/// The kind of a failure. See [`Class::status`] and [`Class::code`] for what clients see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The key is missing or wrong.
    Authentication,
    /// The conversation does not fit the model's context window. Codex compacts on this one.
    ContextLengthExceeded,
    /// The account has no money or allowance left; waiting does not help.
    InsufficientQuota,
    /// A request that cannot succeed as it is.
    InvalidRequest,
    /// HTTP method or endpoint that exists, but not for this request.
    MethodNotAllowed,
    /// The upstream does not serve this model.
    ModelNotFound,
    /// Nothing answers at this path.
    NotFound,
    /// The upstream has no capacity for this model just now.
    Overloaded,
    /// The key is good, but not for this.
    PermissionDenied,
    /// A content policy stopped the request.
    Policy,
    /// Too many requests or tokens for now; waiting helps.
    RateLimitExceeded,
    /// The body is larger than a configured limit.
    RequestTooLarge,
    /// The upstream failed, or what it sent is no answer.
    Server,
    /// A gateway before the upstream failed (502).
    BadGateway,
    /// The upstream is not reachable (503).
    Unavailable,
    /// The upstream did not answer in time (504).
    Timeout,
}

impl Class {
    /// The HTTP status, the `type` and the `code` of this class.
    const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Authentication => (401, "authentication_error", "invalid_api_key"),
            Self::ContextLengthExceeded => {
                (400, "invalid_request_error", "context_length_exceeded")
            }
            Self::InsufficientQuota => (429, "insufficient_quota", "insufficient_quota"),
            Self::InvalidRequest => (400, "invalid_request_error", "invalid_request_error"),
            Self::MethodNotAllowed => (405, "invalid_request_error", "method_not_allowed"),
            Self::ModelNotFound => (404, "invalid_request_error", "model_not_found"),
            Self::NotFound => (404, "invalid_request_error", "not_found"),
            Self::Overloaded => (503, "server_error", "server_is_overloaded"),
            Self::PermissionDenied => (403, "permission_error", "permission_denied"),
            Self::Policy => (400, "invalid_request_error", "content_filter"),
            Self::RateLimitExceeded => (429, "rate_limit_error", "rate_limit_exceeded"),
            Self::RequestTooLarge => (413, "invalid_request_error", "request_too_large"),
            Self::Server => (500, "server_error", "server_error"),
            Self::BadGateway => (502, "server_error", "server_error"),
            Self::Unavailable => (503, "server_error", "server_error"),
            Self::Timeout => (504, "server_error", "server_error"),
        }
    }

    /// The HTTP status to answer with when headers can still be written.
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// The `error.code` of an HTTP answer.
    pub const fn code(self) -> &'static str {
        self.row().2
    }

    /// The `type` of the error object.
    pub const fn error_type(self) -> &'static str {
        self.row().1
    }

    /// The `error.code` inside `response.failed`.
    ///
    /// Codex retries every code it does not know five times (measured), so failures that no retry
    /// can mend carry `invalid_prompt`, which it shows verbatim and does not retry.
    pub const fn stream_code(self) -> &'static str {
        match self {
            Self::Authentication
            | Self::InvalidRequest
            | Self::MethodNotAllowed
            | Self::ModelNotFound
            | Self::NotFound
            | Self::PermissionDenied
            | Self::Policy
            | Self::RequestTooLarge => "invalid_prompt",
            Self::ContextLengthExceeded
            | Self::InsufficientQuota
            | Self::Overloaded
            | Self::RateLimitExceeded
            | Self::Server
            | Self::BadGateway
            | Self::Unavailable
            | Self::Timeout => self.code(),
        }
    }
}

/// A failure as the client will see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What kind of failure this is.
    pub class: Class,
    /// A code more exact than the class's own, such as `previous_response_not_found`.
    pub code: Option<String>,
    /// What happened and what to do about it. Never holds content of the conversation.
    pub message: String,
    /// The request field at fault, such as `input[3].content`.
    pub param: Option<String>,
    /// Seconds after which a retry may succeed; becomes `Retry-After`.
    pub retry_after_s: Option<u64>,
}

/// The failure of a request that is refused. It passes through many hands that only hand it on, so it is one
/// word.
pub type Refused = Box<ApiError>;

/// The failure of a request whose field at `param` is at fault.
#[inline(never)]
pub fn refused(param: &str, message: String, code: &str) -> Refused {
    Box::new(ApiError::invalid(param, message).with_code(code))
}

impl ApiError {
    /// A failure of this class with nothing but a message.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, code: None, message: message.into(), param: None, retry_after_s: None }
    }

    /// A 400 that names the field at fault.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(Class::InvalidRequest, message) }
    }

    /// The same failure with a code more exact than the class's own.
    pub fn with_code(self, code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// The HTTP status to answer with.
    pub fn status(&self) -> u16 {
        self.class.status()
    }

    /// The `error.code` of an HTTP answer.
    pub fn code(&self) -> &str {
        self.code.as_deref().unwrap_or(self.class.code())
    }

    /// The body of an HTTP answer: `{"error":{…}}` with all four keys (API reference, errors).
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.message.len());
        json::object(&mut out, |body| {
            body.object("error", |error| {
                error.str("message", &self.message);
                error.str("type", self.class.error_type());
                error.optional_str("param", self.param.as_deref());
                error.str("code", self.code());
            });
        });
        out
    }
}
