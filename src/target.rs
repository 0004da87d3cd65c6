//! What is known of a target; `verdict(wanted, offered, flags)`.
