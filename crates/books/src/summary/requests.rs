//! Who asked for which summary: each reader pays one unit once per book, and gets it back once if nothing comes of it.

use std::time::Duration;

use accounts::{Feature, usage};
use chrono::{DateTime, Utc};
use jobs::{Enqueue, enqueue};
use kernel::{BookId, ExecutionId, Result, UserId};
use sea_orm::FromQueryResult;
use store::{Db, Sql, Tx};
use uuid::Uuid;

use super::ledger::{self, Summary};
use crate::jobs::Summarise;

/// The answer to a reader who asks.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// It is there.
    Ready(Box<Summary>),
    /// It is in the making.
    Making(Making),
}

/// The execution that a reader waits for.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Making {
    pub id: Uuid,
    state: String,
    pub run_at: DateTime<Utc>,
}

impl Making {
    /// `scheduled`, `queued` or `running`.
    pub fn status(&self, now: DateTime<Utc>) -> &'static str {
        match self.state.as_str() {
            "running" => "running",
            _ if self.run_at > now => "scheduled",
            _ => "queued",
        }
    }
}

#[derive(FromQueryResult)]
struct Request {
    state: String,
    execution_id: Option<Uuid>,
}

impl Request {
    fn is_paid(&self) -> bool {
        self.state != "refunded"
    }

    /// The execution that the reader waits for.
    fn awaited(&self) -> Option<Uuid> {
        self.execution_id.filter(|_| self.state == "waiting")
    }
}

/// `reader` asks for the summary of `book`: takes a unit unless they paid already, and sees to it that one is made.
///
/// # Errors
/// `not-found` for the book; `usage-limit-reached` when the plan has no unit left.
pub(crate) async fn ask(tx: &Tx, reader: UserId, book: BookId, delay: Duration) -> Result<Asked> {
    ledger::lock(tx, book).await?;
    let mut request: Option<Request> = tx.query_opt(REQUEST, [reader.0.into(), book.0.into()]).await?;
    if let Some(summary) = ledger::find(tx, book).await? {
        if !request.is_some_and(|request| request.is_paid()) {
            usage::spend(tx, reader, Feature::Summaries).await?;
            record(tx, reader, book, None).await?;
        }
        return Ok(Asked::Ready(Box::new(summary)));
    }
    if let Some(execution) = request.as_ref().and_then(Request::awaited) {
        if let Some(making) = alive(tx, execution).await? {
            return Ok(Asked::Making(making));
        }
        // It failed for good, and nobody has noticed yet.
        settle(tx, book, None).await?;
        request = None;
    }
    if !request.is_some_and(|request| request.is_paid()) {
        usage::spend(tx, reader, Feature::Summaries).await?;
    }
    let job = Summarise { book_id: book };
    let enqueued = enqueue(tx, &job, Enqueue::after(delay).by_user(reader)).await?;
    record(tx, reader, book, Some(enqueued.id)).await?;
    let fresh = Making { id: enqueued.id.0, state: "queued".to_owned(), run_at: enqueued.run_at };
    let begun = if enqueued.created { None } else { alive(tx, enqueued.id.0).await? };
    Ok(Asked::Making(begun.unwrap_or(fresh)))
}

const REQUEST: &str = "select state, execution_id from summary_requests where user_id = $1 and book_id = $2";

/// Notes that `reader` waits for `execution`, or was served at once.
async fn record(tx: &Tx, reader: UserId, book: BookId, execution: Option<ExecutionId>) -> Result<()> {
    let values = [reader.0.into(), book.0.into(), execution.map(|id| id.0).into(), tx.now().into()];
    tx.run(RECORD, values).await?;
    Ok(())
}

/// Who was served before (an operator has removed a bad summary since) has paid before.
const RECORD: &str = "
insert into summary_requests (user_id, book_id, execution_id, state, paid_at, settled_at)
values ($1, $2, $3, case when $3 is null then 'done' else 'waiting' end, $4, case when $3 is null then $4 end)
on conflict (user_id, book_id) do update
set execution_id = excluded.execution_id, state = excluded.state, settled_at = excluded.settled_at,
    paid_at = case when summary_requests.state = 'done' then summary_requests.paid_at else excluded.paid_at end";

/// The execution, while something may still come of it.
async fn alive(db: &impl Sql, execution: Uuid) -> Result<Option<Making>> {
    db.query_opt(ALIVE, [execution.into()]).await
}

const ALIVE: &str = "select id, state, run_at from executions where id = $1 and state in ('queued', 'running')";

/// What a reader has of a summary they may have asked for.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// It is theirs.
    Ready(Box<Summary>),
    /// They wait for it.
    Making(Making),
    /// They waited, and nothing came of it; their unit is or will be given back.
    Failed,
    /// They never asked.
    NotAsked,
}

/// Where `reader` stands with the summary of `book`.
pub(crate) async fn await_of(db: &Db, reader: UserId, book: BookId) -> Result<Standing> {
    let conn = db.conn();
    let request: Option<Request> = conn.query_opt(REQUEST, [reader.0.into(), book.0.into()]).await?;
    let Some(request) = request else {
        return Ok(Standing::NotAsked);
    };
    if request.state == "refunded" {
        return Ok(Standing::Failed);
    }
    if let Some(execution) = request.awaited()
        && let Some(making) = alive(conn, execution).await?
    {
        return Ok(Standing::Making(making));
    }
    // Looked for after the execution: it may have ended well in between.
    Ok(ledger::find(conn, book).await?.map_or(Standing::Failed, |summary| Standing::Ready(Box::new(summary))))
}

/// Gives a unit back to everybody who waits for the summary of `book` and will not get it: their execution ended without
/// it, or is `given_up`, the one that is just failing. Returns how many they were.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn settle(tx: &Tx, book: BookId, given_up: Option<ExecutionId>) -> Result<usize> {
    ledger::lock(tx, book).await?;
    let values = [book.0.into(), given_up.map(|id| id.0).into(), tx.now().into()];
    let refunded: Vec<Refunded> = tx.query(SETTLE, values).await?;
    let spent: Vec<_> = refunded.iter().map(|row| (UserId(row.user_id), row.paid_at)).collect();
    usage::refund_all(tx, Feature::Summaries, &spent).await?;
    Ok(spent.len())
}

#[derive(FromQueryResult)]
struct Refunded {
    user_id: Uuid,
    paid_at: DateTime<Utc>,
}

const SETTLE: &str = "
update summary_requests r set state = 'refunded', settled_at = $3
where book_id = $1 and state = 'waiting'
  and (execution_id = $2 or not exists (
    select 1 from executions e where e.id = r.execution_id and e.state in ('queued', 'running')))
returning user_id, paid_at";

/// Books that somebody waits for in vain: the worker was killed before it could give their units back.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn unsettled(db: &Db) -> Result<Vec<BookId>> {
    let rows: Vec<Book> = db.conn().query(UNSETTLED, []).await?;
    Ok(rows.into_iter().map(|row| row.book_id.into()).collect())
}

#[derive(FromQueryResult)]
struct Book {
    book_id: Uuid,
}

const UNSETTLED: &str = "
select distinct book_id from summary_requests r
where state = 'waiting'
  and not exists (select 1 from executions e where e.id = r.execution_id and e.state in ('queued', 'running'))
order by book_id limit 1000";

/// Whether `reader` waits or waited for `execution`: they may watch it though another reader's request began it.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn may_watch(db: &Db, reader: UserId, execution: ExecutionId) -> Result<bool> {
    let found: Option<i32> = db.conn().scalar(WATCH, [execution.0.into(), reader.0.into()]).await?;
    Ok(found.is_some())
}

const WATCH: &str = "select 1 from summary_requests where execution_id = $1 and user_id = $2";
