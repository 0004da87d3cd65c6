//! System calls that no compiler makes and that Landlock does not know, or not on every kernel: a deny list, because
//! a list of what compilers need would break with the next C library.
//!
//! The crate's filter knows the machine's own calls. In front of it stands a few instructions of our own for what it
//! cannot say: the calls of a 32-bit compiler on a 64-bit machine, which the crate would kill; x86's third set
//! of numbers (x32); and calls that must fail with ENOSYS, so that the C library takes an older one.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    sock_filter, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

/// Calls that fail with EPERM. Numbers that the libc crate does not name are the same on every machine.
const DENIED: &[libc::c_long] = &[
    // Sockets of every kind: Landlock knows TCP only, and MPTCP is not TCP to it.
    libc::SYS_socket,
    libc::SYS_socketpair,
    // Learning of other jobs' files.
    libc::SYS_inotify_init1,
    libc::SYS_inotify_add_watch,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    // Other processes' memory, descriptors and signals.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    440, // process_madvise
    448, // process_mrelease
    // Leaving the process group, by which the supervisor ends a job.
    libc::SYS_setsid,
    libc::SYS_setpgid,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    428, // open_tree
    429, // move_mount
    430, // fsopen
    431, // fsconfig
    432, // fsmount
    433, // fspick
    442, // mount_setattr
    // Parts of the kernel with a history of holes.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_syslog,
    // Programs that are not files.
    libc::SYS_memfd_create,
    libc::SYS_execveat,
    447, // memfd_secret
    // Modes, owners, times and attributes, for which Landlock has no rights; truncating, before version 3.
    libc::SYS_fchmodat,
    452, // fchmodat2
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    463, // setxattrat
    466, // removexattrat
    libc::SYS_truncate,
    // Other processes' share of the machine.
    libc::SYS_setpriority,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_ioprio_set,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // System V and POSIX communication.
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
];

/// The same under the names that only older machines have.
#[cfg(target_arch = "x86_64")]
const DENIED_OLD: &[libc::c_long] = &[
    libc::SYS_inotify_init,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_OLD: &[libc::c_long] = &[];

/// Calls that fail with ENOSYS: io_uring's, which make other calls past this filter, and clone3, whose flags a filter
/// cannot see. The same numbers on every machine.
const UNKNOWN: [u32; 4] = [425, 426, 427, 435];

/// Flags of clone that make a namespace.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Commands of fcntl that send signals to others: F_SETOWN and F_SETOWN_EX.
const SIGNALS_OTHERS: [u32; 2] = [8, 15];

/// Whether the crate knows this machine.
pub(super) fn is_known_here() -> bool {
    TargetArch::try_from(std::env::consts::ARCH).is_ok()
}

/// The filter for this machine.
pub(super) fn program() -> Option<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let (errno, pass) = (SeccompAction::Errno(EPERM), SeccompAction::Allow);
    let filter = SeccompFilter::new(rules()?, pass, errno, arch).ok()?;
    let own = BpfProgram::try_from(filter).ok()?;
    let mut program = compat();
    program.extend(own);
    Some(program)
}

const EPERM: u32 = libc::EPERM as u32;

fn rules() -> Option<BTreeMap<i64, Vec<SeccompRule>>> {
    let when = |argument: u8, op: SeccompCmpOp, value: u64| {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, value).ok()?;
        SeccompRule::new(vec![condition]).ok()
    };
    let all = DENIED.iter().chain(DENIED_OLD);
    #[allow(clippy::useless_conversion)] // Narrower on 32-bit machines.
    let number = |call: libc::c_long| i64::from(call);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        all.map(|&call| (number(call), Vec::new())).collect();
    let namespaces = NAMESPACES.iter().map(|&flag| {
        // A bit pattern, of which one is the sign's.
        let flag = u64::from(flag as u32);
        when(0, SeccompCmpOp::MaskedEq(flag), flag)
    });
    rules.insert(number(libc::SYS_clone), namespaces.collect::<Option<_>>()?);
    let owners = SIGNALS_OTHERS.map(|command| when(1, SeccompCmpOp::Eq, command.into()));
    let owners = owners.into_iter().collect::<Option<_>>()?;
    rules.insert(number(libc::SYS_fcntl), owners);
    // Limits of this process only: gcc's driver raises its stack.
    let others = when(0, SeccompCmpOp::Ne, 0)?;
    rules.insert(number(libc::SYS_prlimit64), vec![others]);
    Some(rules)
}

/// The 32-bit machine whose programs this kernel runs as well.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
struct Compat {
    /// As `linux/audit.h` names it.
    audit: u32,
    /// Sorted; what [`DENIED`] has, in that machine's numbers, and all of prlimit64.
    denied: &'static [u32],
    clone: u32,
    fcntl: [u32; 2],
}

#[cfg(target_arch = "x86_64")]
const COMPAT: Compat = Compat {
    audit: 0x4000_0003,
    denied: &[
        15, 16, 21, 22, 26, 30, 52, 57, 61, 66, 92, 97, 102, 103, 117, 154, 156, 178, 182, 193,
        198, 212, 217, 226, 227, 235, 236, 241, 271, 277, 278, 286, 287, 288, 289, 291, 292, 294,
        298, 299, 306, 310, 317, 320, 332, 335, 336, 338, 339, 340, 346, 347, 348, 349, 351, 356,
        357, 358, 359, 360, 374, 393, 394, 395, 396, 397, 399, 400, 401, 402, 412, 420, 424, 428,
        429, 430, 431, 432, 433, 434, 438, 440, 442, 447, 448, 452, 463, 466,
    ],
    clone: 120,
    fcntl: [55, 221],
};

#[cfg(target_arch = "aarch64")]
const COMPAT: Compat = Compat {
    audit: 0x4000_0028,
    denied: &[
        15, 16, 21, 22, 26, 30, 52, 57, 61, 66, 92, 97, 102, 103, 117, 154, 156, 178, 182, 193,
        198, 212, 218, 226, 227, 235, 236, 241, 269, 274, 275, 281, 288, 298, 299, 300, 301, 302,
        303, 304, 305, 307, 308, 309, 310, 311, 312, 314, 316, 317, 325, 326, 333, 337, 344, 348,
        360, 363, 364, 367, 368, 369, 375, 376, 377, 378, 380, 385, 386, 387, 388, 400, 412, 420,
        424, 428, 429, 430, 431, 432, 433, 434, 438, 440, 442, 447, 448, 452, 463, 466,
    ],
    clone: 120,
    fcntl: [55, 221],
};

// Instructions and the fields of `struct seccomp_data` (linux/filter.h, linux/seccomp.h).
const LOAD: u16 = 0x20;
const JUMP_EQ: u16 = 0x15;
const JUMP_GE: u16 = 0x35;
const JUMP_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;
const NUMBER: u32 = 0;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const ARCH: u32 = 4;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const ARGUMENTS: u32 = 16;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
/// Numbers of x32, and more than any machine has.
const X32: u32 = 0x4000_0000;

fn op(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// What comes before the crate's filter. Either ends with an answer or goes on to what follows.
fn compat() -> BpfProgram {
    let nosys = ERRNO | libc::ENOSYS as u32;
    let mut program = compat_machine(nosys);
    program.push(op(LOAD, NUMBER, 0, 0));
    // Each returns if it holds and else passes over the return.
    program.extend([op(JUMP_GE, X32, 0, 1), op(RETURN, nosys, 0, 0)]);
    for number in UNKNOWN {
        program.extend([op(JUMP_EQ, number, 0, 1), op(RETURN, nosys, 0, 0)]);
    }
    program
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn compat_machine(nosys: u32) -> BpfProgram {
    // In the order of the returns at the end: allow, deny, unknown.
    const TAIL: usize = 3;
    let namespaces = NAMESPACES.iter().fold(0, |all, &flag| all | flag as u32);
    let mut tests = vec![op(LOAD, NUMBER, 0, 0)];
    enum To {
        Allow,
        Deny,
        Unknown,
    }
    // The tests, and where each goes if it holds; filled in below, when the distances are known.
    let mut targets = vec![None];
    let mut test = |code, k, to: Option<To>, skip: u8| {
        tests.push(op(code, k, 0, skip));
        targets.push(to);
    };
    for &number in COMPAT.denied {
        test(JUMP_EQ, number, Some(To::Deny), 0);
    }
    for number in UNKNOWN {
        test(JUMP_EQ, number, Some(To::Unknown), 0);
    }
    for number in COMPAT.fcntl {
        test(JUMP_EQ, number, None, 4);
        test(LOAD, ARGUMENTS + 8, None, 0);
        for command in SIGNALS_OTHERS {
            test(JUMP_EQ, command, Some(To::Deny), 0);
        }
        // Whatever the argument, this is not a negative number.
        test(JUMP_GE, 0, Some(To::Allow), 0);
    }
    test(JUMP_EQ, COMPAT.clone, None, 2);
    test(LOAD, ARGUMENTS, None, 0);
    test(JUMP_ANY_BIT, namespaces, Some(To::Deny), 0);
    let length = tests.len();
    for (at, (test, to)) in tests.iter_mut().zip(targets).enumerate() {
        let place = match to {
            None => continue,
            Some(To::Allow) => 0,
            Some(To::Deny) => 1,
            Some(To::Unknown) => 2,
        };
        test.jt = u8::try_from(length - at - 1 + place).unwrap_or(u8::MAX);
    }
    tests.extend([ALLOW, ERRNO | EPERM, nosys].map(|answer| op(RETURN, answer, 0, 0)));
    debug_assert_eq!(tests.len(), length + TAIL);
    // Other machines' calls pass over all this.
    let skip = u8::try_from(tests.len()).unwrap_or(u8::MAX);
    let mut program = vec![op(LOAD, ARCH, 0, 0), op(JUMP_EQ, COMPAT.audit, 0, skip)];
    program.extend(tests);
    program
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn compat_machine(_: u32) -> BpfProgram {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter answers, by carrying it out.
    fn answer(program: &[sock_filter], arch: u32, number: u32, arguments: [u32; 2]) -> u32 {
        let (mut at, mut value) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    value = match step.k {
                        0 => number,
                        4 => arch,
                        16 => arguments[0],
                        24 => arguments[1],
                        // The upper halves of arguments.
                        _ => 0,
                    }
                }
                JUMP_EQ => at += jump(value == step.k),
                JUMP_GE => at += jump(value >= step.k),
                JUMP_ANY_BIT => at += jump(value & step.k != 0),
                0x54 => value &= step.k,
                0x05 => at += step.k as usize,
                RETURN => return step.k,
                code => panic!("{code:#x}"),
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn each_machines_calls_are_answered_by_their_own_numbers() {
        const X86_64: u32 = 0xc000_003e;
        const I386: u32 = 0x4000_0003;
        let program = program().expect("x86-64 is known");
        let (deny, nosys) = (ERRNO | EPERM, ERRNO | libc::ENOSYS as u32);
        let newuser = libc::CLONE_NEWUSER as u32;
        for (arch, number, arguments, want) in [
            (X86_64, libc::SYS_read, [0, 0], ALLOW),
            (X86_64, libc::SYS_socket, [0, 0], deny),
            (X86_64, libc::SYS_truncate, [0, 0], deny),
            (X86_64, libc::SYS_clone, [0x11, 0], ALLOW),
            (X86_64, libc::SYS_clone, [newuser, 0], deny),
            (X86_64, libc::SYS_fcntl, [3, 2], ALLOW),
            (X86_64, libc::SYS_fcntl, [3, 8], deny),
            (X86_64, libc::SYS_prlimit64, [0, 3], ALLOW),
            (X86_64, libc::SYS_prlimit64, [7, 3], deny),
            (X86_64, libc::SYS_clone3, [0, 0], nosys),
            (X86_64, libc::SYS_io_uring_setup, [0, 0], nosys),
            // x32's socket.
            (X86_64, 0x4000_0000 + 41, [0, 0], nosys),
            (I386, 3, [0, 0], ALLOW),
            (I386, 102, [1, 0], deny),
            (I386, 359, [0, 0], deny),
            (I386, 466, [0, 0], deny),
            (I386, 435, [0, 0], nosys),
            (I386, 120, [0x11, 0], ALLOW),
            (I386, 120, [newuser, 0], deny),
            (I386, 221, [3, 1], ALLOW),
            (I386, 55, [3, 15], deny),
            (I386, 252, [0, 0], ALLOW),
        ] {
            let number = u32::try_from(number).unwrap();
            let got = answer(&program, arch, number, arguments);
            assert_eq!(got, want, "{arch:#x} {number} {arguments:?}");
        }
    }
}
