//! Lets compilers prove who they are: [`probe_objects`] compiles the probe, and its digest proves the
//! answers that [`crate::compiler::ask`] got. [`section()`] puts the two together as a section of a rules
//! file; [`verify`] compares what a helper returns.
//!
//! Nothing here runs in the shim: these are the parts of `probe`, `check`, `verify` and `install`.

pub mod object;
mod objects;
#[expect(clippy::module_inception)]
mod proof;
mod section;
mod stand_in;
pub mod verify;

pub use objects::{probe_id, probe_objects, sources, Language, NoObjects, ProbeObject, Scratch};
pub use proof::Proof;
pub use section::{measure, section, section_of, Measured};
pub use stand_in::{check_stand_in, Outcome, Report};
