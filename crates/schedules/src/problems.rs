//! The kinds of problems that schedules own.

use kernel::{Kind, Problem, kinds};

/// The creator has a schedule of that name.
pub static NAME_TAKEN: Kind = Kind { slug: "schedule-name-taken", title: "The name is taken", status: 409 };
/// The state does not allow it.
pub static STATE: Kind =
    Kind { slug: "schedule-state", title: "The schedule's state does not allow this", status: 409 };
/// A run is not over, and the overlap rule or the lock of the job allows no other.
pub static BUSY: Kind = Kind { slug: "schedule-busy", title: "A run of it is not over", status: 409 };
/// The creator has as many schedules as it may. Member: `limit`.
pub static QUOTA: Kind = Kind { slug: "schedule-quota", title: "You have as many schedules as you may", status: 409 };
/// Schedules would run after each other in a circle.
pub static CYCLE: Kind = Kind { slug: "schedule-cycle", title: "Schedules would wait for each other", status: 422 };
/// Another calendar has the name.
pub static CALENDAR_NAME_TAKEN: Kind = Kind { slug: "calendar-name-taken", title: "The name is taken", status: 409 };
/// Schedules use the calendar. Member: `schedules`, their number.
pub static CALENDAR_IN_USE: Kind = Kind { slug: "calendar-in-use", title: "Schedules use this calendar", status: 409 };
/// Another template has the name.
pub static TEMPLATE_NAME_TAKEN: Kind = Kind { slug: "template-name-taken", title: "The name is taken", status: 409 };

/// All of them, for the list of problems.
pub static ALL: &[&Kind] =
    &[&NAME_TAKEN, &STATE, &BUSY, &QUOTA, &CYCLE, &CALENDAR_NAME_TAKEN, &CALENDAR_IN_USE, &TEMPLATE_NAME_TAKEN];

/// The schedule is `state`; it cannot `what`.
pub(crate) fn state(state: &str, what: &str) -> Problem {
    Problem::new(&STATE).detail(format!("it is {state}, and cannot {what}"))
}

pub(crate) fn busy(reason: impl Into<String>) -> Problem {
    Problem::new(&BUSY).detail(reason.into())
}

pub(crate) fn quota(limit: i64) -> Problem {
    Problem::new(&QUOTA)
        .detail(format!("{limit} schedules are the most that one creator may have"))
        .with("limit", limit)
}

/// One field of the request is wrong.
pub(crate) fn invalid(pointer: &str, message: impl Into<String>) -> Problem {
    Problem::new(&kinds::VALIDATION_FAILED).field(pointer, message)
}
