//! What kind of failure an upstream reports, and how soon a retry may succeed.
//!
//! Upstreams agree on nothing here: the same text comes under 400, 413, 429 and 500, codes are
//! words, numbers or missing. Status, codes and text decide together, by the one table [`RULES`].
//! Clients act on the class that comes out: a wrong one makes them retry what cannot succeed, or
//! give up what could.

mod delay;
mod hints;
mod report;

use std::borrow::Cow;

use self::report::{Report, matches};
use super::repair::repair;
use super::value::{self, Kind};
use crate::dialect::chunk::{BaseResp, Chunk, Groq};
use crate::error::{ApiError, Class};
use crate::json::search;

/// One row of the table: a class and the signals for it.
struct Rule {
    class: Class,
    /// Statuses under which the row counts; all, if empty. 0 stands for an error without a status,
    /// as it comes in a stream.
    statuses: &'static [u16],
    /// Words in a code or type, without punctuation and in lower case.
    codes: &'static [&'static str],
    /// Codes that are numbers.
    numbers: &'static [u64],
    /// Words in the text, in lower case; `*` stands for up to 80 characters.
    texts: &'static [&'static str],
    /// Texts that speak against it.
    unless: &'static [&'static str],
}

const ANY: Rule =
    Rule { class: Class::Server, statuses: &[], codes: &[], numbers: &[], texts: &[], unless: &[] };

/// From signals to classes; the first row that matches counts. A row without codes, numbers and
/// texts goes by the status alone.
static RULES: [Rule; 29] = [
    Rule { class: Class::Authentication, statuses: &[401], ..ANY },
    Rule { class: Class::InsufficientQuota, statuses: &[402], ..ANY },
    Rule {
        class: Class::InsufficientQuota,
        codes: &[
            "insufficientquota",
            "exceededcurrentquota",
            "insufficientcredits",
            "insufficientbalance",
            "spendlimitexceeded",
            "usagelimitexceeded",
            "creditbalanceexhausted",
            "usagenotincluded",
            "arrearage",
        ],
        numbers: &[1113, 1008],
        ..ANY
    },
    Rule {
        class: Class::Overloaded,
        codes: &["overloaded", "slowdown"],
        numbers: &[529, 1305],
        ..ANY
    },
    // Some text of a rate limit speaks of tokens like an overflow: the code decides (Groq 413).
    Rule {
        class: Class::RateLimitExceeded,
        codes: &[
            "ratelimit",
            "limitrequests",
            "limitburstrate",
            "throttl",
            "resourceexhausted",
            "toomanyrequests",
        ],
        numbers: &[1002, 1302, 1303, 3040],
        texts: &["too many tokens, please wait", "tokens per min"],
        ..ANY
    },
    Rule {
        class: Class::ContextLengthExceeded,
        codes: &["contextlengthexceeded", "exceedcontextsize", "contextwindow", "requesttoolarge"],
        ..ANY
    },
    Rule {
        class: Class::ContextLengthExceeded,
        texts: &CONTEXT_TEXTS,
        unless: &["max_tokens*is too large", "max_completion_tokens*is too large"],
        ..ANY
    },
    Rule {
        class: Class::Policy,
        codes: &[
            "contentfilter",
            "contentpolicy",
            "responsibleai",
            "datainspectionfailed",
            "cyberpolicy",
        ],
        numbers: &[1026, 1027, 1301],
        texts: &[
            "content management policy",
            "inappropriate content",
            "content policy",
            "your input was flagged",
            "violates usage guidelines",
        ],
        ..ANY
    },
    // Accidents of sampling: the next try may succeed.
    Rule {
        class: Class::Server,
        codes: &["toolusefailed", "outputparsefailed"],
        texts: &["tool call validation failed", "failed to parse tool call"],
        ..ANY
    },
    Rule {
        class: Class::Overloaded,
        statuses: &[0, 429, 500, 502, 503, 504, 529],
        texts: &["overloaded", "at capacity", "too busy", "server is busy"],
        ..ANY
    },
    Rule {
        class: Class::InsufficientQuota,
        texts: &[
            "insufficient balance",
            "insufficient_quota",
            "insufficient credits",
            "credit balance",
            "credit limit",
            "余额不足",
        ],
        ..ANY
    },
    Rule {
        class: Class::InsufficientQuota,
        statuses: &[0, 403, 429, 500],
        texts: &["credits"],
        unless: &["rate limit"],
        ..ANY
    },
    Rule {
        class: Class::Authentication,
        codes: &["invalidapikey", "authentication", "unauthenticated", "unauthorized"],
        numbers: &[1004],
        texts: &["api key not valid", "invalid api key", "incorrect api key"],
        ..ANY
    },
    Rule {
        class: Class::ModelNotFound,
        codes: &["modelnotfound", "nosuchmodel"],
        numbers: &[5007],
        texts: &[
            "model*not found",
            "model*does not exist",
            "model not exist",
            "unknown model",
            "no such model",
            "no endpoints found",
            "not a valid model",
            "invalid model:",
            "invalid model name",
            "invalid model id",
        ],
        ..ANY
    },
    Rule { class: Class::ModelNotFound, statuses: &[404], texts: &["model"], ..ANY },
    Rule { class: Class::NotFound, statuses: &[404], ..ANY },
    Rule { class: Class::NotFound, texts: &["unexpected endpoint or method"], ..ANY },
    // Templates raise the same error for the same messages, whatever the status says.
    Rule {
        class: Class::InvalidRequest,
        texts: &[
            "jinja",
            "raise_exception",
            "roles must alternate",
            "system message must be at the beginning",
        ],
        ..ANY
    },
    Rule { class: Class::PermissionDenied, statuses: &[403], ..ANY },
    Rule {
        class: Class::PermissionDenied,
        statuses: &[0],
        codes: &["permission", "forbidden", "accessdenied"],
        ..ANY
    },
    Rule { class: Class::RateLimitExceeded, statuses: &[429], ..ANY },
    Rule {
        class: Class::RateLimitExceeded,
        statuses: &[0],
        texts: &["rate limit", "too many requests"],
        ..ANY
    },
    Rule { class: Class::RequestTooLarge, statuses: &[413], ..ANY },
    Rule { class: Class::Timeout, statuses: &[408, 504, 522, 524], ..ANY },
    Rule { class: Class::MethodNotAllowed, statuses: &[405], ..ANY },
    Rule { class: Class::BadGateway, statuses: &[502, 520, 521, 523, 525, 526, 530], ..ANY },
    Rule { class: Class::Unavailable, statuses: &[503], ..ANY },
    Rule {
        class: Class::InvalidRequest,
        statuses: &[0],
        codes: &[
            "invalidrequest",
            "badrequest",
            "invalidargument",
            "invalidparameter",
            "invalidprompt",
            "validation",
            "unprocessable",
            "unsupported",
        ],
        ..ANY
    },
    Rule {
        class: Class::InvalidRequest,
        statuses: &[0],
        texts: &["extra inputs are not permitted", "invalid params"],
        ..ANY
    },
];

/// How upstreams say that the conversation does not fit the context window.
static CONTEXT_TEXTS: [&str; 33] = [
    "maximum context length",
    "exceeds the context size",
    "exceeds the available context size",
    "exceeds the context window",
    "exceeds the available context window",
    "exceeds the model's context",
    "context window exceeds limit",
    "context length exceeded",
    "exceed context limit",
    "prompt is too long",
    "prompt too long",
    "maximum prompt length is",
    "token count*exceeds",
    "number of tokens in the prompt cannot exceed",
    "range of input length should be",
    "exceeded model token limit",
    "too large for model with*maximum context length",
    "longer than the model's context length",
    "tokens to keep from the initial prompt",
    "keep the first*tokens when context",
    "reduce the length of the messages",
    "reduce the length of the input",
    "tokens in request more than max tokens allowed",
    "length of prompt_tokens*must be less than",
    "`inputs` tokens + `max_new_tokens` must be <=",
    "`inputs` must have less than",
    "input is too long for requested model",
    "input length and*max_tokens*exceed context limit",
    "input length and `max_tokens` exceed",
    "input too long*limit is",
    "context_length_exceeded",
    "超过最大长度",
    "上下文长度",
];

/// Codes that are worth more to clients than the code of their class.
static KEPT_CODES: [&str; 22] = [
    "account_deactivated",
    "array_above_max_length",
    "content_policy_violation",
    "credit_balance_exhausted",
    "cyber_policy",
    "image_parse_error",
    "integer_above_max_value",
    "integer_below_min_value",
    "invalid_image",
    "invalid_image_format",
    "invalid_type",
    "invalid_value",
    "missing_required_parameter",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "slow_down",
    "string_above_max_length",
    "unknown_parameter",
    "unsupported_country_region_territory",
    "unsupported_parameter",
    "unsupported_value",
    "usage_not_included",
];

/// Longer texts are cut.
const MESSAGE_BYTES_MAX: usize = 2048;

/// The failure in an HTTP answer that is no success.
///
/// `headers` have lower-case names; `body` may be cut, and may be anything. `now_s` counts from 1970
/// and is needed for delays that come as dates.
pub fn classify(
    status: u16,
    headers: &[(Cow<'_, str>, Cow<'_, str>)],
    body: &[u8],
    now_s: u64,
) -> ApiError {
    let report = Report::read(body);
    let delay_s = delay::from_headers(headers, now_s, report.delay_s());
    api_error(status, &report, delay_s)
}

/// The failure in an event or document of an answer that began as a success. `data` is the whole
/// event, or the error object in it.
pub fn in_stream(data: &[u8]) -> ApiError {
    let report = Report::read(data);
    let delay_s = report.delay_s();
    api_error(report.status().unwrap_or(0), &report, delay_s)
}

/// The failure in a document under status 200 that is no completion: an error object, or no JSON
/// at all. `None` for everything that may be an answer.
pub fn is_error_document(body: &[u8]) -> Option<ApiError> {
    let body = body.trim_ascii();
    let repaired = match body.first()? {
        b'<' | b'"' => return Some(in_stream(body)),
        _ => repair(body),
    };
    let document = value::document(&repaired)?;
    let first = value::objects(Some(document.root())).next();
    let chunk = value::object::<Chunk<'_>>(first)?;
    is_error(b"", &chunk).then(|| in_stream(body))
}

/// True for an event that says that something failed (E1). `error: null` says nothing.
pub fn is_error(event: &[u8], chunk: &Chunk<'_>) -> bool {
    let resp = value::object::<BaseResp<'_>>(chunk.base_resp);
    let status = resp.and_then(|resp| value::number(resp.status_code));
    let groq = value::object::<Groq<'_>>(chunk.x_groq).and_then(|groq| groq.error);
    if value::is_news(chunk.error) || value::is_news(groq) || status.is_some_and(|code| code != 0) {
        return true;
    }
    if chunk.is_completion() || chunk.result.is_some() {
        return false;
    }
    let says_error = |raw| value::word(raw).as_deref() == Some("error");
    let message = chunk.message.is_some_and(|message| message.kind() == Kind::String);
    event == b"error"
        || says_error(chunk.object)
        || says_error(chunk.kind)
        || message
        || value::is_news(chunk.detail)
        || value::is_news(chunk.errors)
}

fn api_error(status: u16, report: &Report, delay_s: Option<u64>) -> ApiError {
    let class = class(status, report);
    let waiting_helps =
        matches!(class, Class::RateLimitExceeded | Class::Overloaded | Class::Unavailable);
    let retry_after_s = delay_s.filter(|_| waiting_helps);
    let mut message = report.message(status, MESSAGE_BYTES_MAX);
    if let Some(seconds) = retry_after_s.filter(|_| class == Class::RateLimitExceeded) {
        delay::say(&mut message, seconds);
    }
    if let Some(hint) = hints::find(class, report) {
        message.push_str(" Hint: ");
        message.push_str(&hint);
    }
    let code = report.code().filter(|code| KEPT_CODES.contains(code)).map(str::to_owned);
    ApiError { class, code, message, param: report.param.clone(), retry_after_s }
}

#[inline(never)]
fn class(status: u16, report: &Report) -> Class {
    // Cerebras answers an overflow so.
    if status == 413 && report.is_empty() {
        return Class::ContextLengthExceeded;
    }
    let matching = RULES.iter().find(|rule| rule.matches(status, report));
    match (matching, status) {
        (Some(rule), _) => rule.class,
        (None, 300..400) => Class::BadGateway,
        (None, 400..500) => Class::InvalidRequest,
        (None, _) => Class::Server,
    }
}

impl Rule {
    #[inline(never)]
    fn matches(&self, status: u16, report: &Report) -> bool {
        if !self.statuses.is_empty() && !self.statuses.contains(&status) {
            return false;
        }
        let in_text = |texts: &[&str]| texts.iter().any(|text| matches(&report.searched, text));
        let by_status = self.codes.is_empty() && self.numbers.is_empty() && self.texts.is_empty();
        let has_code =
            self.codes.iter().any(|word| report.codes.iter().any(|c| search::contains(c, word)));
        let has_number = self.numbers.iter().any(|number| report.numbers.contains(number));
        (by_status || has_code || has_number || in_text(self.texts)) && !in_text(self.unless)
    }
}
