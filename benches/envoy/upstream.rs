//! The upstream: answers every request with the script of the moment, much cheaper than Envoy.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use super::answer::Script;
use super::http1::{Messages, Part};

/// A running upstream.
#[derive(Clone, Debug)]
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    script: Mutex<Option<(Arc<Script>, Duration)>>,
    /// Pieces of answers sent so far.
    events: AtomicU64,
    /// Whether the next request is to be kept.
    keeps: AtomicBool,
    request: Mutex<Vec<u8>>,
}

impl Upstream {
    /// Starts one on a free port, on the threads of `runtime`.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(runtime: &Handle) -> Result<Self, String> {
        let bind = TcpListener::bind(("127.0.0.1", 0));
        let listener = runtime.block_on(bind).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let state = Arc::new(State::default());
        let upstream = Self { address, state: Arc::clone(&state) };
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                // A connection that Envoy closes ends its task with an error nobody needs.
                tokio::spawn(async move { serve(stream, &state).await });
            }
        });
        Ok(upstream)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on every request gets this answer, with this pause between its writes.
    pub fn script(&self, script: Arc<Script>, pause: Duration) {
        *self.state.script.lock().unwrap_or_else(PoisonError::into_inner) = Some((script, pause));
    }

    /// How many pieces of answers have been sent so far.
    pub fn events(&self) -> u64 {
        self.state.events.load(Ordering::Relaxed)
    }

    /// Keeps the body of the next request.
    pub fn keep_next(&self) {
        self.state.keeps.store(true, Ordering::SeqCst);
    }

    /// The body that was kept.
    pub fn kept(&self) -> Vec<u8> {
        self.state.request.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut messages = Messages::default();
    let mut buffer = vec![0; 128 << 10];
    let mut body = Vec::new();
    let mut keeps = false;
    loop {
        let size = stream.read(&mut buffer).await?;
        if size == 0 {
            return Ok(());
        }
        let mut ended = false;
        messages
            .push(buffer.get(..size).unwrap_or_default(), &mut |part| match part {
                Part::Head(_) => keeps = state.keeps.swap(false, Ordering::SeqCst),
                Part::Body(bytes) if keeps => body.extend_from_slice(bytes),
                Part::Body(_) => {}
                Part::End => ended = true,
            })
            .map_err(std::io::Error::other)?;
        if ended {
            if keeps {
                let mut kept = state.request.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = std::mem::take(&mut body);
            }
            answer(&mut stream, state).await?;
        }
    }
}

async fn answer(stream: &mut TcpStream, state: &State) -> std::io::Result<()> {
    let script = state.script.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some((script, pause)) = script else { return Ok(()) };
    let mut next = Instant::now();
    for write in &script.writes {
        if !pause.is_zero() {
            sleep_until(next).await;
            next += pause;
        }
        state.events.fetch_add(write.events, Ordering::Relaxed);
        stream.write_all(&write.bytes).await?;
    }
    Ok(())
}
