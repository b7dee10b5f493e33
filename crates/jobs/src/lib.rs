//! The engine: work that never gets lost, never runs twice by accident, and always says what happened.
//!
//! - [`enqueue()`] writes a row in the caller's transaction; after the commit its ticket goes to Redis ([`wire`]).
//! - The runner claims the row by compare-and-set, runs the job under a lease and a timeout, and finishes it, fenced
//!   by the lease. The relay pushes tickets that were lost; the sweeper rescues executions whose worker is gone.
//! - Postgres is the record: every table here (`executions`, `processes`, `drill_effects`) can be read with psql.
//!
//! **Invariant:** nothing outside [`wire`] names apalis, and nothing in Redis is needed to know which work exists.

mod alive;
mod attempt;
mod batch;
mod bulk;
mod claim;
mod drain;
mod engine;
mod enqueue;
pub mod executions;
mod finish;
mod gauges;
mod job;
mod leases;
mod metrics;
mod noop;
mod outcome;
pub mod problems;
mod process;
mod registry;
mod relay;
mod runner;
mod schema;
mod steps;
mod sweeper;
mod tasks;
mod turns;
mod wire;

pub use alive::{Alive, alive};
pub use attempt::Attempt;
pub use bulk::{Correlation, NewExecution, NewState, insert_many};
pub use drain::Drain;
pub use engine::{Engine, Setup};
pub use enqueue::{Enqueue, Enqueued, Trigger, Work, enqueue, enqueue_many, enqueue_work};
pub use job::{Backoff, Done, Failure, Job, OrFail, Overlap, Policy, Queue, Success};
pub use noop::{Effect, Noop, Trouble};
pub use process::{Process, measure_skew};
pub use registry::{KindInfo, Registry};
pub use steps::{InHand, Steps};
pub use turns::push_waiting;
pub use wire::Pusher;
