//! ccroute: one program under every compiler name. It looks at the name it was called by and at a
//! rules directory, and runs the right installed compiler, hands the job to distcc, or refuses.
//!
//! One invocation reads top to bottom in [`shim`]: [`request`] (what was asked) → [`rules`] (what the
//! administrator says) → [`decide`] (a pure function to a [`decide::Decision`]) → [`shim::exec`].
//!
//! Imports run from the end of this list to its beginning, never back.

pub mod exit;
pub mod os;
pub mod why;

pub mod options;

pub mod abi;

pub mod compiler;

pub mod helper;

pub mod request;

pub mod rules;

pub mod client;

pub mod decide;

pub mod log;

pub mod shim;

pub mod proof;

pub mod cli;
