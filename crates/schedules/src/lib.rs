//! Schedules: when work is due, and the tick that turns due times into executions. Owns the table `schedules`.
//!
//! **Invariants:** each due time of an active schedule leaves exactly one row in `executions` (a range that was missed
//! together is one row); only [`tick()`] creates occurrences; what is due is decided by [`time`], in one place.

mod backfill;
mod bulk;
mod cache;
mod calendars;
mod change;
mod classic;
mod declared;
mod draft;
mod due;
mod gauges;
mod http;
mod ledger;
mod listing;
mod metrics;
mod metronome;
mod operations;
mod overlap;
mod payload;
mod plan;
pub mod problems;
mod react;
pub mod read;
mod recurring;
mod retention;
mod row;
mod service;
mod spans;
mod targets;
mod tick;
pub mod time;
mod timing;
mod who;
mod write;

pub use declared::upsert_declared;
pub use due::CatchUp;
pub use metronome::Metronome;
pub use overlap::Overlap;
pub use recurring::Recurring;
pub use retention::{DeleteOldExecutions, Retention};
pub use service::Schedules;
pub use targets::command::{Command, Transport};
pub use tick::{Ticked, tick};
pub use timing::{InCalendar, KeptCalendar, Rhythm, StoredTiming};
use utoipa_axum::router::OpenApiRouter;

/// The routes, without the layers that all routes have.
pub fn routes(cx: &Schedules) -> OpenApiRouter<Schedules> {
    OpenApiRouter::new()
        .merge(calendars::routes(cx))
        .merge(ledger::routes())
        .merge(backfill::routes(cx))
        .merge(bulk::routes(cx))
        .merge(classic::routes(cx))
        .merge(http::routes(cx))
}

/// The jobs of the engine itself, and those of the scheduler service.
pub fn jobs(registry: &mut jobs::Registry, schedules: &Schedules, retention: Retention) {
    registry.add::<bulk::BulkOperation>(schedules.clone());
    registry.add::<jobs::Noop>(retention.db.clone());
    registry.add::<DeleteOldExecutions>(retention);
    targets::jobs(registry, schedules);
}

/// What recurs for the engine itself.
pub fn recurring() -> Vec<Recurring> {
    vec![retention::recurring()]
}
