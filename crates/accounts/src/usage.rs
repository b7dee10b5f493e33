//! Usage: what readers have used of their plan in the present period. Exact under concurrency, and no job is needed to
//! roll a period over: a counter belongs to one period, which is computed from the reader's anchor.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::{Problem, Result, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};
use store::{Sql, Tx};
use uuid::Uuid;

use crate::{
    plan::{Feature, Period, Plan},
    problems,
};

/// The plan of a reader and the period they are in.
pub(crate) struct Standing {
    /// The plan that counts now.
    pub plan: Plan,
    /// Set while a trial runs.
    pub trial_ends_at: Option<DateTime<Utc>>,
    /// The present period.
    pub period: Period,
}

/// Takes one unit of `feature` from the present period of `user`, in `tx`: rolled back with it.
///
/// # Errors
/// `usage-limit-reached` (403; members `plan`, `feature`, `limit`, `used`, `period_ends_at`) when nothing is left;
/// `unauthenticated` when the account is gone.
pub async fn spend(tx: &Tx, user: UserId, feature: Feature) -> Result<()> {
    let standing = standing(tx, user, tx.now()).await?;
    let limit = standing.plan.limit(feature);
    let key = [user.0.into(), feature.name().into(), standing.period.start.into()];
    let spent = tx.run(SPEND, key.clone().into_iter().chain([i64::from(limit).into()])).await?;
    if spent == 1 {
        return Ok(());
    }
    let used: Option<i32> = tx.scalar(USED, key).await?;
    Err(limit_reached(&standing, feature, used.unwrap_or(0)))
}

/// Concurrent units queue up on the row; one that would pass the limit changes nothing. Every limit is at least 1.
const SPEND: &str = "
insert into usage_counters (user_id, feature, period_start, used) values ($1, $2, $3, 1)
on conflict (user_id, feature, period_start) do update set used = usage_counters.used + 1
where usage_counters.used < $4";

const USED: &str = "select used from usage_counters where user_id = $1 and feature = $2 and period_start = $3";

fn limit_reached(standing: &Standing, feature: Feature, used: i32) -> Problem {
    let (plan, limit) = (standing.plan.name(), standing.plan.limit(feature));
    let what = feature.name().replace('_', " ");
    Problem::new(&problems::USAGE_LIMIT_REACHED)
        .detail(format!("the plan {plan} has {limit} {what} per {} days", crate::PERIOD_DAYS))
        .with("plan", plan)
        .with("feature", feature.name())
        .with("limit", limit)
        .with("used", used)
        .with("period_ends_at", serde_json::json!(standing.period.end))
}

/// Gives each reader one unit back, to the period that the instant it was spent at was in, while that is still counted.
/// The caller sees to it that it happens once.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn refund_all(tx: &Tx, feature: Feature, spent: &[(UserId, DateTime<Utc>)]) -> Result<()> {
    let (users, times): (Vec<Uuid>, Vec<DateTime<Utc>>) = spent.iter().map(|(user, at)| (user.0, *at)).unzip();
    tx.run(REFUND, [users.into(), times.into(), feature.name().into()]).await?;
    Ok(())
}

/// The period of a unit is the last counter that began before it. Rows are locked in one order, so that two refunds
/// cannot wait for each other.
const REFUND: &str = "
with refunds as (
    select spent.user_id, period.period_start, count(*)::integer as units
    from unnest($1::uuid[], $2::timestamptz[]) as spent (user_id, at)
    cross join lateral (
        select c.period_start from usage_counters c
        where c.user_id = spent.user_id and c.feature = $3 and c.period_start <= spent.at
        order by c.period_start desc limit 1) as period
    group by spent.user_id, period.period_start
), locked as (
    select c.user_id, c.period_start, r.units from usage_counters c
    join refunds r on r.user_id = c.user_id and r.period_start = c.period_start
    where c.feature = $3 order by c.user_id, c.period_start for update of c
)
update usage_counters c set used = greatest(0, c.used - locked.units) from locked
where c.user_id = locked.user_id and c.feature = $3 and c.period_start = locked.period_start";

#[derive(FromQueryResult)]
struct Subscription {
    plan: String,
    trial_ends_at: Option<DateTime<Utc>>,
    period_anchor: DateTime<Utc>,
}

const SUBSCRIPTION: &str = "select plan, trial_ends_at, period_anchor from users where id = $1 and deleted_at is null";

pub(crate) async fn standing<C: ConnectionTrait>(db: &C, user: UserId, now: DateTime<Utc>) -> Result<Standing> {
    let row: Option<Subscription> = db.query_opt(SUBSCRIPTION, [user.0.into()]).await?;
    let row = row.ok_or_else(problems::account_gone)?;
    Ok(Standing {
        plan: row.plan.parse::<Plan>()?.at(row.trial_ends_at, now),
        trial_ends_at: row.trial_ends_at.filter(|end| *end > now),
        period: Period::at(row.period_anchor, now),
    })
}

#[derive(FromQueryResult)]
struct Counter {
    feature: String,
    used: i32,
}

const COUNTERS: &str = "select feature, used from usage_counters where user_id = $1 and period_start = $2";

/// What `user` has used in the period that began at `period_start`, by the feature's name; absent means nothing.
pub(crate) async fn counters<C: ConnectionTrait>(
    db: &C,
    user: UserId,
    period_start: DateTime<Utc>,
) -> Result<BTreeMap<String, i32>> {
    let rows: Vec<Counter> = db.query(COUNTERS, [user.0.into(), period_start.into()]).await?;
    Ok(rows.into_iter().map(|row| (row.feature, row.used)).collect())
}
