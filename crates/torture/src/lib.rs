//! The fault suite: real processes under a steady load, a script of faults made from a seed, and a checker that proves
//! afterwards that nothing was lost and nothing happened twice. Run by `cargo xtask torture`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a part of tests: what goes wrong here fails the run"
)]

pub mod check;
mod faults;
pub mod load;
mod report;
mod run;
pub mod script;
pub mod witness;

pub use report::{Recovery, Report};
pub use run::{Options, run};
