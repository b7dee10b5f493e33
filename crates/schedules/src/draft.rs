//! A schedule as it is to be stored: checked values, whatever request they came from.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::{change::just_before, timing::StoredTiming};

/// What a schedule is to be. Whoever makes one has checked every value against its bounds.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub name: String,
    pub description: String,
    /// `cron`, `interval`, `one_time`, `immediate` or `dependent`.
    pub schedule_type: &'static str,
    /// The kind of job; commands and webhooks have one each.
    pub kind: String,
    /// Its arguments, maybe with placeholders.
    pub args: Value,
    /// Whether `args` has placeholders.
    pub templated: bool,
    pub timing: StoredTiming,
    /// What was given, for showing and changing it.
    pub given: Value,
    pub tags: Vec<String>,
    pub priority: i16,
    pub catch_up: &'static str,
    pub overlap: &'static str,
    pub max_instances: i32,
    pub misfire_grace_seconds: Option<i32>,
    pub max_runs: Option<i32>,
    pub jitter_seconds: i32,
    pub max_attempts: Option<i32>,
    pub retry_delay_seconds: Option<i32>,
    pub timeout_seconds: Option<i32>,
    pub pause_on_failure: bool,
    pub join_mode: &'static str,
    pub after: Vec<After>,
    pub calendar_id: Option<Uuid>,
    pub exclude_calendar_id: Option<Uuid>,
}

/// A schedule that another one runs after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct After {
    pub schedule_id: Uuid,
    /// `success`, `failure` or `completion`.
    pub condition: &'static str,
}

/// Who makes or changes a schedule.
#[derive(Clone, Debug)]
pub(crate) struct By {
    /// `user:…` or `key:…`.
    pub identity: String,
    /// The account behind it.
    pub owner: Uuid,
    /// What the caller says of itself; a label, never trusted.
    pub label: Option<String>,
}

impl Draft {
    /// Its first due time after `now`. A single run that is due at this very instant counts; nothing when it has none.
    ///
    /// # Errors
    /// In plain words, what of the timing cannot be read.
    pub fn first_run(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, String> {
        self.next_after(self.counts_from(now))
    }

    /// Its first due time after `from`, whatever its type.
    ///
    /// # Errors
    /// In plain words, what of the timing cannot be read.
    pub fn next_after(&self, from: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, String> {
        Ok(crate::cache::spec(&self.timing)?.next_after(from))
    }

    /// From when, exclusive, its timing counts.
    pub fn counts_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.schedule_type {
            "one_time" | "immediate" => just_before(now),
            _ => now,
        }
    }
}
