//! `/api/v1/calendars`.

use axum::{
    extract::{FromRequest, Request, State},
    http::StatusCode,
    response::IntoResponse,
};
use edge::{
    Authenticated, Created, ETag, Idempotency, IdempotencyKey, IfMatch, IfMatchHeader, Json, PageQuery, Paged, Path,
    ProblemDetails, Reply,
};
use kernel::{Page, Problem, Result, kinds};
use store::{Sql, Tx};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};
use uuid::Uuid;

use super::{
    CalendarRow,
    apply::apply,
    view::{CalendarRequest, CalendarView},
};
use crate::{Schedules, who::Who};

/// The routes.
pub(crate) fn routes(cx: &Schedules) -> OpenApiRouter<Schedules> {
    let once = Idempotency::new(cx.db.clone());
    OpenApiRouter::new()
        .routes(routes!(create).layer(once))
        .routes(routes!(list))
        .routes(routes!(show, replace, delete))
}

/// Creates a calendar. Needs the permission `schedule.write`.
#[utoipa::path(post, path = "/api/v1/calendars", tag = "calendars", params(IdempotencyKey), request_body = CalendarRequest,
    responses((status = 201, body = CalendarView, headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = ProblemDetails, content_type = "application/problem+json", description = "`calendar-name-taken`")))]
async fn create(State(cx): State<Schedules>, by: Who, request: Request) -> Reply<impl IntoResponse> {
    let Json(given) = Json::<CalendarRequest>::from_request(request, &()).await?;
    let new = given.checked()?;
    let row = cx
        .db
        .tx(async |tx: Tx| {
            let row = super::create(&tx, &new, &by.actor.identity()).await?;
            record((&tx, &by), "calendar.create", (None, Some(&row))).await?;
            Ok(row)
        })
        .await?;
    let (version, location) = (row.version, format!("/api/v1/calendars/{}", row.id));
    Ok((ETag(version), Created { location, body: CalendarView::of(row)? }))
}

/// Lists the calendars by name. Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/calendars", tag = "calendars", params(PageQuery),
    responses((status = 200, body = Paged<CalendarView>)))]
async fn list(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    page: PageQuery,
) -> Reply<Paged<CalendarView>> {
    actor.require("schedule.read")?;
    let after: Option<String> = page.position()?;
    let rows: Vec<CalendarRow> = cx.db.conn().query(LIST, [after.into(), (page.limit as i64 + 1).into()]).await?;
    let page_of = Page::cut(rows, page.limit, |row| row.name.clone());
    let mut items = Vec::with_capacity(page_of.items.len());
    for row in page_of.items {
        items.push(CalendarView::of(row)?);
    }
    Ok(page.answer(Page { items, next_cursor: page_of.next_cursor }))
}

const LIST: &str = "
select * from calendars where deleted_at is null and ($1::text is null or name > $1) order by name limit $2";

/// Shows a calendar. Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/calendars/{id}", tag = "calendars", params(("id" = Uuid, Path)),
    responses((status = 200, body = CalendarView, headers(("ETag" = String)))))]
async fn show(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(id): Path<Uuid>,
) -> Reply<impl IntoResponse> {
    actor.require("schedule.read")?;
    let row = super::find(cx.db.conn(), &id.to_string()).await?;
    let row = row.ok_or_else(|| Problem::new(&kinds::NOT_FOUND).detail("there is no such calendar"))?;
    Ok((ETag(row.version), Json(CalendarView::of(row)?)))
}

/// Changes a calendar. Every schedule that uses it follows at once, from now on; what was due before stays as it was.
///
/// Needs `schedule.write` for one's own calendars, `schedule.admin` for others.
#[utoipa::path(put, path = "/api/v1/calendars/{id}", tag = "calendars", params(("id" = Uuid, Path), IfMatchHeader),
    request_body = CalendarRequest,
    responses((status = 200, body = CalendarView, headers(("ETag" = String))),
        (status = 409, body = ProblemDetails, content_type = "application/problem+json", description = "`calendar-name-taken`")))]
async fn replace(
    State(cx): State<Schedules>,
    by: Who,
    Path(id): Path<Uuid>,
    seen: IfMatch,
    request: Request,
) -> Reply<impl IntoResponse> {
    let Json(given) = Json::<CalendarRequest>::from_request(request, &()).await?;
    let new = given.checked()?;
    let registry = cx.registry()?;
    let row = cx
        .db
        .tx(async |tx: Tx| {
            let before = super::lock(&tx, id).await?;
            by.may_change(&before.created_by)?;
            seen.check(before.version)?;
            let row = super::replace(&tx, id, (&new, &by.actor.identity())).await?;
            apply(&tx, registry, &row).await?;
            record((&tx, &by), "calendar.update", (Some(&before), Some(&row))).await?;
            Ok(row)
        })
        .await?;
    Ok((ETag(row.version), Json(CalendarView::of(row)?)))
}

/// Deletes a calendar that no schedule uses.
///
/// Needs `schedule.write` for one's own calendars, `schedule.admin` for others.
#[utoipa::path(delete, path = "/api/v1/calendars/{id}", tag = "calendars", params(("id" = Uuid, Path)),
    responses((status = 204),
        (status = 409, body = ProblemDetails, content_type = "application/problem+json", description = "`calendar-in-use`")))]
async fn delete(State(cx): State<Schedules>, by: Who, Path(id): Path<Uuid>) -> Reply<StatusCode> {
    cx.db
        .tx(async |tx: Tx| {
            let before = super::lock(&tx, id).await?;
            by.may_change(&before.created_by)?;
            super::delete(&tx, id).await?;
            record((&tx, &by), "calendar.delete", (Some(&before), None)).await
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn record(
    (tx, Who { actor, label }): (&Tx, &Who),
    action: &'static str,
    (before, after): (Option<&CalendarRow>, Option<&CalendarRow>),
) -> Result<()> {
    let view = |row: Option<&CalendarRow>| -> Result<Option<serde_json::Value>> {
        row.map(|row| Ok(serde_json::to_value(CalendarView::of(row.clone())?)?)).transpose()
    };
    let (old, new) = (view(before)?, view(after)?);
    let id = after.or(before).map(|row| row.id).unwrap_or_default();
    let change = audit::Change {
        actor,
        label: label.as_deref(),
        action,
        target: format!("calendar:{id}"),
        before: old.as_ref(),
        after: new.as_ref(),
    };
    audit::record(tx, change).await
}
