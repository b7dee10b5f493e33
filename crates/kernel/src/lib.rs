//! The vocabulary every crate shares: ids, time, chance, secrets, pages, actors and problems. No I/O.

mod actor;
mod clock;
mod ids;
pub mod page;
pub mod problem;
mod rng;
mod secret;
pub mod trace;

pub use actor::{Actor, ApiKeyRef};
pub use clock::Clock;
pub use ids::{BookId, ExecutionId, ScheduleId, UserId};
pub use page::{Cursor, Page};
pub use problem::{FieldError, Kind, Problem, kinds};
pub use rng::Rng;
pub use secret::Secret;
pub use trace::Trace;

/// A result whose error is ready to be shown to a caller.
pub type Result<T, E = Problem> = std::result::Result<T, E>;
