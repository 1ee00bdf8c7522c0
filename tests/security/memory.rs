//! How much memory a piece of code takes: a count, so that a bound on it is not a matter of luck.

#![allow(unsafe_code, reason = "an allocator is unsafe by nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts what each thread takes.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

fn count(taken: usize, given_back: usize) {
    let held = HELD.get() + taken as isize - given_back as isize;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
    TAKEN.set(TAKEN.get() + taken);
}

// SAFETY: everything is the system's allocator; counting touches nothing but numbers of this thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// What something has cost, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// The most that was held at a time, beyond what was held before.
    pub peak: usize,
    /// All that was ever asked for, which grows with the work that is done on copies.
    pub taken: usize,
}

/// Does something and tells what it has cost.
pub fn cost_of<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (held, taken) = (HELD.get(), TAKEN.get());
    PEAK.set(held);
    let result = work();
    let peak = usize::try_from(PEAK.get() - held).unwrap_or_default();
    (result, Cost { peak, taken: TAKEN.get() - taken })
}

#[test]
fn memory_is_counted() {
    let (_, cost) = cost_of(|| {
        drop(vec![0_u8; 1 << 20]);
        vec![0_u8; 1 << 10]
    });
    assert!((1 << 20..(1 << 20) + 4096).contains(&cost.peak), "{cost:?}");
    assert!(cost.taken >= (1 << 20) + (1 << 10), "{cost:?}");
}
