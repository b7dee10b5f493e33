//! What must not be left in Postgres when nothing is done any more, beside executions.

use store::Db;

use super::{Promise, Violation, broken};

/// What is left.
pub async fn rest(db: &Db) -> Vec<Violation> {
    broken(db, &PROMISES).await
}

const PROMISES: [Promise; 2] =
    [("no transaction is left open", OPEN), ("no idempotency key is left without an outcome", UNFINISHED)];

/// A client that was cut off, or a connection that was given back in the middle.
const OPEN: &str = "
select to_jsonb(a) as row, a.xact_start as at from pg_stat_activity a
where a.datname = current_database() and a.state like 'idle in transaction%' and a.state_change < now() - interval '3 seconds'
limit $1";

/// Each request was asked again until it was answered. One that has committed something is done, even if that was not recorded.
const UNFINISHED: &str = "
select to_jsonb(k) as row, k.created_at as at from idempotency_keys k
where k.status is null and k.committed_at is null order by k.created_at limit $1";
