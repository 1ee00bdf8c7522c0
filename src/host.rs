//! Host calls that return a status instead of panicking.
//!
//! The SDK's own wrappers unwrap: a header written a moment too late or a buffer that is gone would
//! kill the VM of this worker and every stream on it. This module is the only one with `unsafe` code.
//! ABI: <https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1>
#![allow(unsafe_code, reason = "the host is reached through C functions")]

mod logger;
mod pairs;
pub mod timer;

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::null_mut;

pub use logger::open_log;
pub use pairs::Pairs;

/// How a message goes on behind its headers or trailers; the numbers are those of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum HeadersFlow {
    /// They go on.
    Continue = 0,
    /// They wait until a later callback lets the message go on.
    Hold = 1,
}

/// How a message goes on behind a piece of its body; the numbers are those of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum BodyFlow {
    /// What stands in the body goes on, and held headers with it.
    Continue = 0,
    /// The message waits, what stands in the body waits with it, and later callbacks see all of it. Only so
    /// can something still be written when trailers come. The host ends the stream when more is written than
    /// its buffer takes.
    HoldBuffered = 1,
    /// The message waits; what stands in the body is lost unless it has been taken out. The next callback
    /// sees the next piece alone, and what it writes has no limit. The ABI does not name this value;
    /// Envoy and Higress know it as `StopIterationNoBuffer`.
    Hold = 3,
}

/// Which map of headers a call is about; the numbers are those of the ABI.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum MapType {
    /// Request headers.
    RequestHeaders = 0,
    /// Response headers.
    ResponseHeaders = 2,
}

/// Which body a call is about; the numbers are those of the ABI.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum BufferType {
    /// The request body.
    RequestBody = 0,
    /// The response body.
    ResponseBody = 1,
    /// The configuration of the plugin.
    PluginConfiguration = 7,
}

/// Which kind of metric a call is about; the numbers are those of the ABI.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum MetricKind {
    /// Only ever grows.
    Counter = 0,
    /// Sorts values into buckets.
    Histogram = 2,
}

/// What the host answered when it did not do what it was asked to; see the ABI for the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub u32);

unsafe extern "C" {
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        size: usize,
        data: *mut *mut u8,
        length: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        size: usize,
        data: *const u8,
        length: usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, length: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        key: *const u8,
        key_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_length: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_length: usize,
        body: *const u8,
        body_length: usize,
        headers: *const u8,
        headers_length: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_length: usize,
        data: *mut *mut u8,
        length: *mut usize,
    ) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_length: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
}

fn done(status: u32) -> Result<(), Refused> {
    if status == 0 { Ok(()) } else { Err(Refused(status)) }
}

/// Takes over what the host has allocated in this module's memory for us.
fn owned(data: *mut u8, length: usize) -> Vec<u8> {
    if data.is_null() {
        return Vec::new();
    }
    // SAFETY: the ABI says that the host has got `length` bytes from [`allocate`], filled them, and that
    // they are ours now.
    unsafe { Vec::from_raw_parts(data, length, length) }
}

/// Memory for the host to fill and hand over, or null when there is none.
pub fn allocate(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size) {
        // SAFETY: the layout is not empty.
        Ok(layout) if size > 0 => unsafe { std::alloc::alloc(layout) },
        _ => null_mut(),
    }
}

/// The configuration of the plugin; empty when there is none.
pub fn plugin_configuration(size: usize) -> Vec<u8> {
    body(BufferType::PluginConfiguration, size).unwrap_or_default()
}

/// The bytes of a body that this callback is about; empty when there are none.
///
/// # Errors
/// When the host says that there is no such buffer now.
pub fn body(buffer: BufferType, size: usize) -> Result<Vec<u8>, Refused> {
    if size == 0 {
        return Ok(Vec::new());
    }
    let (mut data, mut length) = (null_mut(), 0);
    // SAFETY: both pointers are valid for the time of the call.
    done(unsafe { proxy_get_buffer_bytes(buffer as u32, 0, size, &mut data, &mut length) })?;
    Ok(owned(data, length))
}

/// Replaces the first `size` bytes of a body by `bytes`.
///
/// # Errors
/// When the host does not take bytes now, as in trailers behind a body that was let go.
pub fn set_body(buffer: BufferType, size: usize, bytes: &[u8]) -> Result<(), Refused> {
    // SAFETY: the host reads `bytes` during the call only.
    done(unsafe { proxy_set_buffer_bytes(buffer as u32, 0, size, bytes.as_ptr(), bytes.len()) })
}

/// All headers of a map, with lower-case names.
///
/// # Errors
/// When the host has no such map now.
pub fn headers(map: MapType) -> Result<Pairs, Refused> {
    let (mut data, mut length) = (null_mut(), 0);
    // SAFETY: both pointers are valid for the time of the call.
    done(unsafe { proxy_get_header_map_pairs(map as u32, &mut data, &mut length) })?;
    Ok(Pairs::new(owned(data, length)))
}

/// Replaces or removes one header.
///
/// # Errors
/// When the headers have left already.
pub fn change_header(map: MapType, name: &str, value: Option<&str>) -> Result<(), Refused> {
    let (map, key) = (map as u32, name.as_ptr());
    // SAFETY: the host reads the strings during the call only.
    done(unsafe {
        match value {
            Some(value) => {
                proxy_replace_header_map_value(map, key, name.len(), value.as_ptr(), value.len())
            }
            None => proxy_remove_header_map_value(map, key, name.len()),
        }
    })
}

/// Answers the request from here.
///
/// # Errors
/// When an answer is on its way already.
pub fn send_local_response(
    status: u16,
    details: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<(), Refused> {
    let headers = pairs::serialize(headers);
    // SAFETY: the host reads all buffers during the call only.
    done(unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            -1,
        )
    })
}

/// A property of the host as text; `None` when it has no such property, or it is empty or no text. The parts
/// of the path are separated by zero bytes.
pub fn property(path: &str) -> Option<String> {
    let (mut data, mut length) = (null_mut(), 0);
    // SAFETY: the host reads the path during the call only; both pointers are valid for its time.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut data, &mut length) };
    done(status).ok()?;
    String::from_utf8(owned(data, length)).ok().filter(|text| !text.is_empty())
}

/// Sets a property; the host keeps it as filter state under this name behind `wasm.`.
///
/// # Errors
/// When the host keeps no such property.
pub fn set_property(path: &str, value: &str) -> Result<(), Refused> {
    // SAFETY: the host reads both texts during the call only.
    done(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// The number by which the host knows a metric.
///
/// # Errors
/// When the host does not take it.
pub fn define_metric(kind: MetricKind, name: &str) -> Result<u32, Refused> {
    let mut id = 0;
    // SAFETY: the host reads the name during the call only; the pointer is valid for its time.
    done(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) })?;
    Ok(id)
}

/// Adds to a counter.
///
/// # Errors
/// When the host does not know it.
pub fn increment_metric(id: u32, by: u64) -> Result<(), Refused> {
    // SAFETY: only numbers are passed.
    done(unsafe { proxy_increment_metric(id, i64::try_from(by).unwrap_or(i64::MAX)) })
}

/// Puts a value into a histogram.
///
/// # Errors
/// When the host does not know it.
pub fn record_metric(id: u32, value: u64) -> Result<(), Refused> {
    // SAFETY: only numbers are passed.
    done(unsafe { proxy_record_metric(id, value) })
}

thread_local! {
    /// What the clock has said in this callback.
    static NOW_MS: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A callback begins: what the clock has said before is of the past.
pub fn begin_callback() {
    NOW_MS.set(None);
}

/// Milliseconds since 1970, or 0 when the host has no clock. Time stands still within a callback, as it
/// does for the host, and the host is asked once.
pub fn now_ms() -> u64 {
    NOW_MS.get().unwrap_or_else(|| {
        let mut time_ns = 0;
        // SAFETY: the pointer is valid for the time of the call.
        let now_ms = match done(unsafe { proxy_get_current_time_nanoseconds(&mut time_ns) }) {
            Ok(()) => time_ns / 1_000_000,
            Err(Refused(_)) => 0,
        };
        NOW_MS.set(Some(now_ms));
        now_ms
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive_the_round_trip() {
        let pairs = [(":status", "200"), ("x-empty", ""), ("content-type", "text/plain")];
        let serialized = Pairs::new(pairs::serialize(&pairs));
        let expected: Vec<_> = pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        assert_eq!(serialized.headers(), expected);
    }

    #[test]
    fn cut_or_forged_pairs_do_no_harm() {
        let bytes = pairs::serialize(&[("name", "value")]);
        for length in 0..bytes.len() {
            assert!(Pairs::new(bytes[..length].to_vec()).headers().len() <= 1);
        }
        assert!(Pairs::new(vec![0xff; 40]).headers().is_empty());
    }

    #[test]
    fn what_is_no_text_is_replaced_where_it_stands() {
        let mut bytes = pairs::serialize(&[("a", "good"), ("b", "bad?"), ("c", "né")]);
        let place = bytes.iter().position(|byte| *byte == b'?').unwrap();
        bytes[place] = 0xff;
        let pairs = Pairs::new(bytes);
        let headers = pairs.headers();
        let expected = [("a", "good"), ("b", "bad\u{fffd}"), ("c", "né")];
        assert_eq!(headers, expected.map(|(n, v)| (n.into(), v.into())));
    }

    #[test]
    fn a_length_that_cuts_a_character_ends_the_list() {
        let mut bytes = pairs::serialize(&[("name", "é"), ("x", "y")]);
        // The length of the first value, which is two bytes.
        bytes[8] = 1;
        assert!(Pairs::new(bytes).headers().is_empty());
    }
}
