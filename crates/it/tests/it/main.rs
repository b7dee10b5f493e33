//! The end-to-end tests: one binary, so that it is linked once. They need `cargo xtask test`, which starts their servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, reason = "test code")]

mod accounts;
mod audit;
mod books;
mod engine;
mod executions;
mod golden;
mod guard;
mod http;
mod kit;
mod lane;
mod plans;
mod schedules;
mod shelf;
mod summaries;
mod tasks;
mod transactions;
