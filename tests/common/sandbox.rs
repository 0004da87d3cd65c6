//! A copy of this machine to try things in that change a machine: `overlay.sh` makes it.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use super::call::{run, Ran};
use super::need;

/// Runs a shell script that sources `overlay.sh`, in mount and process namespaces of its own.
pub fn in_sandbox<S: AsRef<OsStr>>(script: &OsStr, args: impl IntoIterator<Item = S>) -> Ran {
    let sandbox = |options: &[&str]| {
        let mut command = Command::new(need("unshare"));
        if !nix::unistd::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "--pid", "--fork", "--kill-child"]);
        command.args(options);
        command
    };
    // In a chroot there is no mount at / that could be made private; the script then takes its
    // mounts away itself.
    let private = run(sandbox(&[]).arg("true")).code == Some(0);
    let options: &[&str] = match private {
        true => &[],
        false => &["--propagation", "unchanged"],
    };
    run(sandbox(options).arg("sh").arg(script).args(args))
}

/// A port that nobody listens on just now.
pub fn free_port() -> String {
    // In one expression: the listener must be gone when somebody else takes the port.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr());
    free.unwrap().port().to_string()
}
