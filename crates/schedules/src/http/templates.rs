//! `/api/v1/schedule-templates`.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use chrono::{DateTime, Utc};
use edge::{
    Authenticated, Created, ETag, IdempotencyKey, IfMatch, IfMatchHeader, Json, LabelHeaders, PageQuery, Paged, Path,
    ProblemDetails, Reply,
};
use garde::Validate;
use kernel::{Page, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Tx;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Schedules,
    targets::templates::{self, Fields, NewTemplate, Parameter, TemplateRow},
    who::Who,
};

/// A template: the fields of a schedule, whose texts may hold `{{parameter}}`.
///
/// A text that is one placeholder and nothing else becomes the parameter's value, a number or a boolean too.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "daily-report",
    "description": "A report of one team, every working day",
    "parameters": [
        { "name": "team", "type": "string", "required": true },
        { "name": "hour", "type": "number", "default": 6, "description": "When it is made, in UTC" },
        { "name": "slow", "type": "number", "default": 250 }
    ],
    "schedule": {
        "name": "report-{{team}}",
        "cron_expression": "0 {{hour}} * * MON-FRI",
        "job": "engine.noop",
        "args": { "sleep_ms": "{{slow}}" },
        "tags": ["reports", "{{team}}"]
    }
}))]
pub(crate) struct TemplateRequest {
    /// Unique among the templates, and not like an id.
    #[garde(skip)]
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    #[serde(default)]
    #[garde(skip)]
    #[schema(required = false, max_length = 2000)]
    description: String,
    /// At most 50.
    #[serde(default)]
    #[garde(skip)]
    #[schema(required = false, max_items = 50)]
    parameters: Vec<Parameter>,
    /// Any fields of a schedule but `template` and `parameters`, at most 128 KiB.
    #[garde(skip)]
    #[schema(value_type = Object)]
    schedule: Fields,
}

impl TemplateRequest {
    /// # Errors
    /// `validation-failed` naming every field that is wrong.
    fn checked(self) -> Result<NewTemplate> {
        let Self { name, description, parameters, schedule } = self;
        let new = NewTemplate { name, description, parameters, schedule };
        templates::faults(&new).check()?;
        Ok(new)
    }
}

/// A template.
#[derive(Serialize, ToSchema)]
#[schema(as = Template)]
pub(crate) struct TemplateView {
    id: Uuid,
    #[schema(example = "daily-report")]
    name: String,
    description: String,
    parameters: Vec<Parameter>,
    /// The fields of a schedule.
    #[schema(value_type = Object, example = json!({ "name": "report-{{team}}", "cron_expression": "0 {{hour}} * * MON-FRI", "job": "engine.noop" }))]
    schedule: Value,
    /// Also the `ETag`.
    #[schema(example = 1, minimum = 1, maximum = 9_007_199_254_740_991_u64)]
    version: i64,
    /// The identity of who made it.
    #[schema(example = "user:0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e")]
    created_by: String,
    /// The identity of who changed it last.
    #[schema(example = "user:0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e")]
    updated_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TemplateView {
    fn of(row: TemplateRow) -> Result<Self> {
        Ok(Self {
            parameters: row.parameters()?,
            id: row.id,
            name: row.name,
            description: row.description,
            schedule: row.schedule,
            version: row.version,
            created_by: row.created_by,
            updated_by: row.updated_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Lists the templates by name. Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/schedule-templates", tag = "templates", params(PageQuery),
    responses((status = 200, body = Paged<TemplateView>)))]
pub(super) async fn list_templates(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    page: PageQuery,
) -> Reply<Paged<TemplateView>> {
    actor.require("schedule.read")?;
    let after: Option<String> = page.position()?;
    let after = after.filter(|name| !name.contains('\0'));
    let rows = templates::list(cx.db.conn(), after, page.limit + 1).await?;
    let cut = Page::cut(rows, page.limit, |row| row.name.clone());
    let items = cut.items.into_iter().map(TemplateView::of).collect::<Result<Vec<_>>>()?;
    Ok(page.answer(Page { items, next_cursor: cut.next_cursor }))
}

/// Creates a template.
///
/// Each `{{x}}` in it must be one of its parameters; `{{scheduled_for}}`, `{{execution_id}}` and `{{last_success_at}}` may
/// stand in payloads and are filled in for each run. Needs the permission `schedule.write`.
#[utoipa::path(post, path = "/api/v1/schedule-templates", tag = "templates", params(IdempotencyKey, LabelHeaders),
    request_body = TemplateRequest,
    responses((status = 201, body = TemplateView, headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = ProblemDetails, content_type = "application/problem+json", description = "`template-name-taken`")))]
pub(super) async fn create_template(
    State(cx): State<Schedules>,
    by: Who,
    Json(given): Json<TemplateRequest>,
) -> Reply<impl IntoResponse> {
    let new = given.checked()?;
    let created = cx.db.tx(async |tx: Tx| {
        let row = templates::create(&tx, &new, &by.actor.identity()).await?;
        record(&tx, &by, "schedule_template.create", [None, Some(&row)]).await?;
        Ok(row)
    });
    let row = created.await?;
    let (version, location) = (row.version, format!("/api/v1/schedule-templates/{}", row.id));
    Ok((ETag(version), Created { location, body: TemplateView::of(row)? }))
}

/// Shows a template. Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/schedule-templates/{id}", tag = "templates", params(("id" = Uuid, Path)),
    responses((status = 200, body = TemplateView, headers(("ETag" = String)))))]
pub(super) async fn show_template(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(id): Path<Uuid>,
) -> Reply<impl IntoResponse> {
    actor.require("schedule.read")?;
    let row = templates::find(cx.db.conn(), &id.to_string()).await?.ok_or_else(templates::not_found)?;
    Ok((ETag(row.version), Json(TemplateView::of(row)?)))
}

/// Replaces a template. Schedules that were made from it stay as they are.
///
/// Needs `schedule.write` for one's own templates, `schedule.admin` for others.
#[utoipa::path(put, path = "/api/v1/schedule-templates/{id}", tag = "templates",
    params(("id" = Uuid, Path), IfMatchHeader, LabelHeaders), request_body = TemplateRequest,
    responses((status = 200, body = TemplateView, headers(("ETag" = String))),
        (status = 409, body = ProblemDetails, content_type = "application/problem+json", description = "`template-name-taken`")))]
pub(super) async fn replace_template(
    State(cx): State<Schedules>,
    by: Who,
    Path(id): Path<Uuid>,
    seen: IfMatch,
    Json(given): Json<TemplateRequest>,
) -> Reply<impl IntoResponse> {
    let new = given.checked()?;
    let replaced = cx.db.tx(async |tx: Tx| {
        let before = locked(&tx, id, (&by, &seen)).await?;
        let row = templates::replace(&tx, id, (&new, &by.actor.identity())).await?;
        record(&tx, &by, "schedule_template.update", [Some(&before), Some(&row)]).await?;
        Ok(row)
    });
    let row = replaced.await?;
    Ok((ETag(row.version), Json(TemplateView::of(row)?)))
}

/// Deletes a template. Its name becomes free; schedules that were made from it stay as they are.
///
/// Needs `schedule.write` for one's own templates, `schedule.admin` for others.
#[utoipa::path(delete, path = "/api/v1/schedule-templates/{id}", tag = "templates",
    params(("id" = Uuid, Path), IfMatchHeader, LabelHeaders), responses((status = 204, description = "It is deleted")))]
pub(super) async fn delete_template(
    State(cx): State<Schedules>,
    by: Who,
    Path(id): Path<Uuid>,
    seen: IfMatch,
) -> Reply<StatusCode> {
    let deleted = cx.db.tx(async |tx: Tx| {
        let before = locked(&tx, id, (&by, &seen)).await?;
        templates::delete(&tx, id).await?;
        record(&tx, &by, "schedule_template.delete", [Some(&before), None]).await
    });
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Locks a template that `by` may change and has seen.
async fn locked(tx: &Tx, id: Uuid, (by, seen): (&Who, &IfMatch)) -> Result<TemplateRow> {
    let row = templates::lock(tx, id).await?;
    by.may_change(&row.created_by)?;
    seen.check(row.version)?;
    Ok(row)
}

/// Writes the change into the audit log.
async fn record(
    tx: &Tx,
    Who { actor, label }: &Who,
    action: &'static str,
    [before, after]: [Option<&TemplateRow>; 2],
) -> Result<()> {
    let view = |row: Option<&TemplateRow>| -> Result<Option<Value>> {
        row.map(|row| Ok(serde_json::to_value(TemplateView::of(row.clone())?)?)).transpose()
    };
    let target = format!("schedule_template:{}", after.or(before).map(|row| row.id).unwrap_or_default());
    let (before, after) = (view(before)?, view(after)?);
    let (before, after) = (before.as_ref(), after.as_ref());
    audit::record(tx, audit::Change { actor, label: label.as_deref(), action, target, before, after }).await
}
