//! ccroute: one program under every compiler name. It looks at the name it was called by and at a
//! rules directory, and runs the right installed compiler, hands the job to distcc, or refuses.
//!
//! One invocation reads top to bottom: [`request`] (what was asked) → [`rules`] (what the
//! administrator says) → [`decide`] (a pure function to a [`decide::Decision`]) → [`exec`].

pub mod args;
pub mod calls;
pub mod cli;
pub mod client;
pub mod compilers;
pub mod decide;
pub mod defaults;
pub mod evidence;
pub mod exec;
pub mod exit;
pub mod guard;
pub mod hostile;
pub mod name;
pub mod object;
pub mod probe;
pub mod request;
pub mod rules;
pub mod sandbox;
pub mod shim;
pub mod sys;
pub mod target;
pub mod toolchain;
pub mod triple;
pub mod verify;
pub mod world;
