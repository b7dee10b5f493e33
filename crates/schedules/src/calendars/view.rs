//! Calendars in requests and answers.

use chrono::{DateTime, Utc};
use garde::Validate;
use kernel::{Problem, Result, kinds};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{CalendarRow, NewCalendar};
use crate::time::Calendar;

/// A calendar as it is given.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "jakarta-office", "description": "Opening hours of the office",
    "rules": {
        "timezone": "Asia/Jakarta",
        "weekly": {
            "mon": [{"open": "09:00", "close": "18:00"}], "tue": [{"open": "09:00", "close": "18:00"}],
            "wed": [{"open": "09:00", "close": "18:00"}], "thu": [{"open": "09:00", "close": "18:00"}],
            "fri": [{"open": "09:00", "close": "18:00"}]
        },
        "holidays": ["--12-25"]
    }
}))]
pub(crate) struct CalendarRequest {
    /// Unique; schedules may name the calendar by it.
    #[garde(length(chars, min = 1, max = 100), custom(no_id))]
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[serde(default)]
    #[garde(length(chars, max = 1000))]
    #[schema(max_length = 1000)]
    description: String,
    #[garde(skip)] // checked as a whole, with its own pointers
    rules: Calendar,
}

fn no_id<C>(name: &str, _: &C) -> garde::Result {
    if name.parse::<Uuid>().is_ok() {
        return Err(garde::Error::new("looks like an id"));
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Err(garde::Error::new("has control characters, or spaces around it"));
    }
    Ok(())
}

impl CalendarRequest {
    /// # Errors
    /// `validation-failed` naming every field of the rules that is wrong.
    pub fn checked(self) -> Result<NewCalendar> {
        self.rules.open_hours().map_err(|wrong| {
            let failed = Problem::new(&kinds::VALIDATION_FAILED);
            wrong
                .into_iter()
                .fold(failed, |problem, error| problem.field(format!("/rules{}", error.pointer), error.message))
        })?;
        Ok(NewCalendar { name: self.name, description: self.description, rules: self.rules })
    }
}

/// A calendar.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CalendarView {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub rules: Calendar,
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub version: i64,
    /// `user:…` or `key:…`.
    pub created_by: String,
    pub updated_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl CalendarView {
    /// # Errors
    /// `internal-error` when the row cannot be read.
    pub fn of(row: CalendarRow) -> Result<Self> {
        Ok(Self {
            rules: row.rules()?,
            id: row.id,
            name: row.name,
            description: row.description,
            version: row.version,
            created_by: row.created_by,
            updated_by: row.updated_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
