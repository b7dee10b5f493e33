//! How a schedule's timing is stored, and how it becomes a [`Spec`].

mod check;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::time::{Calendar, DstGap, DstOverlap, Outside, Phrase, Spec};

/// The timing of a schedule as it stands in its row: one flat JSON object, tagged with the rhythm's `type`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct StoredTiming {
    /// When it is due.
    #[serde(flatten)]
    pub rhythm: Rhythm,
    /// An IANA name: the clock that is meant.
    pub zone: String,
    /// Cron expressions: local times that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Nothing is due before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_at: Option<DateTime<Utc>>,
    /// Nothing is due after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_at: Option<DateTime<Utc>>,
    /// It runs only while this calendar is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar: Option<InCalendar>,
    /// It does not run while this calendar is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_calendar: Option<KeptCalendar>,
}

/// What recurs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rhythm {
    /// Cron expressions.
    Cron {
        /// Their union counts.
        expressions: Vec<String>,
        /// See [`DstGap`].
        #[serde(default)]
        dst_gap: DstGap,
        /// See [`DstOverlap`].
        #[serde(default)]
        dst_overlap: DstOverlap,
    },
    /// A fixed distance.
    Interval {
        /// 1 to 31 536 000.
        every_seconds: u32,
        /// The first run.
        anchor: DateTime<Utc>,
    },
    /// A single run.
    Once {
        /// When.
        at: DateTime<Utc>,
    },
    /// No due times: it runs after others, or by hand.
    None,
}

/// A calendar as it was when the schedule was saved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCalendar {
    /// Which one.
    pub id: Uuid,
    /// Its name then.
    pub name: String,
    /// Its version then.
    pub version: i64,
    /// Its rules then.
    pub rules: Calendar,
}

/// The calendar inside which a schedule runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InCalendar {
    /// Which one.
    pub id: Uuid,
    /// Its name then.
    pub name: String,
    /// Its version then.
    pub version: i64,
    /// What becomes of due times at which it is closed.
    #[serde(default)]
    pub outside: Outside,
    /// Its rules then.
    pub rules: Calendar,
}

impl StoredTiming {
    /// A rhythm by the clock of `zone`, with no window and no calendar and nothing left out.
    pub fn new(rhythm: Rhythm, zone: impl Into<String>) -> Self {
        let zone = zone.into();
        Self { rhythm, zone, exclude: Vec::new(), start_at: None, end_at: None, calendar: None, exclude_calendar: None }
    }

    /// The union of cron expressions.
    pub fn cron(expressions: Vec<String>, zone: impl Into<String>) -> Self {
        let (dst_gap, dst_overlap) = (DstGap::default(), DstOverlap::default());
        Self::new(Rhythm::Cron { expressions, dst_gap, dst_overlap }, zone)
    }

    /// One expression in UTC.
    pub fn utc_cron(expression: &str) -> Self {
        Self::cron(vec![expression.to_owned()], "UTC")
    }

    /// What a phrase says; in `zone`, when it names none.
    pub fn phrase(phrase: Phrase, zone: impl Into<String>) -> Self {
        let zone = phrase.zone.map_or_else(|| zone.into(), |zone| zone.name().to_owned());
        Self::cron(phrase.expressions, zone)
    }

    /// Every so many seconds (1 to 31 536 000), the first at `anchor`.
    pub fn interval(every_seconds: u32, anchor: DateTime<Utc>) -> Self {
        Self::new(Rhythm::Interval { every_seconds, anchor }, "UTC")
    }

    /// A single run.
    pub fn once(at: DateTime<Utc>) -> Self {
        Self::new(Rhythm::Once { at }, "UTC")
    }

    /// No due times: it runs after others, or by hand.
    pub fn none() -> Self {
        Self::new(Rhythm::None, "UTC")
    }

    /// What becomes of local times that a change of the clock skips and repeats. Only cron expressions care.
    pub fn with_dst(mut self, gap: DstGap, overlap: DstOverlap) -> Self {
        if let Rhythm::Cron { dst_gap, dst_overlap, .. } = &mut self.rhythm {
            (*dst_gap, *dst_overlap) = (gap, overlap);
        }
        self
    }

    /// Nothing before the one and nothing after the other.
    pub fn within(mut self, start_at: Option<DateTime<Utc>>, end_at: Option<DateTime<Utc>>) -> Self {
        (self.start_at, self.end_at) = (start_at, end_at);
        self
    }

    /// The computation.
    ///
    /// # Errors
    /// In plain words, the first thing that cannot be read.
    pub fn spec(&self) -> Result<Spec, String> {
        self.read().map_err(|wrong| match wrong.first() {
            Some(wrong) => format!("{} {}", wrong.pointer.trim_start_matches('/'), wrong.message),
            None => "cannot be read".to_owned(),
        })
    }
}

impl<'de> Deserialize<'de> for StoredTiming {
    /// By hand, because a flattened enum and the refusal of unknown fields exclude each other in serde.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::<String, Value>::deserialize(deserializer)?;
        let common = ["zone", "exclude", "start_at", "end_at", "calendar", "exclude_calendar"];
        let head: Map<String, Value> = common.iter().filter_map(|name| fields.remove_entry(*name)).collect();
        let head: Head = serde_json::from_value(Value::Object(head)).map_err(D::Error::custom)?;
        let rhythm = serde_json::from_value(Value::Object(fields)).map_err(D::Error::custom)?;
        let Head { zone, exclude, start_at, end_at, calendar, exclude_calendar } = head;
        Ok(Self { rhythm, zone, exclude, start_at, end_at, calendar, exclude_calendar })
    }
}

/// What every rhythm may have beside it.
#[derive(Deserialize)]
struct Head {
    #[serde(default = "utc")]
    zone: String,
    #[serde(default)]
    exclude: Vec<String>,
    start_at: Option<DateTime<Utc>>,
    end_at: Option<DateTime<Utc>>,
    calendar: Option<InCalendar>,
    exclude_calendar: Option<KeptCalendar>,
}

fn utc() -> String {
    "UTC".to_owned()
}
