//! One run of a schedule, and what a change of the clock did to it.

use chrono::{DateTime, NaiveDateTime, Utc};

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// When it is due.
    pub at: DateTime<Utc>,
    /// The local time that the schedule means. It differs from what the clock shows at `at` only when the run was moved.
    pub local: NaiveDateTime,
    /// What a change of the clock did to it.
    pub note: Option<Note>,
}

/// What a change of the clock did to a run, for previews.
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
}
