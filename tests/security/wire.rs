//! Both ends of Envoy as plain sockets, and a reader that allows one way only to frame a message.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::upstream::PATIENCE;

/// A message as it stood on the wire.
#[derive(Clone, Debug)]
pub struct Message {
    /// The first line.
    pub start: String,
    /// Header names in lower case and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl Message {
    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let of_name = self.headers.iter().filter(|(known, _)| known == name);
        of_name.map(|(_, value)| value.as_str()).collect()
    }

    /// The path of a request.
    pub fn path(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }
}

/// Reads the next message; `None` at the end of the connection. A response without framing is read to that
/// end.
///
/// # Errors
/// What two readers could frame differently.
pub fn read(connection: &mut impl BufRead) -> Result<Option<Message>, String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
            return if lines.is_empty() { Ok(None) } else { Err(format!("cut: {lines:?}")) };
        }
        let line = line.strip_suffix("\r\n").ok_or_else(|| format!("a bare line end: {line:?}"))?;
        if line.contains(['\r', '\0']) {
            return Err(format!("a control character: {line:?}"));
        }
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let start = lines.remove(0);
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("no header: {line:?}"))?;
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-_!#$%&'*+.^`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!("no header: {line:?}"));
        }
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut message = Message { start, headers, body: Vec::new() };
    match (message.all("content-length").as_slice(), message.all("transfer-encoding").as_slice()) {
        ([length], []) => {
            let length = length.parse().map_err(|_| format!("content-length: {length}"))?;
            message.body.resize(length, 0);
            connection.read_exact(&mut message.body).map_err(|error| error.to_string())?;
        }
        ([], ["chunked"]) => message.body = read_chunks(connection)?,
        ([], []) => {}
        both => return Err(format!("framed twice: {both:?}")),
    }
    Ok(Some(message))
}

fn read_chunks(connection: &mut impl BufRead) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        connection.read_line(&mut size).map_err(|error| error.to_string())?;
        let digits = size.strip_suffix("\r\n").unwrap_or("none");
        let size = usize::from_str_radix(digits, 16).map_err(|_| format!("chunk: {size:?}"))?;
        let mut chunk = vec![0; size + 2];
        connection.read_exact(&mut chunk).map_err(|error| error.to_string())?;
        if !chunk.ends_with(b"\r\n") {
            return Err("a chunk is longer than it says".to_owned());
        }
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

/// An upstream that tells what it reads, and answers everything alike.
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    received: Receiver<Result<Message, String>>,
    answer: Arc<Mutex<String>>,
}

/// What it says.
const COMPLETION: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}"#;

impl Upstream {
    /// Starts one that answers with a completion.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, received) = channel();
        let upstream = Self { address, received, answer: Arc::default() };
        upstream.answer_with(&format!("content-length: {}\r\n\r\n{COMPLETION}", COMPLETION.len()));
        let answer = Arc::clone(&upstream.answer);
        // It ends with the process; nobody waits for it.
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (sender, answer) = (sender.clone(), Arc::clone(&answer));
                thread::spawn(move || serve(connection, &sender, &answer));
            }
        });
        upstream
    }

    /// From now on answers with these headers and this body behind a status line and a content type.
    pub fn answer_with(&self, rest: &str) {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        *self.answer.lock().expect("a lock") = format!("{head}{rest}");
    }

    /// The next request, waiting for it.
    pub fn request(&self) -> Message {
        let request = self.received.recv_timeout(PATIENCE).expect("a request");
        request.unwrap_or_else(|ambiguous| panic!("{ambiguous}"))
    }

    /// Fails if there is another request.
    #[track_caller]
    pub fn has_no_more(&self) {
        if let Ok(more) = self.received.try_recv() {
            panic!("another request: {more:?}");
        }
    }
}

fn serve(connection: TcpStream, sender: &Sender<Result<Message, String>>, answer: &Mutex<String>) {
    let mut connection = BufReader::new(connection);
    while let Some(message) = read(&mut connection).transpose() {
        let is_readable = message.is_ok();
        let told = sender.send(message).is_ok();
        let answer = answer.lock().expect("a lock").clone();
        let answered = connection.get_mut().write_all(answer.as_bytes()).is_ok();
        if !(is_readable && told && answered) {
            break;
        }
    }
}

/// Opens a connection.
pub fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    let connection = TcpStream::connect(address).expect("a connection");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    BufReader::new(connection)
}

/// Sends bytes as they are and reads the answer to them.
pub fn send(connection: &mut BufReader<TcpStream>, bytes: &[u8]) -> Message {
    connection.get_mut().write_all(bytes).expect("a connection");
    read(connection).unwrap_or_else(|ambiguous| panic!("{ambiguous}")).expect("an answer")
}

/// A request with this path and these further header lines, framed by its length.
pub fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: envoy\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
