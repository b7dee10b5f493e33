//! What the parameters of lists look like.

use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::stats::Window;

/// A query string as it is: some names come several times.
#[derive(Deserialize, Validate)]
#[serde(transparent)]
pub(super) struct Pairs(#[garde(skip)] pub Vec<(String, String)>);

/// The filters of a list, for the API's document; they are read by [`crate::filter::Filter::from_pairs`].
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its description is read")]
pub(super) struct FilterParams {
    /// Of this schedule.
    schedule_id: Option<uuid::Uuid>,
    /// Of this kind of job.
    #[param(min_length = 1, max_length = 200, example = "books.summarise")]
    kind: Option<String>,
    /// Of this queue: `default`, `mail`, `ai` or `bulk`.
    #[param(example = "default", pattern = "^(default|mail|ai|bulk)$")]
    queue: Option<String>,
    /// In one of these states: `queued`, `running`, `succeeded`, `failed`, `cancelled`, `skipped`, `missed`. Several are
    /// separated by commas, or given one by one.
    #[param(example = "failed,missed")]
    state: Option<String>,
    /// That exist for this reason: `api`, `schedule`, `manual`, `retry`, `backfill`, `chain`.
    #[param(example = "schedule", pattern = "^(api|schedule|manual|retry|backfill|chain)$")]
    trigger: Option<String>,
    /// Whose present or last attempt began at this time or later.
    #[param(example = "2026-01-05T10:00:00Z")]
    started_from: Option<chrono::DateTime<chrono::Utc>>,
    /// Whose present or last attempt began before this time.
    #[param(example = "2026-01-05T11:00:00Z")]
    started_to: Option<chrono::DateTime<chrono::Utc>>,
    /// Of this chain.
    #[param(min_length = 1, max_length = 200)]
    correlation_id: Option<String>,
    /// With this text in the message or the last error, in upper or lower case.
    #[param(min_length = 1, max_length = 200, example = "timed out")]
    text: Option<String>,
}

/// How far back to look.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Hours {
    /// In hours.
    #[serde(default = "day")]
    #[garde(range(min = 1, max = 168))]
    #[param(minimum = 1, maximum = 168, default = 24, required = false)]
    pub hours: i64,
}

fn day() -> i64 {
    24
}

/// Which windows.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only this one: `hour`, `day` or `week`; without it all three.
    #[garde(inner(custom(known)))]
    #[param(example = "day", pattern = "^(hour|day|week)$")]
    pub window: Option<String>,
}

fn known<C>(name: &str, _: &C) -> garde::Result {
    Window::parse(name).map(|_| ()).ok_or_else(|| garde::Error::new("must be hour, day or week"))
}
