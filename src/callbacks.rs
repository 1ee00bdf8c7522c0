//! What the host calls: the functions of the ABI, under the names that it looks for.
//!
//! The host may call back while it is being called. A write that fills its buffer makes it end the
//! stream on the spot, and the calls that end it arrive in the middle of the callback that wrote. Hence a
//! callback takes its exchange out of the table, and one that is called for it meanwhile finds nothing
//! and does nothing. (A dispatcher that panics there takes the whole host with it, measured with Envoy
//! 1.36 to 1.40; the public SDK does, which is why it is not used.)
//!
//! ABI: <https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1>
#![allow(unsafe_code, reason = "the host finds these functions by their names")]

use std::cell::RefCell;
use std::rc::Rc;

use crate::filter::{Filter, Root};
use crate::host::{self, BodyFlow, HeadersFlow};
use crate::sorted::SortedMap;

/// What lives between callbacks. Numbers are the host's, which grow: a new context comes last.
#[derive(Default)]
struct Contexts {
    /// One per plugin configuration in this VM.
    roots: SortedMap<u32, Rc<Root>>,
    /// `None` while a callback is using it.
    exchanges: SortedMap<u32, Option<Box<Filter>>>,
}

thread_local! {
    static CONTEXTS: RefCell<Contexts> = RefCell::default();
}

/// Runs a callback of an exchange. Nothing is borrowed meanwhile.
fn exchange<T>(context: u32, otherwise: T, callback: impl FnOnce(&mut Filter) -> T) -> T {
    host::begin_callback();
    let taken = CONTEXTS
        .with_borrow_mut(|contexts| contexts.exchanges.value_mut(&context).and_then(Option::take));
    let Some(mut filter) = taken else { return otherwise };
    let result = callback(&mut filter);
    CONTEXTS.with_borrow_mut(|contexts| {
        // Without a place the host has deleted the exchange meanwhile.
        if let Some(place) = contexts.exchanges.value_mut(&context) {
            *place = Some(filter);
        }
    });
    result
}

/// The host understands version 0.2.1 of the ABI by this name.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// The VM starts.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    #[cfg(target_os = "wasi")]
    {
        unsafe extern "C" {
            fn __wasm_call_ctors();
        }
        // SAFETY: the linker makes this function for exactly this place, and the host calls us once.
        unsafe { __wasm_call_ctors() };
    }
    host::open_log();
}

/// The host wants memory in which it hands something over; [`host`] takes it back as a `Vec`.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    host::allocate(size)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_root: u32, _size: usize) -> bool {
    true
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, size: usize) -> bool {
    let Some(configured) = Root::configured(&host::plugin_configuration(size)) else {
        return false;
    };
    CONTEXTS.with_borrow_mut(|contexts| contexts.roots.insert(root, Rc::new(configured)));
    true
}

/// Time has passed: some clients may have heard nothing for too long, some requests may hang.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    let timed: Vec<u32> = CONTEXTS.with_borrow(|contexts| {
        let is_timed = |filter: &Option<Box<Filter>>| filter.as_ref().is_some_and(|f| f.is_timed());
        let exchanges = contexts.exchanges.iter().filter(|(_, filter)| is_timed(filter));
        exchanges.map(|(context, _)| *context).collect()
    });
    for context in timed {
        exchange(context, (), |filter| filter.tick(root));
    }
    let own = CONTEXTS.with_borrow(|contexts| contexts.roots.get(&root).cloned());
    own.iter().for_each(|root| root.rest());
}

/// A queue of this VM has something: exchanges with pieces that are to leave.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_queue_ready(root: u32, queue: u32) {
    while let Some(context) = host::timer::dequeue(queue) {
        exchange(context, (), |filter| filter.flush(root));
    }
}

/// A root context has no parent, every other context is an exchange.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    let root = CONTEXTS.with_borrow(|contexts| contexts.roots.get(&root).cloned());
    if let Some(root) = root {
        let filter = Box::new(root.exchange(context));
        CONTEXTS.with_borrow_mut(|contexts| contexts.exchanges.insert(context, Some(filter)));
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _: usize, end_of_stream: bool) -> HeadersFlow {
    exchange(context, HeadersFlow::Continue, |filter| filter.request_headers(end_of_stream))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, size: usize, end_of_stream: bool) -> BodyFlow {
    exchange(context, BodyFlow::Continue, |filter| filter.request_body(size, end_of_stream))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, _: usize) -> HeadersFlow {
    exchange(context, HeadersFlow::Continue, Filter::request_trailers)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(
    context: u32,
    _: usize,
    end_of_stream: bool,
) -> HeadersFlow {
    exchange(context, HeadersFlow::Continue, |filter| filter.response_headers(end_of_stream))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(context: u32, size: usize, end_of_stream: bool) -> BodyFlow {
    exchange(context, BodyFlow::Continue, |filter| filter.response_body(size, end_of_stream))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(context: u32, _: usize) -> HeadersFlow {
    exchange(context, HeadersFlow::Continue, Filter::response_trailers)
}

/// The exchange is over; access logs are written next.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context: u32) {
    exchange(context, (), Filter::log);
}

/// There is no `proxy_on_done`: an exchange has nothing to wait for, and a host calls only what it finds.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    let deleted = CONTEXTS.with_borrow_mut(|contexts| {
        (contexts.roots.remove(&context), contexts.exchanges.remove(&context))
    });
    drop(deleted);
}
