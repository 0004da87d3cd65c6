//! ccroute: one program under every compiler name. It looks at the name it was called by and at a
//! rules directory, and runs the right installed compiler, hands the job to distcc, or refuses.
//!
//! One invocation reads top to bottom: [`request`] (what was asked) → [`rules`] (what the
//! administrator says) → [`decide`] (a pure function to a [`decide::Decision`]) → [`exec`].

pub mod args;
pub mod compilers;
pub mod name;
pub mod object;
pub mod probe;
pub mod rules;
pub mod target;
pub mod triple;
