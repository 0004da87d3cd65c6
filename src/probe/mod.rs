//! Asks compilers who they are, and lets them prove it.
//!
//! [`ask()`] collects what a compiler says of itself, [`defaults()`] turns that into flags which,
//! stated to another compiler of the same kind, make it compile the same; [`probe_objects`]
//! compiles the probe, and its digest proves it. [`section()`] puts the three together as a section
//! of a rules file.
//!
//! Nothing here runs in the shim: these are the parts of `probe`, `check`, `verify` and `install`.

mod ask;
mod clang;
mod defaults;
mod objects;
mod proof;
mod run;
mod section;
mod stand_in;

pub use ask::{ask, driver_words, macros, Answers, Compiler, Family, Macros};
pub use defaults::defaults;
pub use objects::{probe_id, probe_objects, sources, Language, NoObjects, ProbeObject, Scratch};
pub use proof::Proof;
pub use run::{answer, run, Answer, Failure, ASK, COMPILE};
pub use section::{measure, section, section_of, Measured};
pub use stand_in::{check_stand_in, Outcome, Report};
