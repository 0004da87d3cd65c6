//! The client's side: what of a direct request stays here, and in what form the rest leaves.

pub mod clang;
pub mod deps;
pub mod examine;
pub mod local;
pub mod macros;
pub mod native;
