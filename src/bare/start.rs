//! Where the process begins and, for what is beyond the shim, goes on: the entry that the kernel or
//! the dynamic loader jumps to, the way into the kernel, and the way to the whole program.

use std::arch::global_asm;
use std::ffi::{c_char, c_int};

use super::libc::{self, _exit, environ, execve, write, AUXILIARY};

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".section .text.ccroute_start, \"ax\"",
    ".globl ccroute_start",
    "ccroute_start: xor %ebp, %ebp",
    "mov %rsp, %rdi",
    "and $-16, %rsp",
    "call ccroute_entry",
    "ud2",
    ".globl ccroute_syscall",
    "ccroute_syscall: mov %rdi, %rax",
    "mov %rsi, %rdi",
    "mov %rdx, %rsi",
    "mov %rcx, %rdx",
    "mov %r8, %r10",
    "mov %r9, %r8",
    "mov 8(%rsp), %r9",
    "syscall",
    "ret",
    options(att_syntax)
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".section .text.ccroute_start, \"ax\"",
    ".globl ccroute_start",
    "ccroute_start: mov x29, #0",
    "mov x30, #0",
    "mov x0, sp",
    "bl ccroute_entry",
    "brk #1",
    ".globl ccroute_syscall",
    "ccroute_syscall: mov x8, x0",
    "mov x0, x1",
    "mov x1, x2",
    "mov x2, x3",
    "mov x3, x4",
    "mov x4, x5",
    "mov x5, x6",
    "svc #0",
    "ret",
);

#[cfg(target_arch = "arm")]
global_asm!(
    ".section .text.ccroute_start, \"ax\"",
    ".arm",
    ".globl ccroute_start",
    ".type ccroute_start, %function",
    "ccroute_start: mov fp, #0",
    "mov lr, #0",
    "mov r0, sp",
    "bic sp, sp, #7",
    "bl ccroute_entry",
    "udf #0",
    ".globl ccroute_syscall",
    ".type ccroute_syscall, %function",
    "ccroute_syscall: push {{r4, r5, r7, lr}}",
    "mov r7, r0",
    "mov r0, r1",
    "mov r1, r2",
    "mov r2, r3",
    "ldr r3, [sp, #16]",
    "ldr r4, [sp, #20]",
    "ldr r5, [sp, #24]",
    "svc #0",
    "pop {{r4, r5, r7, pc}}",
);

// Where thread-local variables are. It may change no register but r0.
#[cfg(all(target_arch = "arm", not(kernel_tls)))]
global_asm!(
    ".section .text.ccroute_start, \"ax\"",
    ".globl __aeabi_read_tp",
    ".type __aeabi_read_tp, %function",
    "__aeabi_read_tp: mrc p15, 0, r0, c13, c0, 3",
    "bx lr",
);

// Before ARMv7 the kernel's own function tells, in its page at 0xffff0fe0
// (Documentation/arch/arm/kernel_user_helpers.rst).
#[cfg(all(target_arch = "arm", kernel_tls))]
global_asm!(
    ".section .text.ccroute_start, \"ax\"",
    ".globl __aeabi_read_tp",
    ".type __aeabi_read_tp, %function",
    "__aeabi_read_tp: mvn r0, #0xf000",
    "sub pc, r0, #31",
);

/// The dynamic loader, as each architecture's ABI names it.
#[cfg(not(target_feature = "crt-static"))]
macro_rules! loader {
    ($path:literal) => {
        // The linker is told to keep it: `#[used]` alone does not for all of them.
        #[no_mangle]
        #[link_section = ".interp"]
        static ccroute_loader: [u8; $path.len()] = *$path;
    };
}
#[cfg(all(not(target_feature = "crt-static"), target_arch = "x86_64"))]
loader!(b"/lib64/ld-linux-x86-64.so.2\0");
#[cfg(all(not(target_feature = "crt-static"), target_arch = "aarch64"))]
loader!(b"/lib/ld-linux-aarch64.so.1\0");
#[cfg(all(not(target_feature = "crt-static"), target_arch = "arm"))]
loader!(b"/lib/ld-linux-armhf.so.3\0");

#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    () => {
        "jmp "
    };
}
#[cfg(not(target_arch = "x86_64"))]
macro_rules! jump {
    () => {
        "b "
    };
}

/// Makes C's names for functions out of their bodies' own names.
macro_rules! names {
    ($($body:literal: $($name:literal)*;)*) => {
        $(global_asm!(".section .text.ccroute_start, \"ax\"", $(
            concat!(".globl ", $name),
            concat!(".type ", $name, ", %function"),
            concat!($name, ":"),
        )* concat!(jump!(), $body));)*
    };
}

names! {
    "ccroute_libc_syscall": "syscall";
    "ccroute_libc_open": "open64";
    "ccroute_libc_fcntl": "fcntl";
    "ccroute_libc_prctl": "prctl";
    "ccroute_libc_syslog": "syslog";
    // The rest is the whole program's: starting and awaiting other programs, threads, time zones,
    // the state of mounts. Unwinding is a panic's, which says its word there.
    "ccroute_hand_over":
        "chdir" "chroot" "dup2" "execvp" "fork" "killpg" "pause" "pipe2" "setgid" "setgroups" "setpgid"
        "setsid" "setuid" "sigaddset" "sigemptyset" "signal" "waitid" "waitpid"
        "posix_spawn_file_actions_adddup2" "posix_spawn_file_actions_destroy"
        "posix_spawn_file_actions_init" "posix_spawnattr_destroy" "posix_spawnattr_init"
        "posix_spawnattr_setflags" "posix_spawnattr_setpgroup" "posix_spawnattr_setsigdefault" "posix_spawnp"
        "recv" "recvmsg" "sendmsg" "socketpair" "ioctl"
        "pthread_attr_destroy" "pthread_attr_init" "pthread_attr_setstacksize" "pthread_create"
        "pthread_detach" "pthread_key_create" "pthread_key_delete" "pthread_self" "pthread_setname_np"
        "pthread_setspecific" "pthread_getattr_np" "pthread_attr_getstack" "pthread_attr_getguardsize"
        "sigaltstack" "mprotect" "sched_yield" "sysconf" "mmap64" "munmap" "posix_memalign" "malloc" "realloc" "calloc"
        "gmtime_r" "localtime_r" "fstatvfs" "statvfs"
        "gnu_get_libc_version" "dl_iterate_phdr"
        "_Unwind_Backtrace" "_Unwind_DeleteException" "_Unwind_GetDataRelBase" "_Unwind_GetIP"
        "_Unwind_GetIPInfo" "_Unwind_GetLanguageSpecificData" "_Unwind_GetRegionStart"
        "_Unwind_GetTextRelBase" "_Unwind_RaiseException" "_Unwind_Resume" "_Unwind_SetGR" "_Unwind_SetIP";
}

// What another version of Rust's library might refer to, and the shim does not reach.
names! {
    "ccroute_hand_over":
        "accept4" "access" "atexit" "bind" "chmod" "chown" "clock_nanosleep" "connect" "copy_file_range" "dup"
        "exit" "faccessat" "fchmod" "fchown" "fdatasync" "fdopendir" "freeaddrinfo" "fsync" "ftruncate64"
        "futimens" "gai_strerror" "getaddrinfo" "getgid" "getpwuid_r" "getrandom" "getsockname" "getsockopt" "getuid"
        "isatty" "lchown" "link" "linkat" "listen" "nanosleep" "open" "openat" "openat64" "posix_spawn"
        "posix_spawnattr_setsigmask" "preadv64" "pthread_cond_broadcast" "pthread_cond_destroy" "pthread_cond_init"
        "pthread_cond_signal" "pthread_cond_timedwait" "pthread_cond_wait" "pthread_condattr_destroy"
        "pthread_condattr_init" "pthread_condattr_setclock" "pthread_getspecific" "pthread_join"
        "pthread_mutex_destroy" "pthread_mutex_init" "pthread_mutex_lock" "pthread_mutex_trylock"
        "pthread_mutex_unlock" "pthread_mutexattr_destroy" "pthread_mutexattr_init" "pthread_mutexattr_settype"
        "pthread_once" "pthread_rwlock_rdlock" "pthread_rwlock_unlock" "pthread_rwlock_wrlock" "pthread_sigmask"
        "pwrite64" "readv" "recvfrom" "rmdir" "send" "sendfile64" "sendto" "setenv" "setsockopt" "sigaction"
        "snprintf" "socket" "splice" "strerror_r" "symlink" "truncate64" "unlinkat" "unsetenv" "utimensat"
        "_Unwind_GetCFA" "_Unwind_FindEnclosingFunction";
}

#[cfg(target_arch = "arm")]
names! {
    // libgcc's, of a division by zero.
    "abort": "raise";
    "ccroute_hand_over":
        "__aeabi_unwind_cpp_pr0" "__aeabi_unwind_cpp_pr1" "__aeabi_unwind_cpp_pr2" "__gnu_unwind_frame"
        "_Unwind_VRS_Get" "_Unwind_VRS_Set";
}

/// The arguments, for who goes on with them. [`ccroute_entry`] sets it.
static mut ARGUMENTS: *const *const c_char = std::ptr::null();

#[cfg(target_pointer_width = "32")]
use ::libc::Elf32_Phdr as Header;
#[cfg(target_pointer_width = "64")]
use ::libc::Elf64_Phdr as Header;

/// Gives a static program its thread-local variables, which the dynamic loader gives a dynamic one:
/// their first values, copied to where the thread's register points (ELF Handling For Thread-Local
/// Storage: before it on x86, behind it and two words of the system's elsewhere). Next to
/// nothing reads one, but a panic does.
fn thread_local_storage() {
    use std::ptr;

    /// What Rust's library has there is some hundred bytes.
    const ROOM: usize = 1024;
    #[repr(align(64))]
    struct Block([u8; ROOM]);
    static mut BLOCK: Block = Block([0; ROOM]);

    // SAFETY: the pairs were set.
    let getauxval = |kind| unsafe { libc::getauxval(kind as usize) };
    let (headers, count) = (getauxval(::libc::AT_PHDR), getauxval(::libc::AT_PHNUM));
    // SAFETY: the kernel tells where the program's headers are, and how many; one thread.
    unsafe {
        let headers = std::slice::from_raw_parts(headers as *const Header, count);
        let Some(tls) = headers.iter().find(|h| h.p_type == ::libc::PT_TLS) else {
            return;
        };
        let (size, values) = (tls.p_memsz as usize, tls.p_filesz as usize);
        let align = (tls.p_align as usize).max(1);
        if size + align + 4 * size_of::<usize>() > ROOM || align > 64 {
            libc::abort();
        }
        let block = (&raw mut BLOCK.0).cast::<u8>();
        let (start, pointer) = if cfg!(target_arch = "x86_64") {
            let pointer = block.add(size.next_multiple_of(align));
            (pointer.sub(size.next_multiple_of(align)), pointer)
        } else {
            let system = (2 * size_of::<usize>()).next_multiple_of(align);
            (block.add(system), block)
        };
        ptr::copy_nonoverlapping(tls.p_vaddr as *const u8, start, values);
        set_thread_pointer(pointer);
    }
}

#[cfg(target_arch = "x86_64")]
unsafe fn set_thread_pointer(pointer: *mut u8) {
    const ARCH_SET_FS: isize = 0x1002;
    // SAFETY: the caller vouches for the memory; the first word there is its own address.
    unsafe {
        *pointer.cast::<*mut u8>() = pointer;
        libc::raw(
            ::libc::SYS_arch_prctl,
            [ARCH_SET_FS, pointer as isize, 0, 0, 0, 0],
        );
    }
}

#[cfg(target_arch = "aarch64")]
unsafe fn set_thread_pointer(pointer: *mut u8) {
    // SAFETY: the caller vouches for the memory.
    unsafe { std::arch::asm!("msr tpidr_el0, {}", in(reg) pointer) };
}

#[cfg(target_arch = "arm")]
unsafe fn set_thread_pointer(pointer: *mut u8) {
    const ARM_SET_TLS: std::ffi::c_long = 0x0f_0005;
    // SAFETY: the caller vouches for the memory.
    unsafe { libc::raw(ARM_SET_TLS, [pointer as isize, 0, 0, 0, 0, 0]) };
}

/// The first function of the process: `stack` is where the kernel put the number of arguments, the
/// arguments, the environment, and what it tells besides.
#[no_mangle]
unsafe extern "C" fn ccroute_entry(stack: *const usize) -> ! {
    // SAFETY: the kernel's own form; both lists end with a null pointer. One thread.
    let (count, argv) = unsafe {
        let count = *stack;
        let argv = stack.add(1).cast::<*const c_char>();
        let env = argv.add(count + 1);
        let mut end = env;
        while !(*end).is_null() {
            end = end.add(1);
        }
        (environ, AUXILIARY, ARGUMENTS) = (env, end.add(1).cast(), argv);
        (count, argv)
    };
    // SAFETY: the pairs were set. Where a loader was at work, it is told where that is.
    if unsafe { libc::getauxval(::libc::AT_BASE as usize) } == 0 {
        thread_local_storage();
    }
    // SAFETY: as the kernel gave them.
    _exit(unsafe { super::serve(count as c_int, argv) })
}

#[no_mangle]
extern "C" fn ccroute_hand_over() -> ! {
    hand_over()
}

/// Becomes the whole program, `ccroute` beside this one, as if that had been called.
pub fn hand_over() -> ! {
    let mut this = [0u8; 4096];
    let link = c"/proc/self/exe".as_ptr();
    // SAFETY: a C string, and a buffer of the size that is told.
    let length = unsafe { libc::readlink(link, this.as_mut_ptr().cast(), this.len()) };
    let length = usize::try_from(length).unwrap_or(0);
    let mut path = this[..length].to_vec();
    path.truncate(path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1));
    path.extend_from_slice(b"ccroute\0");
    // SAFETY: a C string, and the kernel's own lists.
    unsafe {
        execve(path.as_ptr().cast(), ARGUMENTS, environ);
        let text = b"ccroute: the program ccroute is not beside ccroute-shim, or cannot be run: install both\n";
        write(2, text.as_ptr().cast(), text.len());
    }
    _exit(ccroute::exit::Exit::CannotRun.code())
}
