//! The record of calls and `ccroute stats`: every call counts once, whatever runs beside it, and no
//! compile ever fails because of it.

mod counting;
mod machine;
mod writing;
