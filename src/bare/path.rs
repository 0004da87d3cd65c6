//! Paths without links. What the kernel itself could tell by /proc costs more than all the rest: its entries are
//! made anew for each process.

use std::ffi::c_int;

use ::libc::ELOOP;
use ccroute::sys::MAX_LINKS;

/// Tells where the link at a path leads, `None` where there is something else than a link; or an error's number.
pub type Link<'a> = dyn FnMut(&[u8]) -> Result<Option<Vec<u8>>, c_int> + 'a;

/// The absolute path `path` without links, `.` and `..`.
///
/// # Errors
/// As `link` gives them, or ELOOP for too many links.
pub fn resolved(path: &[u8], link: &mut Link<'_>) -> Result<Vec<u8>, c_int> {
    let mut done: Vec<u8> = Vec::with_capacity(256);
    // What is still to be walked, the next part last.
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let walk = |path: &[u8], parts: &mut Vec<Vec<u8>>| {
        let named = path.split(|&b| b == b'/').filter(|p| !p.is_empty());
        parts.extend(named.rev().map(<[u8]>::to_vec));
    };
    walk(path, &mut parts);
    let mut links = 0;
    while let Some(part) = parts.pop() {
        let parent = done.len();
        match part.as_slice() {
            b"." => continue,
            b".." => {
                done.truncate(done.iter().rposition(|&b| b == b'/').unwrap_or(0));
                continue;
            }
            name => {
                done.push(b'/');
                done.extend_from_slice(name);
            }
        }
        let Some(target) = link(&done)? else { continue };
        links += 1;
        if links > MAX_LINKS {
            return Err(ELOOP);
        }
        done.truncate(if target.first() == Some(&b'/') {
            0
        } else {
            parent
        });
        walk(&target, &mut parts);
    }
    if done.is_empty() {
        done.push(b'/');
    }
    Ok(done)
}
