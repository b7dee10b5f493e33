//! Runs at a fixed distance, counted in seconds from an anchor: no zone and no change of the clock concerns them.

use std::{error::Error, fmt};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The distance between two runs: 1 to 31 536 000 seconds (a year).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Every(u32);

impl Every {
    /// The longest interval, in seconds.
    pub const MAX_SECONDS: u32 = 31_536_000;

    /// The length in seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// The first instant after `after` that is a whole number of intervals after `anchor`; never before the anchor.
    pub(super) fn next(self, anchor: DateTime<Utc>, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if after < anchor {
            return Some(anchor);
        }
        let every = i64::from(self.0);
        let done = (after - anchor).num_seconds() / every;
        anchor.checked_add_signed(TimeDelta::try_seconds(done.checked_add(1)?.checked_mul(every)?)?)
    }
}

impl TryFrom<u32> for Every {
    type Error = EveryError;

    fn try_from(seconds: u32) -> Result<Self, EveryError> {
        if (1..=Self::MAX_SECONDS).contains(&seconds) { Ok(Self(seconds)) } else { Err(EveryError) }
    }
}

impl From<Every> for u32 {
    fn from(every: Every) -> Self {
        every.0
    }
}

/// An interval that is too short or too long. Its text can be shown to the user as the message of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EveryError;

impl fmt::Display for EveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is not between 1 and {} seconds", Every::MAX_SECONDS)
    }
}

impl Error for EveryError {}
