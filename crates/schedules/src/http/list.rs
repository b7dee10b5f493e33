//! The list of schedules: filters, orders and pages.

use axum::extract::State;
use chrono::{DateTime, Utc};
use edge::{Authenticated, PageQuery, Paged, Query, Reply};
use garde::Validate;
use kernel::{Problem, Result, kinds};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    request::ScheduleType,
    view::{ScheduleView, Status},
};
use crate::{
    Schedules,
    listing::{self, Filter, Order, Position, SortKey},
};

/// Which schedules, in which order.
#[derive(Deserialize, Validate, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Made by this identity: `user:…`, `key:…`, `code`, or `me`.
    #[garde(inner(length(chars, min = 1, max = 100), custom(printable)))]
    #[param(max_length = 100, example = "me")]
    creator: Option<String>,
    /// With these tags, separated by commas.
    #[garde(inner(length(chars, min = 1, max = 1050), custom(printable)))]
    #[param(max_length = 1050, example = "reports,finance")]
    tags: Option<String>,
    /// Whether one of the tags is enough, or all are needed.
    #[garde(skip)]
    #[param(inline)]
    tags_match: Option<TagsMatch>,
    #[garde(skip)]
    #[param(inline)]
    status: Option<Status>,
    #[garde(skip)]
    #[param(inline)]
    r#type: Option<ScheduleType>,
    /// In the name or the description, in any case of letters.
    #[garde(inner(length(chars, min = 1, max = 200), custom(printable)))]
    #[param(min_length = 1, max_length = 200, example = "report")]
    text: Option<String>,
    /// Due next at this instant or later.
    #[garde(skip)]
    #[param(example = "2026-01-05T00:00:00Z")]
    next_run_from: Option<DateTime<Utc>>,
    /// Due next before this instant.
    #[garde(skip)]
    #[param(example = "2026-01-06T00:00:00Z")]
    next_run_to: Option<DateTime<Utc>>,
    /// `created_at` when it is not given. Schedules without a next run count as the last ones.
    #[garde(skip)]
    #[param(inline)]
    sort: Option<SortKey>,
    /// `desc` for `created_at`, `asc` for the others when it is not given.
    #[garde(skip)]
    #[param(inline)]
    order: Option<Order>,
}

/// Whether one of several tags is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TagsMatch {
    /// One is enough.
    Any,
    /// All are needed.
    All,
}

fn printable<C>(text: &str, _: &C) -> garde::Result {
    if text.chars().any(char::is_control) {
        return Err(garde::Error::new("has control characters"));
    }
    Ok(())
}

/// Lists schedules: one's own and others', made here or declared by the code. Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/schedules", tag = "schedules", params(Wanted, PageQuery),
    responses((status = 200, body = Paged<ScheduleView>)))]
pub(super) async fn list(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Query(wanted): Query<Wanted>,
    page: PageQuery,
) -> Reply<Paged<ScheduleView>> {
    actor.require("schedule.read")?;
    let by = (wanted.sort.unwrap_or(SortKey::CreatedAt), wanted.order);
    let filter = wanted.filter(&actor.identity())?;
    let order = by.1.unwrap_or(if by.0 == SortKey::CreatedAt { Order::Desc } else { Order::Asc });
    let after: Option<Position> = page.position()?;
    let found = listing::page(&cx.db, &filter, (by.0, order), (after, page.limit)).await?;
    let items = ScheduleView::of_many(cx.db.conn(), found.items).await?;
    Ok(page.answer(kernel::Page { items, next_cursor: found.next_cursor }))
}

impl Wanted {
    fn filter(self, me: &str) -> Result<Filter> {
        let refuse = |field: &str, message: &str| Problem::new(&kinds::VALIDATION_FAILED).field(field, message);
        let tags: Vec<String> =
            self.tags.iter().flat_map(|tags| tags.split(',')).map(|tag| tag.trim().to_owned()).collect();
        if tags.len() > 20 || tags.iter().any(String::is_empty) {
            return Err(refuse("/tags", "must be 1 to 20 tags, separated by commas"));
        }
        if let (Some(from), Some(to)) = (self.next_run_from, self.next_run_to)
            && to <= from
        {
            return Err(refuse("/next_run_to", "must be later than next_run_from"));
        }
        listing::reckonable([("/next_run_from", self.next_run_from), ("/next_run_to", self.next_run_to)])?;
        let all = self.tags_match == Some(TagsMatch::All);
        Ok(Filter {
            creator: self.creator.map(|creator| if creator == "me" { me.to_owned() } else { creator }),
            any_tag: if all { Vec::new() } else { tags.clone() },
            all_tags: if all { tags } else { Vec::new() },
            status: self.status.map(Status::name),
            schedule_type: self.r#type.map(ScheduleType::name),
            text: self.text,
            next_run_from: self.next_run_from,
            next_run_to: self.next_run_to,
        })
    }
}
