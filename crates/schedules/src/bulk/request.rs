//! Bulk requests.

use chrono::{DateTime, Utc};
use garde::Validate;
use kernel::{Problem, Result, kinds};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::MOST;
use crate::{
    http::{
        list::TagsMatch,
        request::{ScheduleRequest, ScheduleType},
        view::Status,
    },
    listing::{self, Filter},
    problems,
};

/// Schedules to create.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"schedules": [
    {"name": "report-1", "cron_expression": "30 6 * * MON-FRI", "timezone": "Asia/Jakarta", "job": "engine.noop", "tags": ["reports"]},
    {"name": "heartbeat", "interval_seconds": 300, "job": "engine.noop", "args": {"sleep_ms": 10}}
]}))]
pub(super) struct BulkCreate {
    #[garde(length(min = 1, max = MOST))]
    #[schema(value_type = Vec<ScheduleRequest>, min_items = 1, max_items = 1000)]
    pub schedules: Vec<Value>,
}

/// Whether some may fail.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Partial {
    /// Creates those that can be created, and says of the others why not. Without it all are created, or none.
    #[serde(default)]
    #[garde(skip)]
    #[param(default = false)]
    pub partial: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BulkOperationName)]
pub(super) enum Operation {
    /// As `POST …/pause`.
    Pause,
    /// As `POST …/resume`.
    Resume,
    /// As `POST …/trigger`, with its own payload.
    Trigger,
    /// As `DELETE`.
    Delete,
    /// Adds and removes tags.
    Tag,
}

impl Operation {
    /// What the audit log calls it.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Pause => "schedule.pause",
            Self::Resume => "schedule.resume",
            Self::Trigger => "schedule.trigger",
            Self::Delete => "schedule.delete",
            Self::Tag => "schedule.update",
        }
    }

    /// What was done, for people.
    pub const fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Trigger => "triggered",
            Self::Delete => "deleted",
            Self::Tag => "tagged",
        }
    }
}

/// What is to be done with which schedules: either those of `schedule_ids` or those that the `filter` matches.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"operation": "pause", "filter": {"creator": "me", "tags": ["reports"]}, "reason": "the warehouse moves", "dry_run": true}))]
pub(super) struct BulkOperate {
    #[garde(skip)]
    operation: Operation,
    /// Each at most once.
    #[garde(inner(length(min = 1, max = MOST)))]
    #[schema(min_items = 1, max_items = 1000)]
    pub schedule_ids: Option<Vec<Uuid>>,
    /// All that is given must match; something must be given.
    #[garde(dive)]
    pub filter: Option<FilterGiven>,
    /// Why. Due times that a pause skips tell it, and deleted schedules keep it; nothing else needs one.
    #[garde(inner(length(chars, min = 1, max = 500), custom(readable)))]
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
    /// With `tag`: which tags.
    #[garde(dive)]
    tags: Option<TagChange>,
    /// Only says how many match, and which.
    #[garde(skip)]
    #[serde(default)]
    #[schema(default = false)]
    pub dry_run: bool,
}

/// Which tags come and go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"add": ["finance"], "remove": ["draft"]}))]
pub(super) struct TagChange {
    /// Those that a schedule has already stay as they are.
    #[garde(length(max = 20), inner(length(chars, min = 1, max = 50), custom(printable)))]
    #[schema(max_items = 20)]
    pub add: Vec<String>,
    /// Those that a schedule does not have are no fault.
    #[garde(length(max = 20), inner(length(chars, min = 1, max = 50), custom(printable)))]
    #[schema(max_items = 20)]
    pub remove: Vec<String>,
}

/// Which schedules, as the list of schedules filters them. Those that are made after the request do not match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ScheduleFilter, example = json!({"creator": "me", "tags": ["reports", "finance"], "tags_match": "all", "status": "active"}))]
pub(super) struct FilterGiven {
    /// Made by this identity: `user:…`, `key:…`, `code`, or `me`.
    #[garde(inner(length(chars, min = 1, max = 100), custom(printable)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    creator: Option<String>,
    #[garde(inner(length(min = 1, max = 20), inner(length(chars, min = 1, max = 50), custom(printable))))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 20)]
    tags: Option<Vec<String>>,
    /// Whether one of the tags is enough, or all are needed; `any` when it is not given.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_match: Option<TagsMatch>,
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<ScheduleType>,
    /// In the name or the description, in any case of letters.
    #[garde(inner(length(chars, min = 1, max = 200), custom(printable)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    text: Option<String>,
    /// Due next at this instant or later.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run_from: Option<DateTime<Utc>>,
    /// Due next before this instant.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run_to: Option<DateTime<Utc>>,
}

fn printable<C>(text: &str, _: &C) -> garde::Result {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(garde::Error::new("must be text without control characters"));
    }
    Ok(())
}

fn readable<C>(text: &str, _: &C) -> garde::Result {
    if text.trim().is_empty() || text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(garde::Error::new("must be a text that people can read"));
    }
    Ok(())
}

/// An operation that fits together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Act {
    pub operation: Operation,
    pub reason: Option<String>,
    /// Empty but for [`Operation::Tag`].
    pub tags: TagChange,
}

impl BulkOperate {
    /// What is to be done.
    ///
    /// # Errors
    /// `validation-failed` naming what does not go together.
    pub fn act(&self) -> Result<Act> {
        let mut failed = Problem::new(&kinds::VALIDATION_FAILED);
        let tags = self.tags.clone().unwrap_or_default();
        match (self.operation, &self.tags) {
            (Operation::Tag, _) if tags == TagChange::default() => {
                failed = failed.field("/tags", "must name a tag to add or to remove");
            }
            (Operation::Tag, _) => {
                let both = tags.add.iter().find(|tag| tags.remove.contains(tag));
                failed = both.into_iter().fold(failed, |failed, tag| {
                    failed.field("/tags/remove", format!("has {tag}, which is to be added"))
                });
            }
            (_, Some(_)) => failed = failed.field("/tags", "goes with the operation tag"),
            (_, None) => {}
        }
        match (&self.schedule_ids, &self.filter) {
            (Some(_), Some(_)) => failed = failed.field("/filter", "does not go with schedule_ids: give one of them"),
            (None, None) => failed = failed.field("/schedule_ids", "is required, or filter"),
            (Some(ids), None) => {
                let mut seen = std::collections::HashSet::new();
                let twice = ids.iter().enumerate().filter(|(_, id)| !seen.insert(**id));
                failed = twice
                    .fold(failed, |failed, (at, _)| failed.field(format!("/schedule_ids/{at}"), "stands there twice"));
            }
            (None, Some(_)) => {}
        }
        if failed.errors().is_empty() {
            return Ok(Act { operation: self.operation, reason: self.reason.clone(), tags });
        }
        Err(failed)
    }
}

impl FilterGiven {
    /// The filter, for good: `me` is this identity.
    ///
    /// # Errors
    /// `validation-failed` naming what is wrong.
    pub fn of(mut self, me: &str) -> Result<Self> {
        if self == Self::default() {
            return Err(problems::invalid(
                "/filter",
                "must say which schedules: nothing is done to all of them by mistake",
            ));
        }
        if self.tags_match.is_some() && self.tags.is_none() {
            return Err(problems::invalid("/filter/tags_match", "goes with tags, which are not given"));
        }
        if let (Some(from), Some(to)) = (self.next_run_from, self.next_run_to)
            && to <= from
        {
            return Err(problems::invalid("/filter/next_run_to", "must be later than next_run_from"));
        }
        let window = [("/filter/next_run_from", self.next_run_from), ("/filter/next_run_to", self.next_run_to)];
        listing::reckonable(window)?;
        if self.creator.as_deref() == Some("me") {
            self.creator = Some(me.to_owned());
        }
        Ok(self)
    }

    /// As the list has it.
    pub fn filter(&self) -> Filter {
        let tags = self.tags.clone().unwrap_or_default();
        let (any_tag, all_tags) =
            if self.tags_match == Some(TagsMatch::All) { (Vec::new(), tags) } else { (tags, Vec::new()) };
        Filter {
            creator: self.creator.clone(),
            any_tag,
            all_tags,
            status: self.status.map(Status::name),
            schedule_type: self.r#type.map(ScheduleType::name),
            text: self.text.clone(),
            next_run_from: self.next_run_from,
            next_run_to: self.next_run_to,
        }
    }
}
