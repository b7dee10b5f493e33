//! The table of keys: claim, commit, keep, release, purge.

use std::time::Duration;

use futures::future::BoxFuture;
use kernel::{Problem, Result};
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{BeforeCommit, Db, Sql as _, Tx};
use uuid::Uuid;

use super::{answer::Stored, key::Claim};
use crate::problems;

/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long a request holds its key; a process that died in the middle gives it up after that, to the same request if nothing
/// was committed.
pub(super) const LOCK: Duration = Duration::from_secs(60);
/// Rows that one statement of [`purge`] deletes at most.
const PURGE_BATCH: u64 = 1000;
/// A key that is released while it is looked at is claimed anew, this often.
const CLAIM_ATTEMPTS: u32 = 3;

/// The right to answer for a key, until the lock ends.
pub(super) struct Owner {
    id: Vec<u8>,
    token: Uuid,
}

/// Whose a key is.
pub(super) enum Held {
    Ours(Owner),
    Answered(Stored),
    /// Its request committed something and has ended without an answer.
    AnswerLost,
    InFlight,
    Reused,
}

#[derive(FromQueryResult)]
struct Row {
    fingerprint: Vec<u8>,
    status: Option<i16>,
    headers: Option<Value>,
    body: Option<Vec<u8>>,
    lost: bool,
}

/// Claims the key, or says what stands in the way.
pub(super) async fn claim(db: &Db, claim: &Claim) -> Result<Held> {
    for _ in 0..CLAIM_ATTEMPTS {
        if let Some(owner) = insert(db, claim).await? {
            return Ok(Held::Ours(owner));
        }
        match find(db, claim).await? {
            None => {} // released in between
            Some(row) if row.fingerprint != claim.fingerprint => return Ok(Held::Reused),
            Some(Row { status: Some(status), headers, body, .. }) => {
                let (headers, body) = (headers.unwrap_or_default(), body.unwrap_or_default());
                return Ok(Held::Answered(Stored { status, headers, body }));
            }
            Some(Row { lost: true, .. }) => return Ok(Held::AnswerLost),
            Some(_) => return Ok(Held::InFlight),
        }
    }
    Ok(Held::InFlight)
}

/// A row whose time is over counts as absent; one whose owner is silent and has committed nothing is taken over by the same
/// request only. While the owner commits, this waits, but not for one that hangs in its commit.
const INSERT: &str = "
insert into idempotency_keys (id, fingerprint, owner, locked_until, created_at, expires_at)
select $1, $2, $3, $4, $5, $6 where (select set_config('lock_timeout', '2s', true)) = '2s'
on conflict (id) do update
set fingerprint = excluded.fingerprint, owner = excluded.owner, locked_until = excluded.locked_until,
    created_at = excluded.created_at, expires_at = excluded.expires_at, committed_at = null, status = null, headers = null,
    body = null
where idempotency_keys.expires_at <= excluded.created_at
   or (idempotency_keys.status is null
       and idempotency_keys.committed_at is null
       and idempotency_keys.locked_until <= excluded.created_at
       and idempotency_keys.fingerprint = excluded.fingerprint)";

async fn insert(db: &Db, claim: &Claim) -> Result<Option<Owner>> {
    let (now, token) = (db.clock().now(), Uuid::now_v7());
    let row = [
        claim.id.clone().into(),
        claim.fingerprint.clone().into(),
        token.into(),
        (now + LOCK).into(),
        now.into(),
        (now + KEPT_FOR).into(),
    ];
    match db.conn().run(INSERT, row).await {
        Ok(written) => Ok((written == 1).then(|| Owner { id: claim.id.clone(), token })),
        Err(problem) if store::is_lock_timeout(&problem) => Ok(None),
        Err(problem) => Err(problem),
    }
}

const FIND: &str = "
select fingerprint, status, headers, body, coalesce(committed_at is not null and locked_until <= $2, false) as lost
from idempotency_keys where id = $1";

async fn find(db: &Db, claim: &Claim) -> Result<Option<Row>> {
    db.conn().query_opt(FIND, [claim.id.clone().into(), db.clock().now().into()]).await
}

/// Each transaction of the request marks its key, so that it is known afterwards whether anything was done. None commits for a
/// key that was taken over.
impl BeforeCommit for Owner {
    fn check<'a>(&'a self, tx: &'a Tx) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let values = [self.id.clone().into(), self.token.into(), tx.now().into()];
            if tx.run(COMMITTED, values).await? == 0 { Err(in_flight()) } else { Ok(()) }
        })
    }
}

const COMMITTED: &str = "update idempotency_keys set committed_at = $3 where id = $1 and owner = $2";

/// Another request holds the key.
pub(super) fn in_flight() -> Problem {
    Problem::new(&problems::KEY_IN_FLIGHT).retry_after(Duration::from_secs(1))
}

const KEEP: &str = "
update idempotency_keys set status = $3, headers = $4, body = $5, locked_until = null
where id = $1 and owner = $2 and status is null";

/// Leaves the answer for whoever asks again; nothing if the key was taken over.
pub(super) async fn keep(db: &Db, owner: &Owner, answer: Stored) -> Result<()> {
    let Stored { status, headers, body } = answer;
    let values = [owner.id.clone().into(), owner.token.into(), status.into(), headers.into(), body.into()];
    db.conn().run(KEEP, values).await?;
    Ok(())
}

const RELEASE: &str = "
delete from idempotency_keys where id = $1 and owner = $2 and status is null and committed_at is null";

/// Forgets the key: the next request with it runs. If something was committed, it hears that the answer is lost.
pub(super) async fn release(db: &Db, owner: &Owner) -> Result<()> {
    if db.conn().run(RELEASE, [owner.id.clone().into(), owner.token.into()]).await? == 0 {
        let values = [owner.id.clone().into(), owner.token.into(), db.clock().now().into()];
        db.conn().run(UNLOCK, values).await?;
    }
    Ok(())
}

const UNLOCK: &str = "update idempotency_keys set locked_until = $3 where id = $1 and owner = $2 and status is null";

const PURGE: &str = "
delete from idempotency_keys where id in (
    select id from idempotency_keys where expires_at <= $1 order by expires_at limit $2 for update skip locked)";

/// Deletes keys whose time is over, in batches; returns how many.
///
/// # Errors
/// `unavailable` when Postgres is away; batches deleted before that stay deleted.
pub async fn purge(db: &Db) -> Result<u64> {
    let now = db.clock().now();
    let mut purged = 0;
    loop {
        let deleted = db.conn().run(PURGE, [now.into(), (PURGE_BATCH as i64).into()]).await?;
        purged += deleted;
        if deleted < PURGE_BATCH {
            return Ok(purged);
        }
    }
}
