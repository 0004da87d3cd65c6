//! The program as a file: an ordinary executable, as hardened as any.

use std::path::Path;

use crate::common::call::tool_output;
use crate::common::CCROUTE;

#[test]
fn it_is_position_independent_with_full_relro() {
    let read = |option| tool_output("readelf", [option, "-W", CCROUTE], Path::new("/"));
    let header = read("-h");
    assert!(
        header.contains("Type:                              DYN"),
        "{header}"
    );
    let segments = read("-l");
    assert!(segments.contains("GNU_RELRO"), "{segments}");
    assert!(segments.contains("INTERP"), "a static program: {segments}");
    let stack = segments.lines().find(|l| l.contains("GNU_STACK")).unwrap();
    assert!(!stack.contains("RWE"), "{stack}");
    // Without it the table of functions stays writable: only partial.
    let dynamic = read("-d");
    let flags = dynamic.lines().find(|l| l.contains("(FLAGS_1)")).unwrap();
    assert!(flags.contains("NOW") && flags.contains("PIE"), "{dynamic}");
    assert!(
        !dynamic.contains("(TEXTREL)") && !dynamic.contains("(RUNPATH)"),
        "{dynamic}"
    );
}
