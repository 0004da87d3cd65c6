//! The three Landlock system calls, as `linux/landlock.h` has them.
//!
//! Called directly, without the `landlock` crate: a shim pays for its size at every start, and what
//! is needed of it are these calls and a table of rights.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

/// Rights over files, by the version of the interface that knows them.
pub(super) mod fs {
    pub const EXECUTE: u64 = 1;
    pub const WRITE_FILE: u64 = 1 << 1;
    pub const READ_FILE: u64 = 1 << 2;
    pub const READ_DIR: u64 = 1 << 3;
    pub const REMOVE_FILE: u64 = 1 << 5;
    pub const MAKE_REG: u64 = 1 << 8;
    /// Since version 3.
    pub const TRUNCATE: u64 = 1 << 14;
    /// The rights that a rule for something else than a directory may hold.
    pub const OF_A_FILE: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;

    /// All rights that version `abi` knows: what no rule allows is denied.
    pub fn known(abi: u32) -> u64 {
        match abi {
            0 => 0,
            1 => (1 << 13) - 1,
            2 => (1 << 14) - 1,
            3 | 4 => (1 << 15) - 1,
            _ => (1 << 16) - 1,
        }
    }
}

/// Binding and connecting TCP, since version 4.
const NET_TCP: u64 = 0b11;
/// Abstract Unix sockets and signals to what is not in the sandbox, since version 6.
const SCOPE_ALL: u64 = 0b11;
const RULE_PATH_BENEATH: libc::c_int = 1;
const CREATE_RULESET_VERSION: libc::c_uint = 1;

#[repr(C)]
struct RulesetAttr {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathBeneathAttr {
    allowed_access: u64,
    parent_fd: i32,
}

/// The newest version of the interface that the kernel offers; 0 where there is none, because the
/// kernel lacks it or was started without it.
pub fn abi() -> u32 {
    // SAFETY: with this flag the call takes no structure and only returns a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<RulesetAttr>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(version).unwrap_or(0)
}

/// A set of rules in the making.
pub(super) struct Ruleset(OwnedFd);

/// The newest version that this program knows: its rights are all that it asks for.
const NEWEST: u32 = 6;

impl Ruleset {
    /// A set that denies all that the kernel can deny, as of version `most` at most, and the version; `None`
    /// where the kernel has no Landlock.
    pub fn newest(most: u32) -> io::Result<Option<(Ruleset, u32)>> {
        // What a new kernel takes at once need not be asked for first.
        if most >= NEWEST {
            if let Ok(rules) = Ruleset::new(NEWEST) {
                return Ok(Some((rules, NEWEST)));
            }
        }
        match abi().min(most) {
            0 => Ok(None),
            abi => Ruleset::new(abi).map(|rules| Some((rules, abi))),
        }
    }

    /// A set that denies all that version `abi` can deny.
    fn new(abi: u32) -> io::Result<Ruleset> {
        let attr = RulesetAttr {
            handled_access_fs: fs::known(abi),
            handled_access_net: if abi >= 4 { NET_TCP } else { 0 },
            scoped: if abi >= 6 { SCOPE_ALL } else { 0 },
        };
        // An older kernel takes a longer structure as long as the rest is zero.
        let size = size_of::<RulesetAttr>();
        // SAFETY: the structure is valid for reads of its size during the call.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_landlock_create_ruleset,
                &raw const attr,
                size,
                0_u32,
            )
        };
        let fd = libc::c_int::try_from(fd).unwrap_or(-1);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has just returned this descriptor, and nothing else owns it.
        Ok(Ruleset(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Allows these rights over a file, or over a directory and all below it.
    pub fn allow(&self, file: &impl AsRawFd, rights: u64) -> io::Result<()> {
        let attr = PathBeneathAttr {
            allowed_access: rights,
            parent_fd: file.as_raw_fd(),
        };
        // SAFETY: the structure is valid for reads during the call, both descriptors are open.
        let done = unsafe {
            libc::syscall(
                libc::SYS_landlock_add_rule,
                self.0.as_raw_fd(),
                RULE_PATH_BENEATH,
                &raw const attr,
                0_u32,
            )
        };
        match done {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Puts this thread, and all that it starts or becomes, under the rules. The exec that follows closes
    /// the set.
    pub fn restrict_self(self) -> io::Result<()> {
        let rules = self.0.into_raw_fd();
        // SAFETY: takes two numbers.
        let done = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules, 0_u32) };
        match done {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
