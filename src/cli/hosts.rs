//! distcc's hosts: who they are, whether they answer, whether distcc leaves one alone for a while.

use std::ffi::OsString;
use std::fs;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// distccd's port (distcc 3.4, `hosts.h`).
const PORT: u16 = 3632;
/// How long distcc leaves a host alone after a failure, in seconds (`backoff.c`).
const BACKOFF: u64 = 60;
/// How long an answer is waited for, names looked up included.
const PATIENCE: Duration = Duration::from_secs(3);

/// A host of distcc's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Local,
    Tcp {
        name: String,
        port: u16,
    },
    /// Through ssh, which would ask for what only its user has.
    Ssh,
}

impl Host {
    /// Its address as distcc takes it, with the port; `None` for one without.
    pub(super) fn address(&self) -> Option<String> {
        match self {
            Host::Tcp { name, port } if name.contains(':') => Some(format!("[{name}]:{port}")),
            Host::Tcp { name, port } => Some(format!("{name}:{port}")),
            Host::Local | Host::Ssh => None,
        }
    }
}

/// distcc's list of hosts as distcc itself reads it: variables, files, options.
pub(super) fn list(distcc: &Path) -> Vec<Host> {
    parse(&shown(distcc))
}

/// The same as distcc prints it.
pub(super) fn shown(distcc: &Path) -> String {
    let mut command = Command::new(distcc);
    command
        .arg("--show-hosts")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    if let Some(home) = home() {
        command.env("HOME", home);
    }
    let text = command.output().map_or(Vec::new(), |o| o.stdout);
    String::from_utf8_lossy(&text).into_owned()
}

/// The home of the user whose builds these are: under sudo that of the user who called it.
pub(super) fn home() -> Option<PathBuf> {
    let caller = sudo_user().and_then(|name| nix::unistd::User::from_name(&name).ok()?);
    match caller {
        Some(user) => Some(user.dir),
        None => std::env::var_os("HOME").map(PathBuf::from),
    }
}

/// The user who called this program through sudo.
pub(super) fn sudo_user() -> Option<String> {
    let root = nix::unistd::geteuid().is_root();
    let user = std::env::var("SUDO_USER").ok();
    user.filter(|name| root && name != "root" && !name.is_empty())
}

/// Where distcc's list of hosts comes from, as distcc looks for it (distcc 3.4, `hosts.c`): the words
/// for a message.
pub(super) fn source(variable: &dyn Fn(&str) -> Option<OsString>) -> String {
    if variable("DISTCC_HOSTS").is_some() {
        return "DISTCC_HOSTS".into();
    }
    let own = variable("DISTCC_DIR").map(PathBuf::from);
    let own = own.or_else(|| home().map(|h| h.join(".distcc")));
    match own.map(|dir| dir.join("hosts")).filter(|f| f.is_file()) {
        Some(file) => file.display().to_string(),
        None => FILE.into(),
    }
}

/// The list of hosts of a whole system.
pub(super) const FILE: &str = "/etc/distcc/hosts";

/// Reads hosts as `distcc(1)` describes them: `HOST[:PORT][/LIMIT][,OPTION]`, `[USER]@HOST…`.
pub(super) fn parse(text: &str) -> Vec<Host> {
    let words = text.lines().flat_map(|l| {
        let line = l.split('#').next().unwrap_or_default();
        line.split_ascii_whitespace()
    });
    words
        .filter(|w| !w.starts_with("--") && !w.starts_with('+'))
        .filter_map(host)
        .collect()
}

fn host(word: &str) -> Option<Host> {
    let word = word.split(',').next()?;
    if word.contains('@') {
        return Some(Host::Ssh);
    }
    let (name, rest) = match word.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => word.split_at(word.find([':', '/']).unwrap_or(word.len())),
    };
    if name == "localhost" && !rest.starts_with(':') {
        return Some(Host::Local);
    }
    let port = match rest.strip_prefix(':') {
        Some(port) => port.split('/').next()?.parse().ok()?,
        None => PORT,
    };
    let name = name.to_owned();
    (!name.is_empty()).then_some(Host::Tcp { name, port })
}

/// Which of these do not answer, each with why. All are asked at once.
pub(super) fn unreachable(hosts: &[Host]) -> Vec<(String, String)> {
    let until = Instant::now() + PATIENCE;
    let (tell, told) = mpsc::channel();
    let mut waiting: Vec<String> = Vec::new();
    for host in hosts {
        let Host::Tcp { name, port } = host else {
            continue;
        };
        let title = format!("{name}:{port}");
        if waiting.contains(&title) {
            continue;
        }
        waiting.push(title.clone());
        let (tell, name, port) = (tell.clone(), name.clone(), *port);
        // One that hangs, in a look-up for instance, is left behind.
        thread::spawn(move || tell.send((title, connect(&name, port))));
    }
    drop(tell);
    let mut failed = Vec::new();
    while !waiting.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        match told.recv_timeout(left) {
            Ok((title, result)) => {
                waiting.retain(|t| *t != title);
                failed.extend(result.err().map(|why| (title, why)));
            }
            Err(_) => break,
        }
    }
    let late = waiting
        .into_iter()
        .map(|t| (t, "does not answer".to_owned()));
    failed.extend(late);
    failed.sort();
    failed
}

fn connect(name: &str, port: u16) -> Result<(), String> {
    let addresses = (name, port).to_socket_addrs().map_err(|e| e.to_string())?;
    let mut why = "no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// A host that distcc leaves alone: its file, its name, for how many seconds more.
pub(super) struct Backoff {
    pub(super) file: PathBuf,
    pub(super) host: String,
    pub(super) seconds: u64,
}

/// The hosts that distcc leaves alone now (`backoff.c`: the age of a file in its `lock`
/// directory).
pub(super) fn backoffs(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<Backoff> {
    let own = || home().map(|h| h.join(".distcc"));
    let Some(dir) = variable("DISTCC_DIR").map(PathBuf::from).or_else(own) else {
        return Vec::new();
    };
    let text = variable("DISTCC_BACKOFF_PERIOD").and_then(|v| v.into_string().ok());
    let period = text.and_then(|t| t.parse().ok()).unwrap_or(BACKOFF);
    let entries = fs::read_dir(dir.join("lock"))
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<Backoff> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let host = name.strip_prefix("backoff_")?;
            let host = host.strip_prefix("tcp_").unwrap_or(host);
            // HOST_PORT_SLOT
            let mut parts = host.rsplitn(3, '_');
            let (_, port, host) = (parts.next()?, parts.next()?, parts.next()?);
            let modified = entry.metadata().ok()?.modified().ok()?;
            let age = SystemTime::now()
                .duration_since(modified)
                .unwrap_or_default();
            let seconds = period.checked_sub(age.as_secs()).filter(|&s| s > 0)?;
            Some(Backoff {
                file: entry.path(),
                host: format!("{host}:{port}"),
                seconds,
            })
        })
        .collect();
    found.sort_by(|a, b| a.file.cmp(&b.file));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_distcc_writes_them() {
        let tcp = |name: &str, port| Host::Tcp {
            name: name.into(),
            port,
        };
        let text = "--randomize\n192.168.1.10/4,lzo\nbig:4200/8,cpp,lzo localhost/2 # here\n\
                    [fe80::1]:3633/2\n[::1]\nme@far/3\n@far\n--localslots=2\nlocalhost:4000\n";
        assert_eq!(
            parse(text),
            [
                tcp("192.168.1.10", PORT),
                tcp("big", 4200),
                Host::Local,
                tcp("fe80::1", 3633),
                tcp("::1", PORT),
                Host::Ssh,
                Host::Ssh,
                tcp("localhost", 4000),
            ]
        );
        assert_eq!(parse(":3 []/2 x:port [open"), []);
    }
}
