//! Time: when a schedule is due. Pure computation: no clock is read, nothing is stored, every search is bounded.
//!
//! A [`Spec`] answers "what is the next run after this instant". Cron expressions are matched on naive local time
//! (`pattern`, with croner's day rules); `local` and `rule` turn local times into instants. By default a change of the
//! clock loses no day and adds no run:
//!
//! | | local time does not exist | local time exists twice |
//! |---|---|---|
//! | fixed time (`30 2 * * *`) | runs at the first instant after the gap | runs once, in the first pass |
//! | `*`, step or range in second, minute or hour | goes on with the next time that exists | runs in both passes |
//!
//! [`DstGap`] and [`DstOverlap`] say otherwise per schedule. What is due then, within the schedule's window, is taken by its
//! exclusions and its [`Calendar`] (`search`): [`Spec::next_after`] jumps to the next run, [`Spec::dues`] lists every due time
//! with what becomes of it. [`Phrase`] turns English into cron expressions, [`jitter`] spreads runs. Zone rules are known up to 2099; the search ends with 2199.

mod calendar;
mod cron;
mod dropped;
mod dues;
mod error;
mod field;
mod interval;
mod jitter;
mod local;
mod months;
mod never;
mod occurrence;
mod pattern;
mod phrase;
mod policy;
mod rule;
mod search;
mod spec;
mod syntax;
#[cfg(test)]
mod tests;
mod zone;

use chrono::{DateTime, TimeDelta, Utc};

pub use calendar::{Calendar, ExtraDay, Hours, OpenHours, Weekly};
pub use cron::{Cron, DayMatch};
pub use error::CronError;
pub use field::Field;
pub use interval::{Every, EveryError};
pub use jitter::jitter;
pub use never::Never;
pub use occurrence::{Becomes, DropReason, Dropped, Due, Note, Occurrence};
pub use phrase::{Phrase, PhraseError};
pub use policy::{DstGap, DstOverlap};
pub use spec::{Outside, Spec, Timing, Within};
pub use zone::{Zone, ZoneError};

/// Searches begin here, a second before the first year.
fn first_instant() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH - TimeDelta::seconds(1)
}
