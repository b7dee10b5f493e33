//! The parameters of lists of executions.

use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which page of a history.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Pages {
    /// Counted from 1.
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(default = "first")]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    pub page: u64,
    /// How many executions to a page.
    #[garde(range(min = 1, max = 200))]
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: u64,
}

fn first() -> u64 {
    1
}

fn usual() -> u64 {
    kernel::page::DEFAULT_LIMIT
}

/// How far back.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Back {
    /// Only executions that are not over, or ended in the last so many hours.
    #[garde(range(min = 1, max = 168))]
    #[serde(default = "a_day")]
    #[param(minimum = 1, maximum = 168, default = 24)]
    pub hours: i64,
}

fn a_day() -> i64 {
    24
}
