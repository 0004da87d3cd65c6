//! The machine that code is made for.

use super::{joined, next, word, Harm, Row, Stays, When};
use Harm::NoObject;
use Stays::{Native, Spelling};
use When::Only;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    next("--mhwdiv").clang().stays(Spelling),
    word("--target").target(),
    word("-EB").target(),
    word("-EL").target(),
    joined("-G"),
    next("-arch").clang().target(),
    next("-darwin-target-variant").clang().target(),
    next("-darwin-target-variant-triple").clang().target(),
    word("-m16").target(),
    word("-m31").target(),
    word("-m32").target(),
    word("-m64").target(),
    word("-march").target().stays_if(Only(&["native"]), Native).refused(Only(&["?", "help"]), NoObject, "only prints"),
    word("-mcpu").target().stays_if(Only(&["native"]), Native).refused(Only(&["?", "help"]), NoObject, "only prints"),
    next("-meabi").clang(),
    next("-mthread-model").clang(),
    word("-mtune").stays_if(Only(&["native"]), Native).refused(Only(&["?", "help"]), NoObject, "only prints"),
    word("-mx32").target(),
    next("-target").target(),
];
