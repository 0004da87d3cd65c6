//! The real world's answers to a decision's questions, each asked at most once.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use once_cell::unsync::OnceCell;

use crate::compilers;
use crate::decide::{Facts, Recorded};
use crate::evidence::Evidence;
use crate::guard;
use crate::request::{FileId, Request};
use crate::sys;
use crate::toolchain::{find_launcher, Found, Installed, Search};

/// What the world is asked about. The fields that are `Some` answer in its place (`explain`).
pub struct World {
    search: Search,
    skip: Vec<FileId>,
    source: Option<PathBuf>,
    client: OnceCell<Option<IpAddr>>,
    evidence: OnceCell<Evidence>,
    guard_file: PathBuf,
    directory: OnceCell<PathBuf>,
    records: OnceCell<Option<Vec<u8>>>,
}

impl World {
    /// The world around a request.
    pub fn new(request: &Request<'_>, path: &OsStr, this: Option<FileId>) -> World {
        let mut skip = request.passed.0.clone();
        skip.extend(this);
        World {
            search: Search::new(path, skip.clone()),
            skip,
            source: request
                .job
                .distccd_input()
                .map(|p| PathBuf::from(OsStr::from_bytes(p))),
            client: OnceCell::new(),
            evidence: OnceCell::new(),
            guard_file: guard::GUARD_FILE.into(),
            directory: OnceCell::new(),
            records: OnceCell::new(),
        }
    }

    /// Answers as if the client had this address.
    pub fn with_client(self, client: Option<IpAddr>) -> World {
        World {
            client: OnceCell::with_value(client),
            ..self
        }
    }

    /// Answers as if this were the job's preprocessed source.
    pub fn with_source(self, source: Option<PathBuf>) -> World {
        World { source, ..self }
    }
}

impl Facts for World {
    fn client(&self) -> Option<IpAddr> {
        *self.client.get_or_init(|| sys::peer().map(|p| p.address))
    }

    fn evidence(&self) -> &Evidence {
        self.evidence.get_or_init(|| {
            let source = self.source.as_deref();
            // A source that cannot be read shows nothing; the compiler will say why.
            source.map_or_else(Evidence::default, |s| Evidence::read(s).unwrap_or_default())
        })
    }

    fn find(&self, name: &str, first: &[String]) -> Found {
        self.search.find(name, first)
    }

    fn triples_with(&self, suffix: &str, first: &[String]) -> Vec<String> {
        self.search.triples_with(suffix, first)
    }

    fn recorded(&self, compiler: &Installed) -> Option<Recorded> {
        // Facts that cannot be trusted are none; `check` says so.
        let records = self
            .records
            .get_or_init(|| compilers::read(&facts_file()).ok().flatten());
        let stat = compilers::Stat::from(compiler);
        let record = compilers::lookup(records.as_deref()?, &compiler.path, &stat)?;
        Some(Recorded {
            target: record.target()?,
            version: record.version.to_owned(),
        })
    }

    fn native_triple(&self) -> &str {
        NATIVE_TRIPLE
    }

    fn guard(&self) -> Option<u64> {
        guard::remaining(&self.guard_file)
    }

    fn working_directory(&self) -> &Path {
        // A directory that is gone owns no files, so nothing in it is the job's.
        self.directory
            .get_or_init(|| std::env::current_dir().unwrap_or_default())
    }

    fn launcher(&self, name: &str) -> Option<PathBuf> {
        find_launcher(name, self.search.path(), &self.skip)
    }
}

/// This machine's triple as ccroute was built for it, in Debian's spelling.
pub const NATIVE_TRIPLE: &str = if cfg!(all(target_arch = "x86_64", target_env = "musl")) {
    "x86_64-linux-musl"
} else if cfg!(target_arch = "x86_64") {
    "x86_64-linux-gnu"
} else if cfg!(target_arch = "x86") {
    "i686-linux-gnu"
} else if cfg!(target_arch = "aarch64") {
    "aarch64-linux-gnu"
} else if cfg!(all(target_arch = "arm", target_abi = "eabihf")) {
    "arm-linux-gnueabihf"
} else if cfg!(target_arch = "arm") {
    "arm-linux-gnueabi"
} else if cfg!(target_arch = "riscv64") {
    "riscv64-linux-gnu"
} else if cfg!(all(target_arch = "powerpc64", target_endian = "little")) {
    "powerpc64le-linux-gnu"
} else if cfg!(target_arch = "powerpc64") {
    "powerpc64-linux-gnu"
} else if cfg!(target_arch = "s390x") {
    "s390x-linux-gnu"
} else {
    "unknown-linux-gnu"
};

/// The identity of the running program's file.
pub fn this_file() -> Option<FileId> {
    let meta = fs::metadata("/proc/self/exe").ok()?;
    Some((meta.dev(), meta.ino()))
}

/// PATH, or nothing where it is unset.
pub fn path_variable() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Where the facts of compilers are recorded: `CCROUTE_COMPILERS` in place of the standard file,
/// except in a process with more rights than its caller.
pub fn facts_file() -> PathBuf {
    match std::env::var_os("CCROUTE_COMPILERS") {
        Some(file) if !sys::is_secure() => file.into(),
        _ => compilers::FILE.into(),
    }
}

/// Where rules are read from: `CCROUTE_RULES_DIR` in place of the standard directories, except
/// in a process with more rights than its caller.
pub fn rules_directories() -> Vec<PathBuf> {
    match std::env::var_os("CCROUTE_RULES_DIR") {
        Some(list) if !sys::is_secure() => list
            .as_bytes()
            .split(|&b| b == b':')
            .filter(|d| !d.is_empty())
            .map(|d| Path::new(OsStr::from_bytes(d)).to_path_buf())
            .collect(),
        _ => crate::rules::load::default_dirs(),
    }
}
