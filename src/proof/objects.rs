//! The probe: two sources compiled into objects, whose digests are the proof.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::mkdtemp;
use sha2::{Digest, Sha256};

use crate::compiler::ask::Compiler;
use crate::compiler::ask::{run, Failure, COMPILE};
use crate::proof::object::{digest, Facts, Unreadable, FORM};

/// The sources, and how each is compiled: the language is said because the standard that a
/// compiler assumes changes with its version, and the version is not what a probe is about.
const SOURCES: [Source; 2] = [
    Source {
        language: Language::C,
        file: "probe.c",
        text: include_str!("probe.c"),
        flags: &["-x", "c", "-std=gnu99"],
    },
    Source {
        language: Language::Cxx,
        file: "probe.cc",
        text: include_str!("probe.cc"),
        flags: &["-x", "c++", "-std=gnu++11"],
    },
];

/// What every probe is compiled with. -O2, so that scheduling and the choice of instructions
/// show; no debug information, because it names places.
const ALWAYS: &[&str] = &["-O2", "-g0", "-w", "-c"];

struct Source {
    language: Language,
    file: &'static str,
    text: &'static str,
    flags: &'static [&'static str],
}

/// The language of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    C,
    Cxx,
}

impl Language {
    /// The word for it in a `proof`.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::C => "c",
            Language::Cxx => "c++",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why there are no probe objects.
#[derive(Debug, thiserror::Error)]
pub enum NoObjects {
    #[error(transparent)]
    Compiler(#[from] Failure),
    #[error("the object that {compiler} made: {error}")]
    Object { compiler: String, error: Unreadable },
    #[error("cannot write the probe's source or read its object: {0}")]
    Files(#[from] io::Error),
}

/// One probe object.
#[derive(Clone, Debug)]
pub struct ProbeObject {
    pub language: Language,
    pub bytes: Vec<u8>,
    pub digest: String,
    pub facts: Facts,
}

/// The probe's sources, by file name.
pub fn sources() -> impl Iterator<Item = (&'static str, &'static str)> {
    SOURCES.iter().map(|source| (source.file, source.text))
}

/// What names the probe: digests of different probes, or of another canonical form, cannot be
/// compared. It changes by itself with the sources and flags.
pub fn probe_id() -> String {
    let mut hash = Sha256::new();
    hash.update(FORM.to_le_bytes());
    for source in &SOURCES {
        for word in source.flags.iter().chain(ALWAYS).chain([&source.text]) {
            hash.update(word.as_bytes());
            hash.update([0]);
        }
    }
    hash.finalize()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

/// Compiles the probes with these flags: C, then C++ where that compiler is installed. A missing
/// C++ compiler is no error, because many machines that only build kernels have none.
///
/// # Errors
/// The C probe cannot be compiled (a flag it rejects, no assembler), or the C++ probe fails
/// although its compiler is there; or the object is not ELF.
pub fn probe_objects<S: AsRef<str>>(
    compiler: &Compiler,
    flags: &[S],
) -> Result<Vec<ProbeObject>, NoObjects> {
    let scratch = Scratch::new()?;
    let mut list = Vec::new();
    for source in &SOURCES {
        match compile(compiler, source, flags, scratch.path()) {
            Ok(object) => list.push(object),
            Err(NoObjects::Compiler(failure))
                if source.language == Language::Cxx && is_missing(&failure) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(list)
}

/// gcc says "error trying to exec 'cc1plus'" up to 11 and "cannot execute" since.
fn is_missing(failure: &Failure) -> bool {
    matches!(failure, Failure::Failed { words, .. } if words.contains("cc1plus'"))
}

fn compile<S: AsRef<str>>(
    compiler: &Compiler,
    source: &Source,
    flags: &[S],
    directory: &Path,
) -> Result<ProbeObject, NoObjects> {
    // Relative names and the directory as cwd: nothing of the place can get into the object.
    fs::write(directory.join(source.file), source.text)?;
    let output = "probe.o";
    let args: Vec<&str> = flags
        .iter()
        .map(AsRef::as_ref)
        .chain(ALWAYS.iter().copied())
        .chain(source.flags.iter().copied())
        .chain([source.file, "-o", output])
        .collect();
    run(&compiler.path, &compiler.with(&args), directory, COMPILE)?;
    let bytes = fs::read(directory.join(output))?;
    let unreadable = |error| NoObjects::Object {
        compiler: compiler.to_string(),
        error,
    };
    Ok(ProbeObject {
        language: source.language,
        digest: digest(&bytes).map_err(unreadable)?,
        facts: Facts::read(&bytes).map_err(unreadable)?,
        bytes,
    })
}

/// A directory of one's own for as long as the value lives.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one (mode 0700) in `$TMPDIR` or `/tmp`.
    ///
    /// # Errors
    /// The place cannot be written.
    pub fn new() -> io::Result<Scratch> {
        Ok(Scratch(mkdtemp(
            &std::env::temp_dir().join("ccroute-XXXXXX"),
        )?))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing depends on it: what is left behind is a few small files in a temporary place.
        let _ = fs::remove_dir_all(&self.0);
    }
}
