//! What only a helper does: read a job's [`evidence`], refuse [`hostile`] options, confine the compiler
//! ([`sandbox`]), and obey the [`guard`].

pub mod evidence;
pub mod guard;
pub mod hostile;
pub mod sandbox;
