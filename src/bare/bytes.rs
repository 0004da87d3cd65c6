//! C's functions over bytes, which Rust's compiler calls by itself. No loop here may be one that it
//! would recognise as the function that it is in: where it could, reads are volatile. Tests call them
//! where they are not the library's.
#![allow(clippy::missing_safety_doc)]

use std::arch::asm;
use std::ffi::{c_int, c_void};
use std::ptr;

/// The bytes of a word.
const WORD: usize = size_of::<usize>();
/// A word of bytes that are all 1.
const ONES: usize = usize::MAX / 255;

/// Copies up to 32 bytes, which may overlap: everything is read before anything is written.
///
/// # Safety
/// As memmove's; `count` is at most 32.
#[inline(always)]
unsafe fn copy_few(to: *mut u8, from: *const u8, count: usize) {
    /// Both ends; they overlap where there are fewer bytes than two of them have.
    #[inline(always)]
    unsafe fn ends<T: Copy>(to: *mut u8, from: *const u8, count: usize) {
        let last = count - size_of::<T>();
        // SAFETY: the caller vouches for `count` bytes, at least one T's.
        unsafe {
            let first = from.cast::<T>().read_unaligned();
            let second = from.add(last).cast::<T>().read_unaligned();
            to.cast::<T>().write_unaligned(first);
            to.add(last).cast::<T>().write_unaligned(second);
        }
    }
    // SAFETY: each is called for as many bytes as it takes.
    unsafe {
        match count {
            0 => {}
            1 => *to = *from,
            2..4 => ends::<u16>(to, from, count),
            4..8 => ends::<u32>(to, from, count),
            8..16 => ends::<u64>(to, from, count),
            _ => ends::<u128>(to, from, count),
        }
    }
}

#[cfg_attr(bare, no_mangle)]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller vouches for both.
    unsafe {
        if count <= 32 {
            copy_few(to, from, count);
        } else {
            copy_forwards(to, from, count);
        }
    }
    to
}

#[cfg_attr(bare, no_mangle)]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller vouches for both.
    unsafe {
        if count <= 32 {
            copy_few(to, from, count);
        } else if (to as usize).wrapping_sub(from as usize) >= count {
            // It is not written where it is still to be read.
            copy_forwards(to, from, count);
        } else {
            copy_backwards(to, from, count);
        }
    }
    to
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn copy_forwards(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: as memcpy's.
    unsafe {
        asm!("rep movsb", inout("rcx") count => _, inout("rdi") to => _, inout("rsi") from => _,
            options(nostack, preserves_flags));
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn copy_forwards(to: *mut u8, from: *const u8, count: usize) {
    let mut at = 0;
    // SAFETY: as memcpy's.
    unsafe {
        while at + WORD <= count {
            let word = from.add(at).cast::<usize>().read_unaligned();
            hidden(to.add(at)).cast::<usize>().write_unaligned(word);
            at += WORD;
        }
        copy_few(to.add(at), from.add(at), count - at);
    }
}

unsafe fn copy_backwards(to: *mut u8, from: *const u8, count: usize) {
    let mut left = count;
    // SAFETY: as memmove's.
    unsafe {
        while left >= WORD {
            left -= WORD;
            let word = from.add(left).cast::<usize>().read_unaligned();
            hidden(to.add(left)).cast::<usize>().write_unaligned(word);
        }
        copy_few(to, from, left);
    }
}

/// The same pointer, of which the compiler no longer knows where it comes from.
#[inline(always)]
fn hidden(mut at: *mut u8) -> *mut u8 {
    // SAFETY: no instruction.
    unsafe { asm!("/* {0} */", inout(reg) at, options(nostack, preserves_flags)) };
    at
}

#[cfg_attr(bare, no_mangle)]
pub unsafe extern "C" fn memset(to: *mut u8, value: c_int, count: usize) -> *mut u8 {
    let byte = value as u8;
    // SAFETY: the caller vouches for `count` bytes.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if count > 64 {
            asm!("rep stosb", inout("rcx") count => _, inout("rdi") to => _, in("al") byte,
                options(nostack, preserves_flags));
            return to;
        }
        let word = ONES * usize::from(byte);
        let mut at = 0;
        while at + WORD <= count {
            hidden(to.add(at)).cast::<usize>().write_unaligned(word);
            at += WORD;
        }
        while at < count {
            *hidden(to.add(at)) = byte;
            at += 1;
        }
    }
    to
}

#[cfg_attr(bare, no_mangle)]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> c_int {
    let mut at = 0;
    // SAFETY: the caller vouches for `count` bytes of both.
    unsafe {
        while at + WORD <= count {
            let a = left.add(at).cast::<usize>().read_unaligned();
            let b = right.add(at).cast::<usize>().read_unaligned();
            if a != b {
                return if a.to_be() < b.to_be() { -1 } else { 1 };
            }
            at += WORD;
        }
        while at < count {
            let (a, b) = (left.add(at).read_volatile(), right.add(at).read_volatile());
            if a != b {
                return c_int::from(a) - c_int::from(b);
            }
            at += 1;
        }
    }
    0
}

#[cfg_attr(bare, no_mangle)]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> c_int {
    // SAFETY: the same promise.
    unsafe { memcmp(left, right, count) }
}

#[cfg_attr(bare, no_mangle)]
pub unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller vouches for a NUL.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}

#[cfg_attr(bare, no_mangle)]
pub unsafe extern "C" fn memchr(text: *const u8, byte: c_int, count: usize) -> *const c_void {
    let byte = byte as u8;
    let mut at = 0;
    // SAFETY: the caller vouches for `count` bytes.
    unsafe {
        at += many_without(text, byte, count);
        while at < count {
            if text.add(at).read_volatile() == byte {
                return text.add(at).cast();
            }
            at += 1;
        }
    }
    ptr::null()
}

/// How many bytes from the start on are none of these, counted in steps.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn many_without(text: *const u8, byte: u8, count: usize) -> usize {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
    const STEP: usize = 16;
    let mut at = 0;
    // SAFETY: every x86-64 has these instructions; the caller vouches for `count` bytes.
    unsafe {
        let wanted = _mm_set1_epi8(byte as i8);
        while at + STEP <= count {
            let found = _mm_cmpeq_epi8(_mm_loadu_si128(text.add(at).cast()), wanted);
            let found = _mm_movemask_epi8(found);
            if found != 0 {
                return at + found.trailing_zeros() as usize;
            }
            at += STEP;
        }
    }
    at
}

/// How many bytes from the start on are none of these, counted in steps.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn many_without(text: *const u8, byte: u8, count: usize) -> usize {
    const HIGH: usize = ONES << 7;
    let pattern = ONES * usize::from(byte);
    let mut at = 0;
    while at + WORD <= count {
        // SAFETY: the caller vouches for `count` bytes.
        let word = unsafe { text.add(at).cast::<usize>().read_unaligned() } ^ pattern;
        // The lowest byte that is zero borrows; one above it may be named wrongly, none below.
        if word.wrapping_sub(ONES) & !word & HIGH != 0 {
            break;
        }
        at += WORD;
    }
    at
}
