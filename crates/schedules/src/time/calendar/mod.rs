//! Business calendars: when a place is open, as it is written down. [`OpenHours`] answers what follows from it.

mod check;
mod open;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use open::OpenHours;

/// The most ranges of one day.
pub const MOST_RANGES: usize = 10;
/// The most holidays of a calendar.
pub const MOST_HOLIDAYS: usize = 1000;
/// The most extra days of a calendar.
pub const MOST_EXTRA_DAYS: usize = 1000;

/// The rules of a calendar: weekly opening hours, holidays without any, extra days with hours of their own.
///
/// An extra day wins over a holiday, a holiday over the weekday. Everything is meant by the clock of the time zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CalendarRules, example = json!({
    "timezone": "Asia/Jakarta",
    "weekly": {
        "mon": [{"open": "09:00", "close": "18:00"}], "tue": [{"open": "09:00", "close": "18:00"}],
        "wed": [{"open": "09:00", "close": "18:00"}], "thu": [{"open": "09:00", "close": "18:00"}],
        "fri": [{"open": "09:00", "close": "11:30"}, {"open": "13:00", "close": "18:00"}]
    },
    "holidays": ["2026-03-20", "--12-25"],
    "extra_days": [{"date": "2026-12-27", "hours": [{"open": "10:00", "close": "14:00"}]}]
}))]
pub struct Calendar {
    /// An IANA time zone, such as `Asia/Jakarta`.
    #[schema(max_length = 64, example = "Asia/Jakarta")]
    pub timezone: String,
    /// The hours of each day of the week.
    #[serde(default)]
    pub weekly: Weekly,
    /// Days on which it is closed: `2026-12-25`, or every year `--12-25` (also `12-25`). At most 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000, example = json!(["2026-03-20", "--12-25"]))]
    pub holidays: Vec<String>,
    /// Days with hours of their own. At most 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub extra_days: Vec<ExtraDay>,
}

/// The opening hours of each day of the week; a day that is left out is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Weekly {
    /// Monday.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub mon: Vec<Hours>,
    /// Tuesday.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub tue: Vec<Hours>,
    /// Wednesday.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub wed: Vec<Hours>,
    /// Thursday.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub thu: Vec<Hours>,
    /// Friday.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub fri: Vec<Hours>,
    /// Saturday.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub sat: Vec<Hours>,
    /// Sunday.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub sun: Vec<Hours>,
}

impl Weekly {
    /// Monday first, each with its name in JSON.
    fn days(&self) -> [(&'static str, &[Hours]); 7] {
        [
            ("mon", &self.mon),
            ("tue", &self.tue),
            ("wed", &self.wed),
            ("thu", &self.thu),
            ("fri", &self.fri),
            ("sat", &self.sat),
            ("sun", &self.sun),
        ]
    }
}

/// One range of opening hours within a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OpeningHours)]
pub struct Hours {
    /// The first minute that is open, `HH:MM`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "09:00")]
    pub open: String,
    /// The first minute that is closed again, `HH:MM`; `24:00` is the end of the day.
    #[schema(pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", example = "18:00")]
    pub close: String,
}

/// A day with hours of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtraDay {
    /// `2026-12-27`.
    #[schema(format = Date, example = "2026-12-27")]
    pub date: String,
    /// When it is open. At least one range.
    #[schema(min_items = 1, max_items = 10)]
    pub hours: Vec<Hours>,
}
