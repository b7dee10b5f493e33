//! Reading the log: newest first, by whatever a question starts from.

use chrono::{DateTime, Utc};
use kernel::Result;
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Db, Sql};
use uuid::Uuid;

/// Which rows. `None` matches all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub actor: Option<String>,
    /// Exact, or everything that begins like it when it ends in a dot.
    pub action: Option<String>,
    pub target: Option<String>,
    pub outcome: Option<&'static str>,
    pub from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub to: Option<DateTime<Utc>>,
    pub request_id: Option<String>,
    /// Only rows older than this one.
    pub before: Option<Uuid>,
}

#[derive(FromQueryResult)]
pub(crate) struct Row {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor: Option<String>,
    pub actor_name: Option<String>,
    pub label: Option<String>,
    pub action: String,
    pub target: Option<String>,
    pub outcome: String,
    pub problem: Option<String>,
    pub changes: Value,
    pub request_id: String,
    pub method: Option<String>,
    pub path: Option<String>,
}

/// At most `limit` rows, newest first.
pub(crate) async fn list(db: &Db, filter: &Filter, limit: u64) -> Result<Vec<Row>> {
    let (first, last) = actions(filter.action.as_deref());
    let values: [sea_orm::Value; 10] = [
        filter.actor.clone().into(),
        first.into(),
        last.into(),
        filter.target.clone().into(),
        filter.outcome.into(),
        filter.from.into(),
        filter.to.into(),
        filter.request_id.clone().into(),
        filter.before.into(),
        (limit as i64).into(),
    ];
    db.conn().query(statement(filter), values).await
}

/// The first and the last action that a filter takes in, both included: actions are ASCII, and `~` comes after its letters.
fn actions(wanted: Option<&str>) -> (Option<String>, Option<String>) {
    let last = wanted.map(|action| if action.ends_with('.') { format!("{action}~") } else { action.to_owned() });
    (wanted.map(str::to_owned), last)
}

/// A statement for each thing that is looked for: a condition that may be absent keeps Postgres from using its index.
fn statement(filter: &Filter) -> &'static str {
    if filter.request_id.is_some() {
        BY_REQUEST
    } else if filter.target.is_some() {
        BY_TARGET
    } else if filter.actor.is_some() {
        BY_ACTOR
    } else if filter.action.is_some() {
        BY_ACTION
    } else if filter.outcome == Some("refused") {
        REFUSED
    } else {
        ALL
    }
}

macro_rules! list {
    ($condition:literal) => {
        concat!(
            "select id, at, actor, actor_name, label, action, target, outcome, problem, changes, request_id, method, path
             from audit_log where ",
            $condition,
            " and ($1::text is null or actor = $1)
              and ($2::text is null or (action ~>=~ $2 and action ~<=~ $3::text))
              and ($4::text is null or target = $4) and ($5::text is null or outcome = $5)
              and ($6::timestamptz is null or at >= $6) and ($7::timestamptz is null or at < $7)
              and ($8::text is null or request_id = $8) and ($9::uuid is null or id < $9)
             order by id desc limit $10"
        )
    };
}

const BY_REQUEST: &str = list!("request_id = $8");
const BY_TARGET: &str = list!("target = $4");
const BY_ACTOR: &str = list!("actor = $1");
const BY_ACTION: &str = list!("action ~>=~ $2 and action ~<=~ $3");
const REFUSED: &str = list!("outcome = 'refused'");
const ALL: &str = list!("true");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_that_ends_in_a_dot_takes_in_what_begins_like_it() {
        let within = |wanted: &str, action: &str| {
            let (first, last) = actions(Some(wanted));
            first.as_deref() <= Some(action) && Some(action) <= last.as_deref()
        };
        assert!(within("schedule.", "schedule.update") && within("schedule.", "schedule.bulk_create"));
        assert!(!within("schedule.", "scheduled_job.trigger") && !within("schedule.", "execution.retry"));
        assert!(within("schedule.update", "schedule.update") && !within("schedule.update", "schedule.update_all"));
    }
}
