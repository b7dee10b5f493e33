//! `GET /api/v1/audit`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use edge::{Authenticated, PageQuery, Paged, Query, Reply};
use garde::Validate;
use kernel::Page;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Db;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::read::{self, Row};

/// What to look for; all of it must fit.
#[derive(Deserialize, Validate, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Who did it: `user:<uuid>` or `key:<uuid>`.
    #[garde(inner(length(chars, min = 1, max = 100), custom(printable)))]
    #[param(min_length = 1, max_length = 100, example = "user:0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e")]
    actor: Option<String>,
    /// What was done: `schedule.update`, or everything that begins with `schedule.` when it ends in a dot.
    #[garde(inner(length(chars, min = 1, max = 100), ascii, custom(printable)))]
    #[param(min_length = 1, max_length = 100, example = "api_key.")]
    action: Option<String>,
    /// To what: `schedule:<uuid>`.
    #[garde(inner(length(chars, min = 1, max = 300), custom(printable)))]
    #[param(min_length = 1, max_length = 300, example = "api_key:0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e")]
    target: Option<String>,
    /// Only what was done, or only what was refused.
    #[garde(skip)]
    #[param(inline)]
    outcome: Option<Outcome>,
    /// Not before this instant.
    #[garde(skip)]
    #[param(example = "2026-01-05T00:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    #[garde(skip)]
    #[param(example = "2026-01-06T00:00:00Z")]
    to: Option<DateTime<Utc>>,
    /// Only what this request did.
    #[garde(inner(length(chars, min = 1, max = 100), custom(printable)))]
    #[param(min_length = 1, max_length = 100)]
    request_id: Option<String>,
}

/// Whether it was done.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Done,
    Refused,
}

fn printable<C>(text: &str, _: &C) -> garde::Result {
    if text.chars().any(char::is_control) {
        return Err(garde::Error::new("has control characters"));
    }
    Ok(())
}

/// One line of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryView {
    id: Uuid,
    at: DateTime<Utc>,
    /// `user:<uuid>` or `key:<uuid>`.
    #[schema(example = "key:0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e")]
    actor: Option<String>,
    /// The role of a person, or the name of a key, at that time.
    #[schema(example = "billing")]
    actor_name: Option<String>,
    /// What the caller said of itself in `X-Created-By` or its kin. Not verified.
    #[schema(example = "payroll-importer")]
    label: Option<String>,
    #[schema(example = "api_key.update")]
    action: String,
    #[schema(example = "api_key:0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e")]
    target: Option<String>,
    /// `done` or `refused`.
    #[schema(example = "done")]
    outcome: String,
    /// Why it was refused: the slug of a problem.
    #[schema(example = "forbidden")]
    problem: Option<String>,
    /// What differs; empty for a refusal. Secrets are `***`, long values are cut.
    #[schema(value_type = Vec<DifferenceView>)]
    changes: Value,
    request_id: String,
    /// Null for what was not done by a request.
    #[schema(example = "PATCH")]
    method: Option<String>,
    #[schema(example = "/api/v1/api-keys/0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e")]
    path: Option<String>,
}

/// One place that differs.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is read")]
pub(crate) struct DifferenceView {
    /// A JSON pointer into the resource.
    #[schema(example = "/name")]
    pointer: String,
    /// What was there; null when nothing was.
    #[schema(example = "bil")]
    before: Value,
    /// What is there now; null when nothing is.
    #[schema(example = "billing")]
    after: Value,
}

impl From<Row> for EntryView {
    fn from(row: Row) -> Self {
        let Row { id, at, actor, actor_name, label, action, target, outcome, problem, changes, .. } = row;
        let Row { request_id, method, path, .. } = row;
        Self { id, at, actor, actor_name, label, action, target, outcome, problem, changes, request_id, method, path }
    }
}

/// Lists what was done and what was refused, newest first. Needs the permission `audit.read`.
///
/// Recorded are all changes by operators, services and their keys; every request of a known caller that was forbidden; and
/// writes that were refused with 409, 412, 422 or 428 to a caller who holds any permission.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Wanted, PageQuery),
    responses((status = 200, body = Paged<EntryView>)))]
pub(crate) async fn list(
    State(db): State<Db>,
    Authenticated(actor): Authenticated,
    Query(wanted): Query<Wanted>,
    page: PageQuery,
) -> Reply<Paged<EntryView>> {
    actor.require("audit.read")?;
    let filter = read::Filter {
        actor: wanted.actor,
        action: wanted.action,
        target: wanted.target,
        outcome: wanted.outcome.map(|outcome| match outcome {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
        }),
        from: wanted.from,
        to: wanted.to,
        request_id: wanted.request_id,
        before: page.position()?,
    };
    let rows = read::list(&db, &filter, page.limit + 1).await?;
    Ok(page.answer(Page::cut(rows, page.limit, |row| row.id).map(EntryView::from)))
}
