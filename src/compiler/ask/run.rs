//! Runs a compiler to ask it something: clean environment, no input, a time limit, bounded
//! output. What it prints must depend on the compiler and the question only.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{killpg, Signal};
use nix::unistd::Pid;

/// What a question may take: a Raspberry Pi 1 under load answers in under two seconds.
pub const ASK: Duration = Duration::from_secs(30);
/// What compiling a probe may take, an emulated machine's compiler included.
pub const COMPILE: Duration = Duration::from_secs(180);

/// What is kept of each output stream. Predefined macros, the largest answer, take some 20 kB.
const KEEP: usize = 1 << 20;

/// Variables that a compiler needs to be found and to work. Everything else stays behind: GCC's
/// `CPATH`, `COMPILER_PATH` and `GCC_*`, `SOURCE_DATE_EPOCH`, `LANG`, distcc's and ccache's.
const PASSED: &[&str] = &["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"];

/// What a program answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub stdout: String,
    pub stderr: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{program}: {error}")]
    Start { program: String, error: io::Error },
    #[error("{program}: no answer within {} seconds", limit.as_secs())]
    TooSlow { program: String, limit: Duration },
    /// It ended with an error; the words are the first lines that it wrote.
    #[error("{program}: {words}")]
    Failed { program: String, words: String },
}

/// Runs `program` in the directory given.
///
/// # Errors
/// It cannot be started, takes too long (it and what it started are killed then), or fails.
pub fn run<S: AsRef<OsStr>>(
    program: &Path,
    args: &[S],
    directory: &Path,
    limit: Duration,
) -> Result<Answer, Failure> {
    let mut command = Command::new(program);
    command.args(args).current_dir(directory).env_clear();
    for name in PASSED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("LC_ALL", "C");
    answer(command, program, limit)
}

/// Runs a command that is ready but for its streams; see [`run`].
///
/// # Errors
/// As [`run`].
pub fn answer(mut command: Command, program: &Path, limit: Duration) -> Result<Answer, Failure> {
    let name = || program.display().to_string();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: cc1 and as are children of the driver and must end with it.
        .process_group(0);
    let mut child = command.spawn().map_err(|error| Failure::Start {
        program: name(),
        error,
    })?;
    let group = i32::try_from(child.id()).map(Pid::from_raw);
    let (sender, receiver) = mpsc::channel();
    drain(child.stdout.take(), 0, &sender);
    drain(child.stderr.take(), 1, &sender);
    drop(sender);

    let deadline = Instant::now() + limit;
    let mut texts = [String::new(), String::new()];
    let too_slow = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok((stream, text)) => {
                if let Some(slot) = texts.get_mut::<usize>(stream) {
                    *slot = text;
                }
            }
            // Both streams are closed.
            Err(mpsc::RecvTimeoutError::Disconnected) => break false,
            Err(mpsc::RecvTimeoutError::Timeout) => break true,
        }
    };
    if too_slow {
        if let Ok(group) = group {
            // The group may be gone already; there is nothing to do about that.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
    let status = child.wait().map_err(|error| Failure::Start {
        program: name(),
        error,
    })?;
    if too_slow {
        return Err(Failure::TooSlow {
            program: name(),
            limit,
        });
    }
    let [stdout, stderr] = texts;
    if !status.success() {
        // A refusal of a helper's comes on standard output, the only stream that distcc passes on.
        let lines = stdout.lines().take(3).chain(stderr.lines().take(3));
        let mut words: Vec<&str> = lines.map(str::trim).collect();
        let status = status.to_string();
        words.retain(|line| !line.is_empty());
        if words.is_empty() {
            words.push(&status);
        }
        return Err(Failure::Failed {
            program: name(),
            words: words.join("; "),
        });
    }
    Ok(Answer { stdout, stderr })
}

/// Reads a stream to its end in a thread of its own and sends the beginning of it.
fn drain<R: Read + Send + 'static>(
    stream: Option<R>,
    number: usize,
    to: &mpsc::Sender<(usize, String)>,
) {
    let Some(mut stream) = stream else { return };
    let to = to.clone();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut block = [0; 8192];
        loop {
            match stream.read(&mut block) {
                Ok(0) => break,
                Ok(n) => {
                    // Beyond the limit it is still read, so that the program does not hang.
                    let room = KEEP.saturating_sub(kept.len()).min(n);
                    kept.extend(block.iter().take(room));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // Nobody listens any more after a time-out.
        let _ = to.send((number, String::from_utf8_lossy(&kept).into_owned()));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> Result<Answer, Failure> {
        run(Path::new("/bin/sh"), &["-c", script], Path::new("/"), limit)
    }

    #[test]
    fn the_environment_is_clean_and_output_is_kept() {
        let answer = sh("echo ${LC_ALL}${CARGO_PKG_NAME-none}; echo e >&2; cat", ASK).unwrap();
        assert_eq!(answer.stdout, "Cnone\n");
        assert_eq!(answer.stderr, "e\n");
    }

    #[test]
    fn what_hangs_is_killed_with_its_children() {
        let start = Instant::now();
        let result = sh("sleep 60 & sleep 60", Duration::from_millis(100));
        assert!(matches!(result, Err(Failure::TooSlow { .. })), "{result:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn much_output_does_not_hang() {
        let answer = sh("head -c 3000000 /dev/zero", ASK).unwrap();
        assert_eq!(answer.stdout.len(), KEEP);
    }

    #[test]
    fn an_error_says_what_the_program_said() {
        let error = sh("echo no such flag >&2; exit 1", ASK).unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh: no such flag");
        let error = run(Path::new("/no/such"), &["x"], Path::new("/"), ASK).unwrap_err();
        assert!(error.to_string().starts_with("/no/such: "), "{error}");
    }
}
