//! The full set, `make test`: distcc and distccd on loopback, Debian's cross compilers, clean roots; some
//! of it as root.

#[path = "../common/mod.rs"]
#[allow(dead_code)]
mod common;

mod attacks;
mod builders;
mod builds;
mod clean_roots;
mod client;
mod defaults;
mod dependencies;
mod distcc_facts;
mod doctor;
mod expand_macros;
mod faults;
mod faults_around;
mod first;
mod graph;
mod hostile;
mod install;
mod load;
mod local_at_once;
mod manual;
mod march_native;
mod matrix;
mod names;
mod native;
mod object;
mod options;
mod package;
mod portage;
mod probe;
mod proof;
mod readme;
mod reference;
mod refusing;
mod rules_owners;
mod same;
mod sandbox;
mod shipped;
mod shipped_kernels;
mod stats;
mod trees;
mod tune;
mod under_tools;
