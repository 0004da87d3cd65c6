//! Installed compilers: their [`name`]s, the [`search`] for them, what is [`record`]ed of them, how to
//! [`mod@ask`] them, and a client compiler's defaults as they are [`stated`] to another one.

pub mod ask;
pub mod name;
pub mod record;
pub mod search;
pub mod stated;
pub mod toolchain;
