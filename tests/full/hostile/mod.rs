//! Arguments that a helper refuses: what is refused, what passes, and that the refused ones do
//! with the real compilers what the table says.

mod pass;
mod proof;
mod refused;
mod scene;
