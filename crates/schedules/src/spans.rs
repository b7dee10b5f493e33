//! What counted for a schedule and from when: a change closes the span before it, so that due times are never judged
//! by a timing that came later.

use chrono::{DateTime, Utc};
use kernel::Result;
use store::{Sql, Tx};
use uuid::Uuid;

/// Closes the present span of each schedule at the instant beside it; the caller writes what counts from then on.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn close(tx: &Tx, ids: Vec<Uuid>, at: Vec<DateTime<Utc>>) -> Result<()> {
    if !ids.is_empty() {
        tx.run(CLOSE, [ids.into(), at.into()]).await?;
    }
    Ok(())
}

/// A span without an instant in it is none.
const CLOSE: &str = "
with closed as (
    update schedules s set since = n.at
    from unnest($1::uuid[], $2::timestamptz[]) as n (id, at), schedules old
    where s.id = n.id and old.id = n.id and old.since < n.at
    returning s.id, old.since, n.at, old.state, old.state_reason, old.timing
)
insert into schedule_spans (schedule_id, from_at, to_at, state, reason, timing)
select id, since, at, state, state_reason, timing from closed";
