//! Host calls for what happens between the callbacks of a stream.

use std::ptr::null_mut;

use super::{BufferType, Refused, done, owned};

unsafe extern "C" {
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_register_shared_queue(name: *const u8, length: usize, queue: *mut u32) -> u32;
    fn proxy_enqueue_shared_queue(queue: u32, data: *const u8, length: usize) -> u32;
    fn proxy_dequeue_shared_queue(queue: u32, data: *mut *mut u8, length: *mut usize) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        size: usize,
        data: *const u8,
        length: usize,
    ) -> u32;
}

/// Asks for a root context's `proxy_on_tick` every so many milliseconds.
///
/// # Errors
/// When the host has no timers.
pub fn set_tick_period_ms(period: u32) -> Result<(), Refused> {
    // SAFETY: only numbers are passed.
    done(unsafe { proxy_set_tick_period_milliseconds(period) })
}

/// A queue that wakes the VM which registers it. Names are shared by all VMs of one `vm_id`.
///
/// # Errors
/// When the host has no queues.
pub fn register_queue(name: &str) -> Result<u32, Refused> {
    let mut queue = 0;
    // SAFETY: the host reads the name and writes the number during the call only.
    done(unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &mut queue) })?;
    Ok(queue)
}

/// Puts the number of a context into a queue.
///
/// # Errors
/// When there is no such queue.
pub fn enqueue(queue: u32, context: u32) -> Result<(), Refused> {
    let bytes = context.to_le_bytes();
    // SAFETY: the host reads the bytes during the call only.
    done(unsafe { proxy_enqueue_shared_queue(queue, bytes.as_ptr(), bytes.len()) })
}

/// Takes the number of a context out of a queue; `None` when it is empty.
pub fn dequeue(queue: u32) -> Option<u32> {
    let (mut data, mut length) = (null_mut(), 0);
    // SAFETY: both pointers are valid for the time of the call.
    done(unsafe { proxy_dequeue_shared_queue(queue, &mut data, &mut length) }).ok()?;
    Some(u32::from_le_bytes(owned(data, length).try_into().ok()?))
}

/// Makes calls on behalf of another context than the one whose callback this is. None is made when that
/// context is gone.
pub fn on_behalf_of(context: u32, own: u32, calls: impl FnOnce()) {
    // SAFETY: only numbers are passed.
    if done(unsafe { proxy_set_effective_context(context) }).is_err() {
        return;
    }
    calls();
    // SAFETY: as above.
    if done(unsafe { proxy_set_effective_context(own) }).is_err() {
        log::error!("the host has lost the filter's root context");
    }
}

/// Appends to the body of a paused response.
///
/// # Errors
/// When the response is not paused behind its body.
pub fn append_to_response(bytes: &[u8]) -> Result<(), Refused> {
    // The host appends where it is told to write behind the end. It takes no larger number.
    let end = usize::MAX >> 1;
    let body = BufferType::ResponseBody as u32;
    // SAFETY: the host reads `bytes` during the call only.
    done(unsafe { proxy_set_buffer_bytes(body, end, 0, bytes.as_ptr(), bytes.len()) })
}

/// Lets the bytes of a paused response go, and held headers with them.
///
/// # Errors
/// When there is no response that could.
pub fn continue_response() -> Result<(), Refused> {
    const RESPONSE: u32 = 1;
    // SAFETY: only numbers are passed.
    done(unsafe { proxy_continue_stream(RESPONSE) })
}
