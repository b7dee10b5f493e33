//! One run of a schedule, one due time, and what a change of the clock or a calendar did to them.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// When it is due.
    pub at: DateTime<Utc>,
    /// The local time that the schedule means. It differs from what the clock shows at `at` only when the run was moved.
    pub local: NaiveDateTime,
    /// What a change of the clock or a calendar did to it.
    pub note: Option<Note>,
}

/// What a change of the clock or a calendar did to a run, for previews. Its text can be shown to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Its local time does not exist; it was moved behind the gap.
    Moved,
    /// A run before it, meant for this local time, does not exist and was dropped.
    AfterDropped(NaiveDateTime),
    /// The clock shows its local time twice; it runs in this pass only.
    OnePass,
    /// The clock shows its local time twice; this is the second run.
    SecondPass,
    /// It was due while the calendar was closed; it was moved to the opening. Others before it may have been, too.
    MovedToOpening,
    /// One before it, due at this local time, was left out because the calendar was closed.
    AfterClosed(NaiveDateTime),
}

impl Note {
    /// A stable name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Moved => "dst_moved",
            Self::AfterDropped(_) => "after_dst_dropped",
            Self::OnePass => "dst_one_pass",
            Self::SecondPass => "dst_second_pass",
            Self::MovedToOpening => "moved_to_opening",
            Self::AfterClosed(_) => "after_closed",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved => f.write_str("the clock jumps over its local time; it runs after the jump"),
            Self::AfterDropped(local) => {
                write!(f, "the clock jumps over {local}; the run that was meant then is dropped")
            }
            Self::OnePass => f.write_str("the clock shows its local time twice; it runs once"),
            Self::SecondPass => f.write_str("the clock shows its local time twice; this is the second run"),
            Self::MovedToOpening => f.write_str("the calendar is closed at its local time; it runs when it opens"),
            Self::AfterClosed(local) => {
                write!(f, "the calendar is closed from {local} on; what was due then is left out")
            }
        }
    }
}

/// A time at which a schedule is due by its rhythm, its zone and its window, before calendar and exclusions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The instant.
    pub at: DateTime<Utc>,
    /// The local time that the schedule means.
    pub local: NaiveDateTime,
    /// What the schedule itself makes of it.
    pub becomes: Becomes,
}

/// What a schedule makes of a due time, as far as its timing decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// It runs.
    Runs {
        /// At the due time, or at the opening to which it was moved.
        at: DateTime<Utc>,
        /// What a change of the clock or the calendar did to it.
        note: Option<Note>,
    },
    /// A later due time runs at this opening and stands for it.
    Merged {
        /// The opening.
        into: DateTime<Utc>,
    },
    /// The calendar is closed; there is no run, or no opening before the schedule's end.
    Closed,
    /// An exclusion covers it, or the opening to which it was moved.
    Excluded,
}

/// A local time at which a schedule is not due although its expression says so, because of a change of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The local time, which the clock never shows.
    pub local: NaiveDateTime,
    /// When the clock jumps over it.
    pub at: DateTime<Utc>,
    /// Why there is no run.
    pub reason: DropReason,
}

/// Why a local time that the clock jumps over has no run. Its text can be shown to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The schedule does not move such times.
    Gap,
    /// Another run after the jump stands for it.
    Merged,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gap => "the clock jumps over it, and it is dropped",
            Self::Merged => "the clock jumps over it, and another run after the jump stands for it",
        })
    }
}
