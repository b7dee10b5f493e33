//! Schedules: when work is due, and the tick that turns due times into executions. Owns the table `schedules`.
//!
//! **Invariants:** each due time of an active schedule leaves exactly one row in `executions` (a range that was missed
//! together is one row); only [`tick()`] creates occurrences; what is due is decided by [`time`], in one place.

mod cache;
mod declared;
mod due;
mod metronome;
mod overlap;
pub mod read;
mod recurring;
mod retention;
mod tick;
pub mod time;
mod timing;

pub use declared::upsert_declared;
pub use due::CatchUp;
pub use metronome::Metronome;
pub use overlap::Overlap;
pub use recurring::Recurring;
pub use retention::{DeleteOldExecutions, Retention};
pub use tick::{Ticked, tick};
pub use timing::StoredTiming;

/// The jobs of the engine itself.
pub fn jobs(registry: &mut jobs::Registry, retention: Retention) {
    registry.add::<jobs::Noop>(retention.db.clone());
    registry.add::<DeleteOldExecutions>(retention);
}

/// What recurs for the engine itself.
pub fn recurring() -> Vec<Recurring> {
    vec![retention::recurring()]
}
