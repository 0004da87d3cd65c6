//! What only a helper does: read a job's [`evidence`], refuse [`hostile`] options, contain the compiler
//! ([`sandbox`], [`private`], [`supervisor`]), and obey the [`guard`].

pub mod evidence;
pub mod guard;
pub mod hostile;
pub mod limits;
pub mod private;
pub mod sandbox;
pub mod supervisor;
