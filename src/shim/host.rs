//! The real world's answers to a decision's questions, each asked at most once.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use once_cell::unsync::OnceCell;

use crate::client::macros::Built;
use crate::compiler::record;
use crate::compiler::search::Reach;
use crate::compiler::search::{find_launcher, Found, Installed, Search};
use crate::decide::{Facts, Recorded};
use crate::helper::evidence::Evidence;
use crate::helper::guard;
use crate::helper::hostile::{self, Hostile};
use crate::os;
use crate::os::meta::Meta;
use crate::os::FileId;
use crate::request::Place;
use crate::request::{Request, STEERING};

/// What the world is asked about. The fields that are `Some` answer in its place (`explain`).
pub struct Host {
    search: Rc<Search>,
    path: OsString,
    called: String,
    given: Option<Given>,
    skip: Vec<FileId>,
    source: Option<PathBuf>,
    client: OnceCell<Option<IpAddr>>,
    evidence: OnceCell<Evidence>,
    guard_file: PathBuf,
    facts: PathBuf,
    directory: OnceCell<PathBuf>,
    named_directory: OnceCell<PathBuf>,
    records: OnceCell<Option<Vec<u8>>>,
}

/// A compiler that need not be searched for.
struct Given {
    path: PathBuf,
    /// The only name that it answers to; `None`: every name.
    name: Option<OsString>,
}

impl Host {
    /// The world around a request; `this` is the running program's own file ([`this_file`]).
    pub fn new(request: &Request<'_>, path: &OsStr, this: Option<FileId>) -> Host {
        let mut skip = request.passed.0.clone();
        skip.extend(this);
        let mut search = Search::new(path, skip.clone());
        if let (Some(id), Some(executed)) = (this, os::executed_path()) {
            search = search.with_own(Path::new(executed), id);
        }
        Host {
            search: Rc::new(search),
            path: path.to_os_string(),
            called: request.name.to_string(),
            given: None,
            skip,
            source: request
                .job
                .distccd_input()
                .map(|p| PathBuf::from(OsStr::from_bytes(p))),
            client: OnceCell::new(),
            evidence: OnceCell::new(),
            guard_file: guard::GUARD_FILE.into(),
            facts: facts_file(),
            directory: OnceCell::new(),
            named_directory: OnceCell::new(),
            records: OnceCell::new(),
        }
    }

    /// ccroute was called through the directory `through`.
    pub fn called_through(self, through: &Path) -> Host {
        let search = Rc::unwrap_or_clone(self.search).behind(through);
        Host {
            search: Rc::new(search),
            ..self
        }
    }

    /// The directory of PATH through which the request's name leads to ccroute.
    pub fn leads_here(&self) -> Option<PathBuf> {
        self.search.through(&self.called)
    }

    /// Answers as if the client had this address.
    pub fn with_client(self, client: Option<IpAddr>) -> Host {
        Host {
            client: OnceCell::with_value(client),
            ..self
        }
    }

    /// A launcher was told the compiler, `called`, by its path; or one that it started passes on
    /// the path that was settled on before it (`passed`). On a helper neither counts.
    pub fn with_compiler(self, called: &OsStr, passed: Option<OsString>, place: Place) -> Host {
        let given = match (place, passed) {
            (Place::Direct, _) if called.as_bytes().contains(&b'/') => {
                let path = std::path::absolute(called).unwrap_or_default();
                let name = path.file_name().map(OsStr::to_os_string);
                Some(Given { path, name })
            }
            (Place::UnderDistcc, Some(path)) => Some(Given {
                path: path.into(),
                name: None,
            }),
            _ => None,
        };
        Host { given, ..self }
    }

    /// Answers as if no guard were on: what is served does not depend on it.
    pub fn without_guard(self) -> Host {
        Host {
            guard_file: PathBuf::new(),
            ..self
        }
    }

    /// Looks for compilers by a search that others share, whose answers are kept.
    pub fn with_search(self, search: Rc<Search>) -> Host {
        Host { search, ..self }
    }

    /// Reads what is recorded of compilers from this file.
    pub fn with_facts(self, facts: &Path) -> Host {
        Host {
            facts: facts.to_path_buf(),
            ..self
        }
    }

    /// Answers as if this were the job's preprocessed source.
    pub fn with_source(self, source: Option<PathBuf>) -> Host {
        Host { source, ..self }
    }
}

impl Facts for Host {
    fn client(&self) -> Option<IpAddr> {
        *self.client.get_or_init(|| os::peer().map(|p| p.address))
    }

    fn evidence(&self) -> &Evidence {
        self.evidence.get_or_init(|| {
            let source = self.source.as_deref();
            // A source that cannot be read shows nothing; the compiler will say why.
            source.map_or_else(Evidence::default, |s| Evidence::read(s).unwrap_or_default())
        })
    }

    fn find(&self, name: &str, first: &[String]) -> Found {
        // What is given may be ccroute itself or a wrapper, and then is none.
        let given = self.given.as_ref().filter(|given| {
            let named = given.name.as_deref();
            given.path.is_absolute() && named.is_none_or(|n| n == OsStr::new(name))
        });
        match given.map(|g| self.search.at(&g.path)) {
            Some(Found::Yes(installed)) => Found::Yes(installed),
            _ => self.search.find(name, first),
        }
    }

    fn find_all(&self, name: &str, first: &[String]) -> Vec<Installed> {
        self.search.find_all(name, first)
    }

    fn versions_of(&self, name: &str, first: &[String]) -> Vec<String> {
        self.search.versions_of(name, first)
    }

    fn triples_with(&self, suffix: &str, first: &[String]) -> Vec<String> {
        self.search.triples_with(suffix, first)
    }

    fn recorded(&self, compiler: &Installed) -> Option<Recorded> {
        // Facts that cannot be trusted are none; `check` says so.
        let records = self
            .records
            .get_or_init(|| record::read(&self.facts).ok().flatten());
        let stat = record::Stat::from(compiler);
        let record = record::lookup(records.as_deref()?, &compiler.path, &stat)?;
        Some(Recorded {
            target: record.target()?,
            version: record.version.to_owned(),
            defaults: record.flags().map(str::to_owned).collect(),
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

    fn precompiled(&self, tree: &Path) -> Option<Hostile> {
        hostile::precompiled(tree)
    }

    fn named_directory(&self) -> &Path {
        let id = |path: &Path| Meta::of(path).ok().map(|meta| meta.id());
        self.named_directory.get_or_init(|| {
            let named = std::env::var_os("PWD").map(PathBuf::from);
            let same = named.filter(|p| p.is_absolute() && id(p) == id(Path::new(".")));
            same.unwrap_or_else(|| self.working_directory().to_path_buf())
        })
    }

    fn launcher(&self, name: &str) -> Option<PathBuf> {
        find_launcher(name, self.search.path(), &self.skip)
    }

    fn expanded(&self, compiler: &Path, args: &[&OsStr]) -> Option<Vec<OsString>> {
        crate::client::native::expanded(compiler, args)
    }

    fn source(&self, path: &OsStr) -> Option<Vec<u8>> {
        // A larger source takes longer to look through than its macros to expand.
        const MOST: u64 = 4 << 20;
        let small = Meta::of(Path::new(path)).is_ok_and(|m| m.is_file() && m.size() <= MOST);
        small.then(|| fs::read(path).ok())?
    }

    fn leads_here(&self, full: &str) -> bool {
        self.search.leads_here(&self.path, full)
    }

    fn pumps(&self) -> bool {
        std::env::var_os("INCLUDE_SERVER_PORT").is_some()
    }

    fn built(&self) -> Option<Built> {
        Built::now(std::env::var_os("SOURCE_DATE_EPOCH").as_deref())
    }

    fn reach(&self, full: &str, local: &Path) -> Reach {
        match path_set() {
            Some(_) => self.search.reach(&self.path, &self.called, full, local),
            None => Reach::NoPath,
        }
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

/// The identity of the running program's file. The path that the kernel was given leads to it and
/// costs a fifth of /proc/self/exe, whose entries the kernel makes anew for each process.
pub fn this_file() -> Option<FileId> {
    let executed = os::executed_path().and_then(|path| Meta::of(Path::new(path)).ok());
    let meta = executed.or_else(|| Meta::of(Path::new("/proc/self/exe")).ok())?;
    Some(meta.id())
}

/// PATH, or where the C library looks without it.
pub fn path_variable() -> OsString {
    path_set().unwrap_or_else(|| "/bin:/usr/bin".into())
}

/// PATH, if there is one that names a directory.
fn path_set() -> Option<OsString> {
    std::env::var_os("PATH").filter(|path| !path.is_empty())
}

/// A variable that is set and by which compilers choose programs or options.
pub fn steering_variable() -> Option<&'static str> {
    let is_set = |name: &&str| std::env::var_os(name).is_some();
    STEERING.into_iter().find(is_set)
}

/// The directories of PATH, for the commands.
pub fn search_path() -> Search {
    Search::new(&path_variable(), Vec::new())
}

/// Where the facts of compilers are recorded: `CCROUTE_COMPILERS` in place of the standard file,
/// except in a process with more rights than its caller.
pub fn facts_file() -> PathBuf {
    match std::env::var_os("CCROUTE_COMPILERS") {
        Some(file) if !os::is_secure() => file.into(),
        _ => record::FILE.into(),
    }
}

/// Where rules are read from: `CCROUTE_RULES_DIR` in place of the standard directories, except
/// in a process with more rights than its caller. An empty item stands for the shipped rules.
pub fn rules_directories() -> Vec<PathBuf> {
    match std::env::var_os("CCROUTE_RULES_DIR") {
        Some(list) if !os::is_secure() => list
            .as_bytes()
            .split(|&b| b == b':')
            .map(|d| Path::new(OsStr::from_bytes(d)).to_path_buf())
            .collect(),
        _ => crate::rules::load::default_dirs(),
    }
}
