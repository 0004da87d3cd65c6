//! distcc's local preprocessor, for a job whose macros are left to the helper: examines its text, and
//! where the helper would make another object of it, preprocesses once more with the macros expanded.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::path::Path;

use nix::unistd::{lseek, Whence};

use crate::client::examine;
use crate::client::macros::{translates_trigraphs, OPTION};
use crate::decide::Run;
use crate::exit::Exit;
use crate::os;
use crate::os::process::{end_by, memory_file, run as run_child, Ended};
use crate::request::Request;

/// Preprocesses, and returns the code to exit with.
///
/// # Errors
/// The compiler cannot be run, or the preprocessor's output cannot be read back.
pub fn preprocess(run: &Run, request: &Request<'_>, passed: (&str, &OsStr)) -> io::Result<Exit> {
    let args: Vec<&OsStr> = run.args.iter().map(OsString::as_os_str).collect();
    let expanded: Vec<&OsStr> = args.iter().copied().filter(|a| *a != OPTION).collect();
    let set = [passed];
    let (Ok(mut output), Ok(mut errors)) = (Output::take(), memory_file()) else {
        return Err(os::exec(&run.compiler, &expanded, &set, &|_| true));
    };
    match run_child(&run.compiler, &args, &set, Some(&errors)) {
        Ok(Ended::Code(0)) => {
            let main = request.job.inputs.first().copied().unwrap_or_default();
            let mut read = |path: &Path| fs::read(path).ok();
            let found = examine::text(&content(&mut output.file)?, main, &mut read);
            let said = content(&mut errors)?;
            if found.is_none() && is_said_once(&said) {
                os::write_all(2, &said);
                return Ok(Exit::Success);
            }
        }
        Ok(Ended::Signal(signal)) => end_by(signal),
        // It will say again what is wrong, or nothing is wrong with the macros expanded.
        Ok(Ended::Code(_)) | Err(_) => {}
    }
    output.empty()?;
    let mut errors = memory_file()?;
    let ended = run_child(&run.compiler, &expanded, &set, Some(&errors))?;
    let mut translated_twice = false;
    if ended == Ended::Code(0) && translates_trigraphs(&expanded) {
        translated_twice = examine::has_trigraph(&content(&mut output.file)?);
    }
    // The compile that distcc does here after a failure says the same again.
    let counts = ended == Ended::Code(0) && !translated_twice;
    if counts || !is_compiled_here_next() {
        os::write_all(2, &content(&mut errors)?);
    }
    match ended {
        Ended::Code(0) if translated_twice => {
            // The helper would translate it again. distcc compiles here after this.
            let why = "a trigraph in its text was none in the source (a continued line is between)";
            os::write_all(
                2,
                format!("ccroute: {}: compiled here: {why}\n", request.name).as_bytes(),
            );
            Ok(Exit::Refused)
        }
        Ended::Code(code) => std::process::exit(code),
        Ended::Signal(signal) => end_by(signal),
    }
}

/// Whether distcc compiles here after its preprocessor has failed.
fn is_compiled_here_next() -> bool {
    let never = std::env::var_os("DISTCC_FALLBACK").is_some_and(|value| value == "0");
    !never && std::env::var_os("DISTCC_SKIP_LOCAL_RETRY").is_none()
}

/// Standard output as a file that can be read back and begun anew.
struct Output {
    file: File,
}

impl Output {
    /// distcc opens it for writing only.
    fn take() -> io::Result<Output> {
        let file = File::options()
            .read(true)
            .write(true)
            .open("/proc/self/fd/1")?;
        let begun = lseek(io::stdout().as_fd(), 0, Whence::SeekCur)?;
        match file.metadata()?.is_file() && begun == 0 {
            true => Ok(Output { file }),
            false => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn empty(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        lseek(io::stdout().as_fd(), 0, Whence::SeekSet)?;
        Ok(())
    }
}

fn content(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the helper would not say again what the preprocessor said here. It sees the `#define` lines
/// too, but no conditionals and no `#warning`.
fn is_said_once(said: &[u8]) -> bool {
    let diagnoses = |line: &&[u8]| line.first().is_some_and(|b| !b.is_ascii_whitespace());
    let once = |line: &[u8]| {
        line.ends_with(b",")
            || line.ends_with(b":")
            || line.ends_with(b"[-Wcpp]")
            || line.ends_with(b"[-Wundef]")
    };
    let lines = said.split(|&b| b == b'\n');
    lines.filter(diagnoses).all(once)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_conditionals_and_warnings_are_said_once() {
        let once = "In file included from a.h:1,\n                 from a.c:1:\nb.h:1:2: warning: #warning x [-Wcpp]\n    1 | #warning x\n      |  ^~~\n";
        assert!(is_said_once(b""));
        assert!(is_said_once(once.as_bytes()));
        let again = "a.c:1:11: warning: missing terminating ' character\n    1 | #define A '\n      |           ^\n";
        assert!(!is_said_once(again.as_bytes()));
        assert!(!is_said_once(format!("{once}{again}").as_bytes()));
    }
}
