//! HTTP/1.1 messages off a byte stream, with as little work as possible.
//!
//! Only what Envoy and this benchmark send each other: lower-case or canonical header names, bodies
//! with a length or in chunks.

/// A piece of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'b> {
    /// The start line and the headers, without the empty line.
    Head(&'b str),
    /// Bytes of the body.
    Body(&'b [u8]),
    /// The message is over.
    End,
}

/// Reads message after message.
#[derive(Debug, Default)]
pub struct Messages {
    state: State,
    /// The unfinished head or line.
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    /// In a body of known length, or in the data of a chunk.
    Data { left: usize, chunked: bool },
    /// At the line end behind the data of a chunk.
    ChunkEnd,
    /// In the line that says how long the next chunk is.
    ChunkSize,
    /// In the lines behind the last chunk.
    Trailer,
}

impl Messages {
    /// Takes the next bytes; `sink` gets what they hold.
    ///
    /// # Errors
    /// What is not HTTP, in a sentence.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut dyn FnMut(Part<'_>)) -> Result<(), String> {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Data { left, chunked } => {
                    let (data, rest) = bytes.split_at(left.min(bytes.len()));
                    sink(Part::Body(data));
                    self.state = match (left - data.len(), chunked) {
                        (0, true) => State::ChunkEnd,
                        (0, false) => self.end(sink),
                        (left, chunked) => State::Data { left, chunked },
                    };
                    rest
                }
                State::Head | State::ChunkSize | State::ChunkEnd | State::Trailer => {
                    self.push_line(bytes, sink)?
                }
            };
        }
        Ok(())
    }

    fn end(&self, sink: &mut dyn FnMut(Part<'_>)) -> State {
        sink(Part::End);
        State::Head
    }

    /// Takes bytes up to the end of a line, or of a head.
    fn push_line<'b>(
        &mut self,
        bytes: &'b [u8],
        sink: &mut dyn FnMut(Part<'_>),
    ) -> Result<&'b [u8], String> {
        let Some(at) = memchr::memchr(b'\n', bytes) else {
            self.line.extend_from_slice(bytes);
            return Ok(&[]);
        };
        let (line, rest) = bytes.split_at(at + 1);
        self.line.extend_from_slice(line);
        if self.state == State::Head && !self.line.ends_with(b"\r\n\r\n") {
            return Ok(rest);
        }
        let line = std::mem::take(&mut self.line);
        let text = std::str::from_utf8(&line).map_err(|_| "a line is not UTF-8")?.trim_end();
        self.state = match self.state {
            State::Head => {
                sink(Part::Head(text));
                match framing(text)? {
                    State::Data { left: 0, .. } => self.end(sink),
                    body => body,
                }
            }
            State::ChunkSize => {
                let size = text.split(';').next().unwrap_or_default();
                match usize::from_str_radix(size, 16) {
                    Ok(0) => State::Trailer,
                    Ok(left) => State::Data { left, chunked: true },
                    Err(_) => return Err(format!("{size:?} is no length of a chunk")),
                }
            }
            State::Trailer if text.is_empty() => self.end(sink),
            State::Trailer => State::Trailer,
            State::ChunkEnd | State::Data { .. } => State::ChunkSize,
        };
        Ok(rest)
    }
}

/// How the body behind this head is framed.
fn framing(head: &str) -> Result<State, String> {
    if let Some(length) = header(head, "content-length") {
        let left = length.parse().map_err(|_| format!("{length:?} is no content-length"))?;
        return Ok(State::Data { left, chunked: false });
    }
    match header(head, "transfer-encoding") {
        Some(_) => Ok(State::ChunkSize),
        None => Ok(State::Data { left: 0, chunked: false }),
    }
}

/// The value of a header.
pub fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
