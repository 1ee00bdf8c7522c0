//! Responses API in front, Chat Completions behind: an HTTP filter for Envoy and Higress.
//!
//! Clients speak the OpenAI Responses API, upstreams speak only Chat Completions. The filter rewrites
//! `POST …/responses` to `POST …/chat/completions` and the answer, chunk by chunk, back. Envoy keeps
//! what it is good at: TLS, authentication, routing, retries, load balancing. The filter has no
//! network code.
//!
//! # The way of an exchange
//!
//! ```text
//!            callbacks                bytes and headers
//!   Envoy <─────────────> filter <─────────────────────────> exchange
//!                        (shell)                                │
//!      request   Responses JSON ──> translate::request ──────────────────────────> Chat JSON
//!      answer    Chat SSE or JSON ──> sse ──> dialect::deltas ──> translate::stream ──> Responses SSE
//!                                    Frame            Delta        (state machine)       or JSON
//! ```
//!
//! A streamed and a whole answer take the same way and differ only in the sink of the events, so one
//! place decides about order, ids, status and usage. The item that `output_item.done` carries is the
//! very value that goes into the final output.
//!
//! # Layers
//!
//! | layer | knows | does not know |
//! |---|---|---|
//! | [`exchange`] | HTTP, one exchange as a state machine | the host |
//! | [`config`] | what an operator may say | what it is for |
//! | [`translate`] | both APIs | any upstream by name |
//! | [`dialect`] | how upstreams differ | the Responses API |
//! | [`responses`], [`chat`] | the vocabulary of one API each | decisions |
//! | [`sse`], [`ids`], [`error`] | their own subject, JSON | everything else |
//! | [`json`], [`sorted`] | JSON (RFC 8259), a map of few entries | everything else |
//!
//! An upper layer uses lower ones, never the reverse. The shell stands above all of them:
//! `callbacks` is what the host calls, `host` what it is asked, and `filter` does between them what an
//! [`exchange`] decides. Only the shell knows proxy-wasm; it is left out without the feature `filter`.
//!
//! # What is deliberately absent
//!
//! * No I/O, clock or randomness in the core: the same inputs give the same bytes. A clock and a seed
//!   come in by value.
//! * No dependence on how the upstream's bytes were cut into chunks.
//! * No second terminal event, and none missing: after `response.created` exactly one follows,
//!   whatever the upstream does, as far as the host lets the filter write.
//! * No executable half of a call. A call leaves as a finished item only when its arguments are known
//!   to be whole: another item has begun and they are one JSON object, or the answer has ended well.
//! * No panic: it would kill the VM of the worker and every stream on it. Lints deny what can panic.
//! * No buffer without a limit from [`config::Limits`].
//! * No content, header value or key in a log.
//! * No silent loss: what Chat Completions cannot express is translated, dropped under a documented
//!   rule and reported, or refused with an error that names the field.
//!
//! # Where a change goes
//!
//! | change | place |
//! |---|---|
//! | a new upstream | a record in `dialect/presets.json` and a fixture |
//! | a new quirk | a field of [`dialect::Dialect`], honoured where answers become deltas or requests are written |
//! | a new input item or part | a variant and its type in `responses/`; the compiler points at [`translate`] |
//! | a new tool kind | a variant of [`translate::tools::ToolKind`]; the compiler points at the rest |
//! | a new parameter | a field of the request, a line in [`translate::request`] |
//! | a new error wording | a row in [`dialect::errors`] and a case |

pub mod exchange;

pub mod config;
pub mod models;
pub mod translate;

pub mod dialect;

pub mod chat;
pub mod responses;

pub mod error;
pub mod ids;
pub mod json;
pub mod sorted;
pub mod sse;

#[cfg(feature = "filter")]
mod callbacks;
#[cfg(feature = "filter")]
mod filter;
#[cfg(feature = "filter")]
mod host;
