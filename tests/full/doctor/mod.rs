//! `ccroute doctor`: each finding provoked, its fix typed, and the finding gone; below a root of
//! the test's own, with a real distccd and a real distcc.

mod client;
mod fixes;
mod helper;
mod machine;
