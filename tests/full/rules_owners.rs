//! Rules that somebody else owns, which only root can make.

use std::fs;
use std::os::unix::fs::{chown, symlink};

use crate::common::rules::{mode, Farm};

/// Somebody who is neither root nor anyone that these tests run as.
const STRANGER: u32 = 54_321;

#[test]
fn what_a_stranger_owns_is_refused() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "only root can give files away: run this test as root"
    );
    let farm = Farm::new("owners");
    let file = farm.file("d1/x.rules", "[a]\n");
    let (dir, above) = (farm.path("d1"), farm.0.clone());
    let full = above.display().to_string();
    for (path, name) in [(&file, "d1/x.rules"), (&dir, "d1"), (&above, full.as_str())] {
        chown(path, Some(STRANGER), None).unwrap();
        assert_eq!(
            farm.load(),
            format!(
                "{name}: it is owned by neither root nor the user who runs ccroute; chown root {name}"
            )
        );
        chown(path, Some(0), None).unwrap();
    }
    // A stranger's group cannot write here.
    chown(&file, None, Some(STRANGER)).unwrap();
    assert_eq!(farm.load(), "d1/x.rules");
    // A stranger's link in a sticky directory could mask any file or lead anywhere.
    mode(&dir, 0o1777);
    for target in ["/dev/null", "../y"] {
        farm.file("y", "");
        fs::remove_file(&file).unwrap();
        symlink(target, &file).unwrap();
        assert!(!farm.load().contains("owned"), "{target}");
        nix::unistd::fchownat(
            nix::fcntl::AT_FDCWD,
            &file,
            Some(STRANGER.into()),
            None,
            nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW,
        )
        .unwrap();
        assert!(
            farm.load()
                .starts_with("d1/x.rules: it is owned by neither root nor the user"),
            "{target}: {}",
            farm.load()
        );
    }
}
