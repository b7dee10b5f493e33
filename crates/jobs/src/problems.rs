//! The kinds of problems that the engine owns.

use kernel::{Kind, Problem};

/// The attempt's lease was taken over: whatever it did is not recorded.
pub static LEASE_LOST: Kind = Kind { slug: "lease-lost", title: "Another worker has taken over", status: 503 };
/// The state of the execution does not allow it.
pub static NOT_POSSIBLE: Kind =
    Kind { slug: "execution-state", title: "The execution's state does not allow that", status: 409 };
/// No job of that kind is registered.
pub static UNKNOWN_KIND: Kind = Kind { slug: "unknown-job-kind", title: "No job of that kind exists", status: 422 };
/// The stored arguments cannot be read.
pub static BAD_ARGS: Kind = Kind { slug: "job-arguments", title: "The job's arguments cannot be read", status: 422 };
/// This kind of job is for our own code only.
pub static NOT_SCHEDULABLE: Kind =
    Kind { slug: "job-not-schedulable", title: "Jobs of that kind cannot be scheduled", status: 422 };
/// The job panicked.
pub static PANICKED: Kind = Kind { slug: "job-panicked", title: "The job panicked", status: 500 };
/// The attempt took longer than its timeout.
pub static TIMED_OUT: Kind = Kind { slug: "job-timed-out", title: "The attempt took too long", status: 503 };
/// Another run of the exclusive job holds the lock.
pub static LOCKED: Kind = Kind { slug: "job-locked", title: "Another run of this job is in progress", status: 409 };

/// All of them, for the list of problems.
pub static ALL: &[&Kind] =
    &[&LEASE_LOST, &NOT_POSSIBLE, &UNKNOWN_KIND, &BAD_ARGS, &NOT_SCHEDULABLE, &PANICKED, &TIMED_OUT, &LOCKED];

pub(crate) fn lease_lost() -> Problem {
    Problem::new(&LEASE_LOST)
}
