//! What the plans allow, and what of it the caller has used.

use axum::extract::State;
use chrono::{DateTime, Utc};
use edge::{Json, Person, Reply};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Accounts,
    plan::{Feature, PERIOD_DAYS, Plan},
    usage,
};

/// One value per feature.
#[derive(Serialize, ToSchema)]
pub(crate) struct PerFeature<T> {
    summaries: T,
    notes: T,
    reminders: T,
    smart_searches: T,
}

impl<T> PerFeature<T> {
    fn of(value: impl Fn(Feature) -> T) -> Self {
        Self {
            summaries: value(Feature::Summaries),
            notes: value(Feature::Notes),
            reminders: value(Feature::Reminders),
            smart_searches: value(Feature::SmartSearches),
        }
    }
}

/// A plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanView {
    name: Plan,
    /// How long a period is.
    #[schema(example = 30)]
    period_days: i64,
    /// How often each feature may be used in one period.
    limits: PerFeature<u32>,
}

/// The plans, the smallest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanList {
    items: Vec<PlanView>,
    /// Always `null`: there is one page.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Lists the plans and their limits.
#[utoipa::path(get, path = "/api/v1/plans", tag = "plans", security(()), responses((status = 200, body = PlanList)))]
pub(super) async fn list_plans() -> Json<PlanList> {
    let view = |plan: Plan| PlanView {
        name: plan,
        period_days: PERIOD_DAYS,
        limits: PerFeature::of(|feature| plan.limit(feature)),
    };
    Json(PlanList { items: Plan::ALL.map(view).into(), next_cursor: None })
}

/// How much of one feature is used.
#[derive(Serialize, ToSchema)]
pub(crate) struct Used {
    used: u32,
    /// The limit of the plan; after a trial `used` may be more.
    limit: u32,
}

/// The caller's plan and what they have used of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageView {
    /// The plan that counts now.
    plan: Plan,
    /// Only while a trial runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_ends_at: Option<DateTime<Utc>>,
    /// When everything starts again at 0.
    period_ends_at: DateTime<Utc>,
    usage: PerFeature<Used>,
}

/// Shows what the caller has used in the present period.
#[utoipa::path(get, path = "/api/v1/me/usage", tag = "me", responses((status = 200, body = UsageView)))]
pub(super) async fn read_usage(State(accounts): State<Accounts>, Person(actor): Person) -> Reply<Json<UsageView>> {
    let (db, now) = (accounts.db.conn(), accounts.db.clock().now());
    let standing = usage::standing(db, actor.user_id, now).await?;
    let counters = usage::counters(db, actor.user_id, standing.period.start).await?;
    let used = |feature: Feature| Used {
        used: counters.get(feature.name()).map_or(0, |used| used.unsigned_abs()),
        limit: standing.plan.limit(feature),
    };
    Ok(Json(UsageView {
        plan: standing.plan,
        trial_ends_at: standing.trial_ends_at,
        period_ends_at: standing.period.end,
        usage: PerFeature::of(used),
    }))
}
