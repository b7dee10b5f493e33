//! Time: when a schedule is due. Pure computation: no clock is read, nothing is stored, every search is bounded.
//!
//! A [`Spec`] answers "what is the next run after this instant". Cron expressions are matched on naive local time
//! (`calendar`, with croner's day rules); `local` and `rule` turn local times into instants. By default a change of the
//! clock loses no day and adds no run:
//!
//! | | local time does not exist | local time exists twice |
//! |---|---|---|
//! | fixed time (`30 2 * * *`) | runs at the first instant after the gap | runs once, in the first pass |
//! | `*`, step or range in second, minute or hour | goes on with the next time that exists | runs in both passes |
//!
//! [`DstGap`] and [`DstOverlap`] say otherwise per schedule. Zone rules are known up to 2099; the search ends with 2199.

mod calendar;
mod cron;
mod error;
mod field;
mod interval;
mod local;
mod months;
mod occurrence;
mod policy;
mod rule;
mod spec;
mod syntax;
#[cfg(test)]
mod tests;
mod zone;

pub use cron::{Cron, DayMatch};
pub use error::CronError;
pub use field::Field;
pub use interval::{Every, EveryError};
pub use occurrence::{Note, Occurrence};
pub use policy::{DstGap, DstOverlap};
pub use spec::{Spec, Timing};
pub use zone::{Zone, ZoneError};
