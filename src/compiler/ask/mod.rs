//! Asks compilers who they are: [`ask()`] collects what a compiler says of itself, [`defaults()`] turns
//! that into flags which, stated to another compiler of the same kind, make it compile the same.
//!
//! Only commands ask, and a client's shim once for each compiler (`-march=native`).

mod answers;
mod clang;
pub(crate) mod defaults;
mod run;

pub use answers::{ask, driver_words, macros, Answers, Compiler, Family, Macros};
pub use defaults::defaults;
pub use run::{answer, run, Answer, Failure, ASK, COMPILE};
