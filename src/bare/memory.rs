//! Memory for a process that lives for a fraction of a millisecond: taken from the front of one
//! block, given back only where it was the last that was taken.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;

use ::libc::{MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE};

use super::libc::raw;

/// The first block, in bytes: more than a usual call takes. Pages that are not touched cost nothing.
const FIRST: usize = 256 << 10;
/// The least that is asked of the kernel after that.
const MORE: usize = 1 << 20;
const PAGE: usize = 4096;

#[repr(align(64))]
struct Block(UnsafeCell<[u8; FIRST]>);
// SAFETY: the shim has one thread.
unsafe impl Sync for Block {}
static BLOCK: Block = Block(UnsafeCell::new([0; FIRST]));

struct Front(UnsafeCell<State>);
// SAFETY: the shim has one thread.
unsafe impl Sync for Front {}

/// Addresses in the block that is taken from; all 0 before the first.
#[derive(Clone, Copy)]
struct State {
    next: usize,
    end: usize,
    /// Below this, memory has been used before.
    used: usize,
}

#[global_allocator]
static MEMORY: Front = Front(UnsafeCell::new(State {
    next: 0,
    end: 0,
    used: 0,
}));

impl Front {
    /// The state; no reference to it lives longer than one of these functions.
    #[allow(clippy::mut_from_ref)]
    fn state(&self) -> &mut State {
        // SAFETY: one thread, and none of the functions below calls another while it holds this.
        unsafe { &mut *self.0.get() }
    }

    /// Takes from a new block what the last one has no room for.
    #[cold]
    fn take_from_more(&self, layout: Layout) -> *mut u8 {
        let state = self.state();
        let (start, size) = if state.end == 0 {
            (BLOCK.0.get() as usize, FIRST)
        } else {
            let Some(size) = layout.size().checked_add(layout.align() + PAGE) else {
                return ptr::null_mut();
            };
            let size = size.max(MORE) & !(PAGE - 1);
            let (rights, kind) = (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
            let wanted = [0, size as isize, rights as isize, kind as isize, -1, 0];
            // SAFETY: memory of its own, wherever the kernel likes.
            let start = unsafe { raw(MMAP, wanted) };
            if (-4095..0).contains(&start) {
                return ptr::null_mut();
            }
            (start as usize, size)
        };
        *state = State {
            next: start,
            end: start + size,
            used: start,
        };
        // Larger than the first block: the next one is made for it.
        // SAFETY: the layout is the caller's.
        unsafe { self.alloc(layout) }
    }
}

#[cfg(target_pointer_width = "64")]
const MMAP: std::ffi::c_long = ::libc::SYS_mmap;
#[cfg(target_pointer_width = "32")]
const MMAP: std::ffi::c_long = ::libc::SYS_mmap2;

// SAFETY: what is handed out lies in a block, is aligned, and is handed out again only after it was given
// back.
unsafe impl GlobalAlloc for Front {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let state = self.state();
        let at = state.next.next_multiple_of(layout.align());
        match at.checked_add(layout.size()) {
            Some(next) if next <= state.end => {
                state.next = next;
                at as *mut u8
            }
            _ => self.take_from_more(layout),
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let state = self.state();
        if at as usize + layout.size() == state.next {
            state.used = state.used.max(state.next);
            state.next = at as usize;
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout is the caller's, and so many bytes were taken.
        unsafe {
            let at = self.alloc(layout);
            if !at.is_null() && (at as usize) < self.state().used {
                ptr::write_bytes(at, 0, layout.size());
            }
            at
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let state = self.state();
        let start = at as usize;
        if size <= layout.size() {
            return at;
        }
        if start + layout.size() == state.next && size <= state.end - start {
            state.next = start + size;
            return at;
        }
        // SAFETY: the new place is at least as large, and apart from the old one.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(at, new, layout.size());
            }
            new
        }
    }
}
