//! What becomes of local times that a change of the clock skips or repeats.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A local time that does not exist because the clock jumped over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DstGap {
    /// A fixed time runs at the first instant after the gap, once; a wildcard goes on with the next time that exists.
    #[default]
    NextValid,
    /// It does not run.
    Skip,
    /// It runs as long after the gap's beginning as the clock would have shown: 02:30 becomes 03:30. Wildcards too.
    Shift,
}

/// A local time that exists twice because the clock was put back.
///
/// It concerns fixed times. Wildcards run in both passes, so that an hourly job keeps its rhythm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DstOverlap {
    /// It runs in the first pass.
    #[default]
    First,
    /// It runs in the second pass.
    Last,
    /// It runs in both.
    Both,
}
