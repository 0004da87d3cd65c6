//! The quick tier, `cargo test`: under a minute, as an ordinary user, with nothing installed but a C compiler.

#[path = "../common/mod.rs"]
#[allow(dead_code)]
mod common;

mod around;
mod bad_input;
mod exec;
mod fuzz_brief;
mod golden;
mod json;
mod lines;
mod messages;
mod names;
mod object_hostile;
mod preprocess;
mod program;
mod properties;
mod rules_dirs;
mod rules_laws;
mod rules_text;
mod triples;
mod words;
