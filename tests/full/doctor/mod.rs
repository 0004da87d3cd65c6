//! `ccroute doctor`: each finding provoked, its mend typed, and the finding gone; below a root of
//! the test's own, with a real distccd and a real distcc.

mod client;
mod helper;
mod machine;
