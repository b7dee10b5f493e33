//! The application: the domains wired together, and the lifecycle of the two processes.
//!
//! Owns no table. [`run`] is all that the programs call; the operator's program uses [`Parts`] and what is beside it.
//!
//! **Invariant:** web never runs a job, and a process starts whether or not Postgres and Redis are up.

mod docs;
pub mod engine;
pub mod exit;
pub mod health;
mod housekeeping;
pub mod modules;
pub mod openapi;
mod parts;
mod problem_pages;
pub mod problems;
mod process;
mod role;
pub mod router;
mod run;
pub mod tasks;
mod telemetry;

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod blueprint;

pub use self::{parts::Parts, role::Role, run::run, telemetry::Metrics};

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
