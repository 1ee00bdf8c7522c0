//! The load: connections that send the same request again and again and check every answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http1::{Messages, Part};

/// What one exchange took, from the first byte of the request.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    pub ended: Instant,
    pub first_byte: Duration,
    pub total: Duration,
}

/// What every answer must be like: that of the sample which has been read completely.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Ids and times differ, their lengths do not.
    pub length: usize,
    pub end: &'static [u8],
}

/// A request as it goes over the wire.
pub fn wire(path: &str, body: &str) -> Bytes {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer sk-bench\r\n\
         user-agent: bench\r\naccept: text/event-stream\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    );
    format!("{head}{body}").into()
}

/// One connection.
pub struct Connection {
    stream: TcpStream,
    messages: Messages,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens; so for all that follow, when the connection breaks.
    pub async fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, messages: Messages::default(), buffer: vec![0; 128 << 10] })
    }

    /// Sends the request and gives every piece of the answer's body to `body`.
    pub async fn exchange(
        &mut self,
        request: &Bytes,
        body: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Exchange, String> {
        let start = Instant::now();
        self.stream.write_all(request).await.map_err(|error| error.to_string())?;
        let (mut first_byte, mut ended, mut status) = (None, false, String::new());
        while !ended {
            let read = self.stream.read(&mut self.buffer).await;
            let size = read.map_err(|error| error.to_string())?;
            if size == 0 {
                return Err("Envoy closed the connection in the middle of an answer".to_owned());
            }
            let bytes = self.buffer.get(..size).unwrap_or_default();
            self.messages.push(bytes, &mut |part| match part {
                Part::Head(head) => {
                    head.lines().next().unwrap_or_default().clone_into(&mut status);
                }
                Part::Body(bytes) => {
                    first_byte.get_or_insert_with(|| start.elapsed());
                    body(bytes);
                }
                Part::End => ended = true,
            })?;
        }
        if !status.starts_with("HTTP/1.1 200") {
            return Err(format!("the answer is {status:?}"));
        }
        let total = start.elapsed();
        let first_byte = first_byte.unwrap_or(total);
        Ok(Exchange { ended: Instant::now(), first_byte, total })
    }

    /// Sends the request and checks the answer.
    pub async fn checked(
        &mut self,
        request: &Bytes,
        expected: &Expected,
    ) -> Result<Exchange, String> {
        let (mut length, mut end) = (0, Vec::with_capacity(2 * expected.end.len()));
        let exchange = self
            .exchange(request, &mut |bytes| {
                length += bytes.len();
                let tail = bytes.len().saturating_sub(expected.end.len());
                end.extend_from_slice(bytes.get(tail..).unwrap_or_default());
                let surplus = end.len().saturating_sub(expected.end.len());
                end.drain(..surplus);
            })
            .await?;
        if length != expected.length || end != expected.end {
            return Err(format!(
                "an answer has {length} bytes and ends with {:?}; the sample had {}",
                String::from_utf8_lossy(&end),
                expected.length
            ));
        }
        Ok(exchange)
    }
}

/// Sends the request on one connection until `stop`, checking each answer.
///
/// # Errors
/// What was wrong with an answer.
pub async fn run(
    address: SocketAddr,
    request: Bytes,
    expected: Expected,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Exchange>, String> {
    let mut connection = Connection::open(address).await?;
    let mut exchanges = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        exchanges.push(connection.checked(&request, &expected).await?);
    }
    Ok(exchanges)
}
