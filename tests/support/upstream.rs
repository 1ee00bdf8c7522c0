//! The scripted upstream for tests: the server of `envoy/demo`, on a runtime of its own, blocking.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::runtime::Runtime;

#[path = "../../envoy/demo/chat/mod.rs"]
mod chat;

pub use chat::{Answer, Gate, Outcome, Request};

/// How long a test waits for something that must happen before it calls it missing.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running upstream; it ends when it is dropped.
pub struct Upstream {
    server: chat::Server,
    // Dropped after the test: the runtime takes its connections with it.
    runtime: Option<Runtime>,
}

impl Upstream {
    /// Starts one on a free port, without pauses in its unscripted answers.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = runtime.block_on(chat::Server::bind(any, Duration::ZERO)).expect("a port");
        Self { server, runtime: Some(runtime) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Queues an answer; each answers one request. Without one the conversation decides.
    pub fn push(&self, answer: Answer) {
        self.server.push(answer);
    }

    /// Has `script` answer what no queued answer is meant for. It gets the number of requests
    /// before this one, and the request.
    pub fn script(&self, script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static) {
        self.server.script(script);
    }

    /// Records no request from now on: there will be too many of them.
    pub fn record_nothing(&self) {
        self.server.record_nothing();
    }

    /// Forgets all requests and all answers.
    pub fn forget(&self) {
        self.server.forget();
    }

    /// A view of what it receives that may outlive it.
    pub fn recorder(&self) -> Recorder {
        Recorder(self.server.clone())
    }

    /// Everything it has received so far.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// The `index`-th request, waiting for it.
    pub fn request(&self, index: usize) -> Request {
        self.server
            .wait(PATIENCE, |log| log.requests.get(index).cloned())
            .unwrap_or_else(|| panic!("request {index} never reached the upstream"))
    }

    /// How the `index`-th answer ended, waiting for its end.
    pub fn outcome(&self, index: usize) -> Outcome {
        self.server
            .wait(PATIENCE, |log| log.outcomes.get(index).copied())
            .unwrap_or_else(|| panic!("answer {index} of the upstream never ended"))
    }
}

/// What an upstream has received, for those who come after it.
pub struct Recorder(chat::Server);

impl Recorder {
    /// Everything received so far.
    pub fn requests(&self) -> Vec<Request> {
        self.0.requests()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
