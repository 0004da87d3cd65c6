//! From nothing to the first distributed object: `tests/first/run.sh`. It installs Debian systems, which
//! takes minutes, so `make test-all` runs it.

use std::path::Path;
use std::process::Command;

use crate::common::call::run;
use crate::common::{need, CCROUTE};

/// README's commands, five or fewer on each machine, no file edited, until `ccroute test` says that the
/// helper compiled the object.
#[test]
#[ignore = "installs Debian systems; make test-all runs it, as root"]
fn five_commands_on_each_of_two_clean_machines() {
    for program in ["debootstrap", "ip", "unshare", "readelf"] {
        need(program);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/first/run.sh");
    let mut command = Command::new(need("bash"));
    command
        .arg(script)
        .arg("/var/tmp/ccroute-first")
        .arg(CCROUTE);
    let ran = run(&mut command);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    println!("{}", ran.stdout);
    assert!(
        ran.stdout
            .ends_with("the first object came from the helper\n"),
        "{}",
        ran.stdout
    );
}
