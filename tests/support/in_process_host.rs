//! A proxy-wasm host in this process: the functions that the filter imports, and Envoy's manners
//! around the callbacks that it exports.
//!
//! Each thread is a VM of its own, because the filter keeps its contexts per thread. The host is as
//! strict as Envoy (measured): headers that have left and bodies that were let go take no more writes,
//! and it ends a stream in the middle of the write that fills its buffer.
//! ABI: <https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1>

#![allow(unsafe_code, reason = "host and filter meet at C functions")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Mutex;

use super::support::drive::{self, Headers, header};

/// A connection's buffer where the advice of Envoy's makers for gateways is followed; what the host
/// buffers of a response must stay below it.
const BUFFER_MAX: usize = 32 << 10;

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;
const EMPTY: u32 = 7;
const UNIMPLEMENTED: u32 = 12;

const CONTINUE: u32 = 0;
const HOLD_BUFFERED: u32 = 1;
const HOLD: u32 = 3;

const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
const PLUGIN_CONFIGURATION: u32 = 7;

/// The number of the queue that a VM may have.
const QUEUE: u32 = 3;

const REQUEST_HEADERS: u32 = 0;
const RESPONSE_HEADERS: u32 = 2;

// What the filter exports.
unsafe extern "C" {
    fn _initialize();
    fn proxy_on_memory_allocate(size: usize) -> *mut u8;
    fn proxy_on_context_create(context: u32, root: u32);
    fn proxy_on_configure(context: u32, size: usize) -> bool;
    fn proxy_on_tick(root: u32);
    fn proxy_on_queue_ready(root: u32, queue: u32);
    fn proxy_on_request_headers(context: u32, count: usize, end_of_stream: bool) -> u32;
    fn proxy_on_request_body(context: u32, size: usize, end_of_stream: bool) -> u32;
    fn proxy_on_request_trailers(context: u32, count: usize) -> u32;
    fn proxy_on_response_headers(context: u32, count: usize, end_of_stream: bool) -> u32;
    fn proxy_on_response_body(context: u32, size: usize, end_of_stream: bool) -> u32;
    fn proxy_on_response_trailers(context: u32, count: usize) -> u32;
    fn proxy_on_log(context: u32);
    fn proxy_on_delete(context: u32);
}

thread_local! {
    static LAST_CONTEXT: Cell<u32> = const { Cell::new(0) };
    static HOST: RefCell<Host> = RefCell::new(Host::default());
}

/// Headers or a body as the host holds them.
#[derive(Debug, Default)]
struct Held<T> {
    value: T,
    /// Whether the filter may still change it.
    open: bool,
}

/// What the host functions read and write.
#[derive(Debug, Default)]
struct Host {
    configuration: Vec<u8>,
    request_headers: Held<Headers>,
    response_headers: Held<Headers>,
    request_body: Held<Vec<u8>>,
    response_body: Held<Vec<u8>>,
    /// Whether the host buffers the body, so that later writes go into its buffer.
    request_buffered: bool,
    response_buffered: bool,
    /// What the host takes in its buffer of a response.
    buffer_max: Option<usize>,
    /// The exchange that is being driven.
    context: u32,
    /// Whether the host has ended the exchange in the middle of a write.
    reset: bool,
    local_response: Option<LocalResponse>,
    /// Milliseconds that have passed since the start.
    passed_ms: u64,
    tick_period_ms: Option<u32>,
    /// The queue of the VM: numbers of contexts.
    queue: Option<VecDeque<Vec<u8>>>,
    /// The context for which calls are made.
    effective: Option<u32>,
    /// Whether the filter has let a paused response go.
    continued: bool,
    /// Whether that was since the last piece of the body.
    let_go: bool,
    log: Vec<String>,
    refused: Vec<&'static str>,
    refuses: Refuses,
}

/// What a host does not do although it should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refuses {
    /// It does everything.
    #[default]
    Nothing,
    /// It takes no changes of headers behind the header callbacks.
    LateHeaders,
    /// It neither gives nor takes bodies.
    Bodies,
    /// It gives no headers and takes none.
    Headers,
}

/// An answer that the filter made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocalResponse {
    pub status: u32,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// A VM with the filter in it, configured or not.
#[derive(Debug)]
pub struct Vm {
    root: u32,
    /// Whether the filter took its configuration.
    pub configured: bool,
}

/// A number that no context of this thread has.
fn next_context() -> u32 {
    LAST_CONTEXT.set(LAST_CONTEXT.get() + 1);
    LAST_CONTEXT.get()
}

impl Vm {
    /// Starts the filter with this plugin configuration. A thread has one VM at a time.
    pub fn start(configuration: &str) -> Self {
        static STARTING: Mutex<()> = Mutex::new(());
        let root = next_context();
        HOST.set(Host { configuration: configuration.into(), ..Host::default() });
        // The filter sets the logger of the whole process at the first start.
        let starting = STARTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // SAFETY: these are the filter's own functions, called as a host calls them.
        let configured = unsafe {
            _initialize();
            drop(starting);
            proxy_on_context_create(root, 0);
            proxy_on_configure(root, configuration.len())
        };
        Self { root, configured }
    }

    /// A new HTTP exchange.
    pub fn stream(&mut self) -> Stream {
        let context = next_context();
        // SAFETY: as above.
        unsafe { proxy_on_context_create(context, self.root) };
        HOST.with_borrow_mut(|host| {
            *host = Host {
                configuration: host.configuration.clone(),
                log: std::mem::take(&mut host.log),
                tick_period_ms: host.tick_period_ms,
                queue: host.queue.as_ref().map(|_| VecDeque::new()),
                context,
                ..Host::default()
            };
        });
        Stream { root: self.root, context, request_held: false, response_held: false }
    }

    /// Everything the filter has logged so far.
    pub fn log(&self) -> Vec<String> {
        HOST.with_borrow(|host| host.log.clone())
    }

    /// The host functions that were called too late.
    pub fn refused(&self) -> Vec<&'static str> {
        HOST.with_borrow(|host| host.refused.clone())
    }

    /// From now on the host refuses this.
    pub fn refuse(&self, refuses: Refuses) {
        HOST.with_borrow_mut(|host| host.refuses = refuses);
    }
}

/// One HTTP exchange on its way through the filter. Only the newest of a VM may be driven.
#[derive(Debug)]
pub struct Stream {
    root: u32,
    context: u32,
    request_held: bool,
    response_held: bool,
}

/// How far a callback let a message go.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing left the filter.
    Held,
    /// Headers have left, unless they had before, and these bytes of the body.
    Sent { headers: Option<Headers>, body: Vec<u8> },
    /// The filter answers by itself.
    Answered(LocalResponse),
}

impl Stream {
    /// From now on the host buffers no more than this of a response.
    pub fn buffer(&self, bytes_max: usize) {
        self.with(|host| host.buffer_max = Some(bytes_max));
    }

    /// Whether the host has ended the exchange in the middle of a write.
    pub fn is_reset(&self) -> bool {
        self.with(|host| host.reset)
    }

    /// The request's headers come.
    pub fn request_headers(&mut self, headers: &Headers, end_of_stream: bool) -> Step {
        self.with(|host| host.request_headers = Held { value: headers.clone(), open: true });
        // SAFETY: the filter's own function, called as a host calls it; so everywhere below.
        let action =
            unsafe { proxy_on_request_headers(self.context, headers.len(), end_of_stream) };
        self.request_held = true;
        self.request_step(action)
    }

    /// A piece of the request's body comes; while it is held, pieces add up.
    pub fn request_body(&mut self, piece: &[u8], end_of_stream: bool) -> Step {
        let size = self.with(|host| {
            host.request_body.value.extend_from_slice(piece);
            host.request_body.open = true;
            host.request_headers.open &= host.refuses != Refuses::LateHeaders;
            host.request_body.value.len()
        });
        let action = unsafe { proxy_on_request_body(self.context, size, end_of_stream) };
        self.with(|host| {
            host.request_buffered = action == HOLD_BUFFERED;
            let left = host.request_body.value.len();
            let lost = action == HOLD && left > 0 && !host.is_excused();
            assert!(!lost, "{left} bytes of a request are lost");
        });
        self.request_step(action)
    }

    /// The request ends with trailers.
    pub fn request_trailers(&mut self) -> Step {
        self.with(|host| host.request_body.open = host.request_buffered);
        let action = unsafe { proxy_on_request_trailers(self.context, 1) };
        self.request_step(action)
    }

    /// The response's headers come.
    pub fn response_headers(&mut self, headers: &Headers, end_of_stream: bool) -> Step {
        self.with(|host| host.response_headers = Held { value: headers.clone(), open: true });
        let action =
            unsafe { proxy_on_response_headers(self.context, headers.len(), end_of_stream) };
        self.response_held = true;
        self.response_step(action)
    }

    /// A piece of the response's body comes; while it is held, what the filter leaves of it adds up.
    pub fn response_body(&mut self, piece: &[u8], end_of_stream: bool) -> Step {
        let size = self.with(|host| {
            host.response_body.value.extend_from_slice(piece);
            host.response_body.open = true;
            host.response_headers.open &= host.refuses != Refuses::LateHeaders;
            host.response_body.value.len()
        });
        let action = unsafe { proxy_on_response_body(self.context, size, end_of_stream) };
        self.with(|host| {
            host.response_buffered = action == HOLD_BUFFERED;
            let left = host.response_body.value.len();
            // What is written then goes into a buffer at which nobody looks without another pause.
            let is_nowhere = std::mem::take(&mut host.let_go) && action == CONTINUE;
            let lost = (action == HOLD || is_nowhere) && left > 0 && !host.is_excused();
            assert!(!lost, "{left} bytes of a response are lost");
        });
        self.response_step(action)
    }

    /// The response ends with trailers. A body that was let go takes no more bytes.
    pub fn response_trailers(&mut self) -> Step {
        self.with(|host| host.response_body.open = host.response_buffered);
        let action = unsafe { proxy_on_response_trailers(self.context, 1) };
        self.with(|host| {
            let left = host.response_body.value.len();
            let is_nowhere = std::mem::take(&mut host.let_go) && action == CONTINUE;
            assert!(!is_nowhere || left == 0, "{left} bytes of a response are lost");
        });
        self.response_step(action)
    }

    /// The host wakes the filter for what waits in its queue, if anything does.
    pub fn queue_ready(&mut self) -> Step {
        if self.with(|host| host.queue.as_ref().is_some_and(|queue| !queue.is_empty())) {
            unsafe { proxy_on_queue_ready(self.root, QUEUE) };
        }
        self.continued_step()
    }

    /// Time passes; the host wakes the filter once, if it has been asked to. Gives the period.
    pub fn pass(&mut self, ms: u64) -> Option<(u32, Step)> {
        let period = self.with(|host| {
            host.passed_ms += ms;
            host.response_body.open = host.response_buffered;
            host.tick_period_ms
        })?;
        unsafe { proxy_on_tick(self.root) };
        if self.with(|host| host.local_response.is_some()) {
            assert_eq!(self.with(|host| host.effective.take()), Some(self.root));
            return Some((period, self.request_step(HOLD)));
        }
        Some((period, self.continued_step()))
    }

    /// What has left because the filter let a paused response go.
    fn continued_step(&mut self) -> Step {
        self.with(|host| assert_eq!(host.effective.take().unwrap_or(self.root), self.root));
        if !self.with(|host| std::mem::take(&mut host.continued)) {
            return Step::Held;
        }
        self.with(|host| host.let_go = true);
        self.response_step(CONTINUE)
    }

    /// The exchange is over.
    pub fn end(self) {
        unsafe {
            proxy_on_log(self.context);
            proxy_on_delete(self.context);
        }
    }

    fn with<T>(&self, use_host: impl FnOnce(&mut Host) -> T) -> T {
        HOST.with_borrow_mut(use_host)
    }

    fn request_step(&mut self, action: u32) -> Step {
        if let Some(answer) = self.with(|host| host.local_response.take()) {
            // Envoy sends its own and the filter's answers through the response callbacks too.
            let mut headers = answer.headers.clone();
            headers.insert(0, (":status".into(), answer.status.to_string()));
            let untouched = self.response_headers(&headers, false);
            assert_eq!(untouched, Step::Sent { headers: Some(headers), body: Vec::new() });
            let untouched = self.response_body(&answer.body, true);
            assert_eq!(untouched, Step::Sent { headers: None, body: answer.body.clone() });
            return Step::Answered(answer);
        }
        if action != CONTINUE {
            return Step::Held;
        }
        let first = std::mem::take(&mut self.request_held);
        self.with(|host| {
            host.request_headers.open = false;
            let headers = first.then(|| host.request_headers.value.clone());
            Step::Sent { headers, body: std::mem::take(&mut host.request_body.value) }
        })
    }

    fn response_step(&mut self, action: u32) -> Step {
        if let Some(answer) = self.with(|host| host.local_response.take()) {
            assert!(self.response_held, "an answer behind headers that have left cuts the stream");
            return Step::Answered(answer);
        }
        if action != CONTINUE {
            return Step::Held;
        }
        let first = std::mem::take(&mut self.response_held);
        self.with(|host| {
            host.response_headers.open = false;
            let headers = first.then(|| host.response_headers.value.clone());
            Step::Sent { headers, body: std::mem::take(&mut host.response_body.value) }
        })
    }
}

impl Host {
    /// Whether the filter need not take bytes away: it has answered, or this host refuses.
    fn is_excused(&self) -> bool {
        self.local_response.is_some() || self.refuses != Refuses::Nothing
    }

    fn headers(&mut self, map: u32) -> Option<&mut Held<Headers>> {
        match map {
            REQUEST_HEADERS => Some(&mut self.request_headers),
            RESPONSE_HEADERS => Some(&mut self.response_headers),
            _ => None,
        }
    }

    fn change(&mut self, map: u32, name: &str, value: Option<&str>) -> u32 {
        let refuses = self.refuses == Refuses::Headers;
        let headers = self.headers(map).filter(|headers| headers.open && !refuses);
        let Some(headers) = headers else {
            self.refused.push("change a header");
            return BAD_ARGUMENT;
        };
        let exists = header(&headers.value, name).is_some();
        match value {
            Some(value) if exists => {
                let found = headers.value.iter_mut().find(|(key, _)| key == name);
                found.expect("the header").1 = value.into();
            }
            Some(value) => headers.value.push((name.into(), value.into())),
            None => headers.value.retain(|(key, _)| key != name),
        }
        OK
    }

    fn body(&mut self, buffer: u32) -> Option<&mut Held<Vec<u8>>> {
        if self.refuses == Refuses::Bodies && buffer != PLUGIN_CONFIGURATION {
            return None;
        }
        match buffer {
            REQUEST_BODY => Some(&mut self.request_body),
            RESPONSE_BODY => Some(&mut self.response_body),
            _ => None,
        }
    }

    fn set_body(&mut self, buffer: u32, start: usize, size: usize, bytes: &[u8]) -> u32 {
        let buffered = buffer == RESPONSE_BODY && self.response_buffered;
        let Some(body) = self.body(buffer).filter(|body| body.open) else {
            self.refused.push("set a body");
            return BAD_ARGUMENT;
        };
        let length = body.value.len();
        let (start, end) = (start.min(length), start.saturating_add(size).min(length));
        body.value.splice(start..end, bytes.iter().copied());
        let length = body.value.len();
        self.reset = buffered && length > self.buffer_max.unwrap_or(BUFFER_MAX);
        OK
    }
}

/// Hands bytes over in memory that the filter allocated.
fn give(bytes: &[u8], data: *mut *mut u8, length: *mut usize) -> u32 {
    // SAFETY: the filter passes valid pointers and gives memory of the size that it is asked for.
    unsafe {
        let memory = proxy_on_memory_allocate(bytes.len());
        memory.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        *data = memory;
        *length = bytes.len();
    }
    OK
}

fn taken(data: *const u8, length: usize) -> Vec<u8> {
    if length == 0 {
        return Vec::new();
    }
    // SAFETY: the filter passes valid memory of this length.
    unsafe { std::slice::from_raw_parts(data, length) }.to_vec()
}

fn text(data: *const u8, length: usize) -> String {
    String::from_utf8(taken(data, length)).expect("the filter passes UTF-8")
}

fn serialized(headers: &Headers) -> Vec<u8> {
    let mut bytes = (headers.len() as u32).to_le_bytes().to_vec();
    for (name, value) in headers {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
    }
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

fn parsed(bytes: &[u8]) -> Headers {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4")) as usize;
    let count = if bytes.is_empty() { 0 } else { number(0) };
    let mut at = 4 + 8 * count;
    let mut next = |length: usize| {
        let text = String::from_utf8(bytes[at..at + length].to_vec()).expect("UTF-8");
        assert_eq!(bytes[at + length], 0);
        at += length + 1;
        text
    };
    let mut pair = |pair: usize| (next(number(4 + 8 * pair)), next(number(8 + 8 * pair)));
    (0..count).map(&mut pair).collect()
}

// What the filter imports, in so far as this host has it.

#[unsafe(no_mangle)]
extern "C" fn proxy_log(_level: u32, message: *const u8, size: usize) -> u32 {
    let message = text(message, size);
    // The filter's panic hook reports here, so that a failing test speaks through the host's log.
    if message.contains("panicked at") {
        eprintln!("{message}");
    }
    HOST.with(|host| {
        if let Ok(mut host) = host.try_borrow_mut() {
            host.log.push(message);
        }
    });
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32 {
    // SAFETY: the filter passes a valid pointer.
    unsafe {
        *time = (drive::START_MS + HOST.with_borrow(|host| host.passed_ms)) * 1_000_000;
    }
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_get_buffer_bytes(
    buffer: u32,
    start: usize,
    size: usize,
    data: *mut *mut u8,
    length: *mut usize,
) -> u32 {
    let bytes = HOST.with_borrow_mut(|host| match buffer {
        PLUGIN_CONFIGURATION => Some(host.configuration.clone()),
        _ => match host.body(buffer) {
            Some(body) if body.open => Some(body.value.clone()),
            Some(_) => {
                // Envoy would read memory that is not its own any more.
                host.refused.push("get a body");
                None
            }
            None => None,
        },
    });
    let Some(bytes) = bytes else { return BAD_ARGUMENT };
    let end = start.saturating_add(size).min(bytes.len());
    match bytes.get(start..end) {
        Some([]) | None => NOT_FOUND,
        Some(bytes) => give(bytes, data, length),
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_set_buffer_bytes(
    buffer: u32,
    start: usize,
    size: usize,
    data: *const u8,
    length: usize,
) -> u32 {
    let bytes = taken(data, length);
    let status = HOST.with_borrow_mut(|host| host.set_body(buffer, start, size, &bytes));
    let (reset, context) = HOST.with_borrow(|host| (host.reset, host.context));
    if reset {
        // This is what a dispatcher must survive: the end of the exchange inside its own callback.
        // SAFETY: the filter's own functions, called as a host calls them.
        unsafe {
            proxy_on_log(context);
            proxy_on_delete(context);
        }
    }
    status
}

#[unsafe(no_mangle)]
extern "C" fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, length: *mut usize) -> u32 {
    let bytes = HOST.with_borrow_mut(|host| {
        let refuses = host.refuses == Refuses::Headers;
        host.headers(map).filter(|_| !refuses).map(|headers| serialized(&headers.value))
    });
    bytes.map_or(BAD_ARGUMENT, |bytes| give(&bytes, data, length))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_replace_header_map_value(
    map: u32,
    key: *const u8,
    key_length: usize,
    value: *const u8,
    value_length: usize,
) -> u32 {
    let (key, value) = (text(key, key_length), text(value, value_length));
    HOST.with_borrow_mut(|host| host.change(map, &key, Some(&value)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_remove_header_map_value(map: u32, key: *const u8, key_length: usize) -> u32 {
    let key = text(key, key_length);
    HOST.with_borrow_mut(|host| host.change(map, &key, None))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_send_local_response(
    status: u32,
    _details: *const u8,
    _details_length: usize,
    body: *const u8,
    body_length: usize,
    headers: *const u8,
    headers_length: usize,
    _grpc_status: i32,
) -> u32 {
    let answer = LocalResponse {
        status,
        headers: parsed(&taken(headers, headers_length)),
        body: taken(body, body_length),
    };
    HOST.with_borrow_mut(|host| host.local_response = Some(answer));
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_set_tick_period_milliseconds(period: u32) -> u32 {
    HOST.with_borrow_mut(|host| host.tick_period_ms = Some(period).filter(|ms| *ms > 0));
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_register_shared_queue(name: *const u8, length: usize, queue: *mut u32) -> u32 {
    assert!(!text(name, length).is_empty());
    HOST.with_borrow_mut(|host| host.queue = Some(VecDeque::new()));
    // SAFETY: the filter passes a valid pointer.
    unsafe { *queue = QUEUE };
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_enqueue_shared_queue(queue: u32, data: *const u8, length: usize) -> u32 {
    HOST.with_borrow_mut(|host| match &mut host.queue {
        Some(waiting) if queue == QUEUE => {
            waiting.push_back(taken(data, length));
            OK
        }
        _ => NOT_FOUND,
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_dequeue_shared_queue(
    queue: u32,
    data: *mut *mut u8,
    length: *mut usize,
) -> u32 {
    assert_eq!(queue, QUEUE);
    let next = HOST.with_borrow_mut(|host| host.queue.as_mut().and_then(VecDeque::pop_front));
    next.map_or(EMPTY, |bytes| give(&bytes, data, length))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_set_effective_context(context: u32) -> u32 {
    HOST.with_borrow_mut(|host| host.effective = Some(context));
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_continue_stream(stream: u32) -> u32 {
    const RESPONSE: u32 = 1;
    assert_eq!(stream, RESPONSE);
    HOST.with_borrow_mut(|host| {
        assert_eq!(host.effective, Some(host.context), "on behalf of the exchange");
        host.continued = true;
    });
    OK
}

/// Functions that the filter calls and this host does not have.
macro_rules! unimplemented_by_this_host {
    ($($name:ident)+) => {
        $(#[unsafe(no_mangle)]
        extern "C" fn $name() -> u32 {
            UNIMPLEMENTED
        })+
    };
}

unimplemented_by_this_host! {
    proxy_add_header_map_value
    proxy_call_foreign_function
    proxy_close_stream
    proxy_define_metric
    proxy_done
    proxy_get_header_map_value
    proxy_get_log_level
    proxy_get_metric
    proxy_get_property
    proxy_get_shared_data
    proxy_get_status
    proxy_grpc_call
    proxy_grpc_cancel
    proxy_grpc_close
    proxy_grpc_send
    proxy_grpc_stream
    proxy_http_call
    proxy_increment_metric
    proxy_record_metric
    proxy_resolve_shared_queue
    proxy_set_header_map_pairs
    proxy_set_property
    proxy_set_shared_data
}
