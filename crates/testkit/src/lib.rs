//! What tests run on: real databases, the application in process with a clock that tests move, and real processes.
//!
//! - [`TestDb`]: a database of its own for every test, cloned from a template.
//! - [`TestApp`]: the web process's router in this process, with fakes for outside services. Dropping it fails the test when
//!   work was left behind, a fake was called unexpectedly, or an ERROR was logged that the test did not declare.
//! - [`Lane`]: real `web` and `worker` processes, to be killed, stopped and restarted together with their servers.
//!
//! **Invariant:** one test per process, as cargo-nextest does it: what is logged and recorded belongs to that test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a part of tests: what goes wrong here fails the test"
)]

mod app;
mod commands;
mod database;
mod due_times;
mod fakes;
mod jobs;
mod lane;
mod logs;
mod mail;
mod people;
mod planned;
mod reckoning;
mod request;

pub use app::{Builder, START, TestApp};
pub use commands::Commands;
pub use database::TestDb;
pub use due_times::{Entry, due_times, entries, faults};
pub use fakes::{Call, Fake, Fakes, Reply, gemini_says, openai_says, volumes};
pub use lane::{Backing, Balancer, Ground, Lane, LaneOptions, Link, PostgresHandle, RedisHandle, Server, Service};
pub use mail::Mail;
pub use people::{PASSWORD, Person};
pub use planned::Planned;
pub use request::{Answer, Events, Request};
