//! Running many executions again, by filter.

use axum::extract::{FromRequest as _, Request, State};
use chrono::{DateTime, Utc};
use edge::{Authenticated, IdempotencyKey, Json, Label, LabelHeaders, Reply};
use garde::Validate;
use jobs::Queue;
use kernel::{ExecutionId, Problem, Result, kinds};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::WRITE;
use crate::{
    Executions,
    act::{self, By, Retried},
    filter::{Filter, fault_of},
    names::{self, Cause, one_of},
};

/// Which executions to run once more.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RetryMany)]
pub(super) struct RetryMany {
    #[garde(dive)]
    filter: RetryFilter,
    /// Only says what would be done.
    #[serde(default)]
    #[garde(skip)]
    #[schema(default = false)]
    dry_run: bool,
}

/// All that is given must match; `{}` stands for every failed one.
#[derive(Default, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"kind": "books.summarise", "state": ["failed"], "started_from": "2026-01-05T10:00:00Z"}))]
pub(super) struct RetryFilter {
    /// Of this schedule.
    #[garde(skip)]
    schedule_id: Option<Uuid>,
    /// Of this kind of job.
    #[garde(inner(custom(plain)))]
    #[schema(min_length = 1, max_length = 200)]
    kind: Option<String>,
    /// Of this queue: `default`, `mail`, `ai` or `bulk`.
    #[garde(inner(custom(known_queue)))]
    #[schema(pattern = "^(default|mail|ai|bulk)$")]
    queue: Option<String>,
    /// In one of these states: `failed`, `cancelled`, `skipped`, `missed`. Without it the failed ones.
    #[garde(inner(custom(retryable)))]
    #[schema(max_items = 4)]
    state: Vec<names::State>,
    /// That exist for this reason.
    #[garde(skip)]
    trigger: Option<Cause>,
    /// Whose last attempt began at this time or later.
    #[garde(skip)]
    started_from: Option<DateTime<Utc>>,
    /// Whose last attempt began before this time.
    #[garde(skip)]
    started_to: Option<DateTime<Utc>>,
    /// Of this chain.
    #[garde(inner(custom(plain)))]
    #[schema(min_length = 1, max_length = 200)]
    correlation_id: Option<String>,
    /// With this text in the message or the last error, in upper or lower case.
    #[garde(inner(custom(plain)))]
    #[schema(min_length = 1, max_length = 200)]
    text: Option<String>,
}

fn plain<C>(text: &str, _: &C) -> garde::Result {
    fault_of(text).map_or(Ok(()), |fault| Err(garde::Error::new(fault)))
}

fn known_queue<C>(name: &str, _: &C) -> garde::Result {
    let known = Queue::parse(name).map(|_| ());
    known.ok_or_else(|| garde::Error::new(format!("must be {}", one_of(Queue::ALL.map(Queue::name)))))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn retryable<C>(state: &names::State, _: &C) -> garde::Result {
    if names::State::RETRYABLE.contains(state) {
        return Ok(());
    }
    let words = one_of(names::State::RETRYABLE.map(names::State::name));
    Err(garde::Error::new(format!("cannot be run again: must be {words}")))
}

impl RetryFilter {
    /// # Errors
    /// `validation-failed` when the window of starts ends before it begins, or is beyond the calendar.
    fn read(self) -> Result<Filter> {
        for (name, at) in [("started_from", self.started_from), ("started_to", self.started_to)] {
            if at.is_some_and(|at| !(0..=9999).contains(&chrono::Datelike::year(&at))) {
                let pointer = format!("/filter/{name}");
                return Err(Problem::new(&kinds::VALIDATION_FAILED).field(pointer, "must be of the years 0 to 9999"));
            }
        }
        let filter = Filter {
            schedule_id: self.schedule_id,
            kind: self.kind,
            queue: self.queue.as_deref().and_then(Queue::parse),
            states: self.state,
            cause: self.trigger,
            started_from: self.started_from,
            started_to: self.started_to,
            correlation_id: self.correlation_id,
            text: self.text,
        };
        filter.check_window("/filter")?;
        Ok(act::retryable(filter))
    }
}

/// What running many again came to.
#[derive(Serialize, ToSchema)]
pub(super) struct RetriedMany {
    dry_run: bool,
    /// How many matched, counted up to 100 000.
    #[schema(minimum = 0, maximum = 100_000, example = 2)]
    matched: usize,
    /// How many are queued again; none in a dry run.
    #[schema(minimum = 0, maximum = 1000, example = 1)]
    retried: usize,
    /// Those that are queued again; in a dry run those that would be.
    #[schema(max_items = 1000)]
    execution_ids: Vec<Uuid>,
    /// Those that could not be.
    #[schema(max_items = 1000)]
    failed: Vec<NotRetried>,
    /// How many of `matched` were not tried: ask again for them.
    #[schema(minimum = 0, maximum = 100_000, example = 0)]
    left: usize,
}

impl From<Retried> for RetriedMany {
    fn from(retried: Retried) -> Self {
        let Retried { matched, ids, failed } = retried;
        let not_retried = |(id, error): (ExecutionId, String)| NotRetried { execution_id: id.0, error };
        Self {
            dry_run: false,
            matched,
            retried: ids.len(),
            left: matched - ids.len() - failed.len(),
            execution_ids: ids.into_iter().map(|id| id.0).collect(),
            failed: failed.into_iter().map(not_retried).collect(),
        }
    }
}

/// One that could not be run again.
#[derive(Serialize, ToSchema)]
pub(super) struct NotRetried {
    execution_id: Uuid,
    #[schema(example = "another one with its unique key waits or runs")]
    error: String,
}

/// Runs many executions once more, by filter.
///
/// Takes the newest thousand that match, each by itself: one that cannot be run again stops no other. `left` says how many
/// more match; ask again for them, since what is queued does not match any more. With `dry_run` nothing is changed, and
/// `execution_ids` are those that would be taken.
#[utoipa::path(post, path = "/api/v1/executions/retry", tag = "executions", params(IdempotencyKey, LabelHeaders), request_body = RetryMany,
    responses((status = 200, body = RetriedMany)))]
pub(super) async fn retry_many(
    State(executions): State<Executions>,
    Authenticated(actor): Authenticated,
    label: Label,
    request: Request,
) -> Reply<Json<RetriedMany>> {
    actor.require(WRITE)?; // before the body is looked at
    let Json(RetryMany { filter, dry_run }) = Json::from_request(request, &()).await?;
    let filter = filter.read()?;
    if dry_run {
        let view = RetriedMany::from(act::matching(&executions.db, &filter).await?);
        return Ok(Json(RetriedMany { dry_run, retried: 0, left: view.matched, ..view }));
    }
    let by = By { actor: &actor, label: label.as_deref() };
    Ok(Json(act::retry_matching(&executions.db, &filter, by).await?.into()))
}
