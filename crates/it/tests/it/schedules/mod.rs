//! Recurring work: declared in code, due by the clock, and accounted for.

mod declared;
mod due;
mod housekeeping;
