//! The command allow-list: which commands schedules may send.

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use edge::{Authenticated, Created, IdempotencyKey, Json, LabelHeaders, PageQuery, Paged, Path, Reply};
use garde::Validate;
use kernel::{Page, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Tx;
use utoipa::ToSchema;

use crate::{
    Schedules,
    targets::patterns::{self, AllowList, Pattern},
    who::{Administrator, Who},
};

/// A pattern of commands that schedules may send.
#[derive(Serialize, ToSchema)]
#[schema(as = CommandPattern)]
pub(crate) struct PatternView {
    /// `cmd.domain.action`; `*` stands for a whole part.
    #[schema(example = "cmd.billing.*")]
    pattern: String,
    origin: Origin,
    /// The identity of who added it; null for one of the configuration.
    #[schema(required = true, example = "user:0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e")]
    created_by: Option<String>,
    /// When it was added; null for one of the configuration.
    #[schema(required = true)]
    created_at: Option<DateTime<Utc>>,
}

/// Where a pattern stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CommandPatternOrigin)]
enum Origin {
    /// `COMMAND_ALLOW_LIST`: it cannot be removed by API.
    Config,
    /// It was added by API.
    Api,
}

impl From<Pattern> for PatternView {
    fn from(Pattern { pattern, added }: Pattern) -> Self {
        let origin = if added.is_some() { Origin::Api } else { Origin::Config };
        let (created_by, created_at) = added.map(|added| (added.by, added.at)).unzip();
        Self { pattern, origin, created_by, created_at }
    }
}

/// A pattern to be added.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCommandPattern {
    /// `cmd.domain.action` in `a-z`, `0-9`, `-` and `_`; `*` stands for a whole part.
    #[garde(length(chars, min = 1, max = patterns::LONGEST))]
    #[schema(
        example = "cmd.billing.*",
        min_length = 1,
        max_length = 200,
        pattern = r"^cmd\.(\*|[a-z0-9_-]+)\.(\*|[a-z0-9_-]+)$"
    )]
    pattern: String,
}

/// Lists the command allow-list: the patterns of the configuration and those added by API, in order.
///
/// Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/command-patterns", tag = "commands", params(PageQuery),
    responses((status = 200, body = Paged<PatternView>)))]
pub(super) async fn list_patterns(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    page: PageQuery,
) -> Reply<Paged<PatternView>> {
    actor.require("schedule.read")?;
    let after: Option<String> = page.position()?;
    let all = AllowList::read(cx.db.conn(), &cx.settings).await?.into_patterns();
    let rest = all.into_iter().filter(|known| after.as_ref().is_none_or(|after| known.pattern > *after));
    let rows: Vec<Pattern> = rest.take(page.limit as usize + 1).collect();
    let cut = Page::cut(rows, page.limit, |last| last.pattern.clone());
    Ok(page.answer(cut.map(PatternView::from)))
}

/// Adds a pattern to the command allow-list.
///
/// From now on schedules may send the commands that it matches. Needs the permission `schedule.admin`.
#[utoipa::path(post, path = "/api/v1/command-patterns", tag = "commands", params(IdempotencyKey, LabelHeaders),
    request_body = NewCommandPattern,
    responses(
        (status = 201, body = PatternView, headers(("Location" = String, description = "What DELETE takes"))),
        (status = 409, description = "`conflict`: it is on the list already, or the list is full", body = edge::ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn add_pattern(
    State(cx): State<Schedules>,
    Administrator(by): Administrator,
    Json(new): Json<NewCommandPattern>,
) -> Reply<Created<PatternView>> {
    let added = cx.db.tx(async |tx: Tx| {
        let added = patterns::add(&tx, &cx.settings, (&new.pattern, &by.actor.identity())).await?;
        let after = json!({ "pattern": added.pattern });
        record(&tx, &by, ("command_pattern.create", &added.pattern), [None, Some(&after)]).await?;
        Ok(added)
    });
    let added = added.await?;
    Ok(Created { location: format!("/api/v1/command-patterns/{}", added.pattern), body: added.into() })
}

/// Takes a pattern off the command allow-list.
///
/// It allows nothing from now on: a schedule whose command no other pattern matches fails when it runs. Needs the permission
/// `schedule.admin`.
#[utoipa::path(delete, path = "/api/v1/command-patterns/{pattern}", tag = "commands",
    params(("pattern" = String, Path, description = "As it was added", example = "cmd.billing.*"), LabelHeaders),
    responses(
        (status = 204, description = "It is off the list"),
        (status = 409, description = "`conflict`: the configuration names it", body = edge::ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn remove_pattern(
    State(cx): State<Schedules>,
    Administrator(by): Administrator,
    Path(pattern): Path<String>,
) -> Reply<StatusCode> {
    let removed = cx.db.tx(async |tx: Tx| {
        let gone = patterns::remove(&tx, &cx.settings, &pattern).await?;
        let before = json!({ "pattern": gone.pattern });
        record(&tx, &by, ("command_pattern.delete", &gone.pattern), [Some(&before), None]).await
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes the change into the audit log.
async fn record(
    tx: &Tx,
    Who { actor, label }: &Who,
    (action, pattern): (&'static str, &str),
    [before, after]: [Option<&Value>; 2],
) -> Result<()> {
    let target = format!("command_pattern:{pattern}");
    audit::record(tx, audit::Change { actor, label: label.as_deref(), action, target, before, after }).await
}
