//! Private Postgres and Redis servers for development and tests: found, installed when missing, started on loopback, stopped by pid.
//!
//! A server lives as long as the value that started it. Dropping the value stops it; so does the death of the process that
//! owned it, however it died (see [`Process`]). When the caller is root the servers run as an unprivileged account.

#![allow(clippy::disallowed_methods, reason = "a development tool that looks for programs in PATH; nothing here ships")]

mod account;
mod binaries;
mod error;
mod install;
mod pgbouncer;
mod place;
mod port;
mod postgres;
mod process;
mod redis;
mod scratch;
mod watchdog;

pub use binaries::Program;
pub use error::Error;
pub use install::{install, missing};
pub use pgbouncer::PgBouncer;
pub use place::resolve as data_dir;
pub use port::{free as free_port, is_free as port_is_free};
pub use postgres::{Postgres, Shutdown};
pub use process::{Left, Process, RECORD, Signal, Spawn, left_behind, stop_left_behind, write_record};
pub use redis::Redis;
pub use scratch::{SCRATCH_DIR, Scratch};

/// What a server does with what it is told to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives a crash of the machine: for development data.
    Durable,
    /// Nothing is synced to disk, and Redis keeps nothing at all: for tests.
    ThrowAway,
}

/// How a server is started.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What happens to the data.
    pub durability: Durability,
    /// The loopback port; `None` picks a free one.
    pub port: Option<u16>,
}

impl Options {
    /// Nothing kept, any free port.
    pub const THROW_AWAY: Options = Options { durability: Durability::ThrowAway, port: None };
}
