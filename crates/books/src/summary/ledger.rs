//! The one summary of each book.

use chrono::{DateTime, Utc};
use kernel::{BookId, ExecutionId, Problem, Result};
use sea_orm::FromQueryResult;
use store::{Sql, Tx};

use super::Content;

/// A summary that exists.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub engine: String,
    pub model: Option<String>,
    pub content: Content,
    pub created_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Row {
    engine: String,
    model: Option<String>,
    content: serde_json::Value,
    created_at: DateTime<Utc>,
}

/// The summary of `book`, if it was made.
pub(crate) async fn find(db: &impl Sql, book: BookId) -> Result<Option<Summary>> {
    let row: Option<Row> = db.query_opt(FIND, [book.0.into()]).await?;
    row.map(|row| {
        Ok(Summary {
            engine: row.engine,
            model: row.model,
            content: serde_json::from_value(row.content)?,
            created_at: row.created_at,
        })
    })
    .transpose()
}

const FIND: &str = "select engine, model, content, created_at from summaries where book_id = $1";

/// A summary that was just made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub engine: &'static str,
    pub model: Option<String>,
    pub content: Content,
}

/// Keeps `made` unless the book has a summary already, and serves everybody who waits for it.
///
/// # Errors
/// `not-found` when the book is gone; `unavailable` when Postgres is away.
pub(crate) async fn keep(tx: &Tx, book: BookId, made: Option<Made>, by: ExecutionId) -> Result<u64> {
    lock(tx, book).await?;
    if let Some(made) = made {
        let content = serde_json::to_value(made.content)?;
        let values =
            [book.0.into(), made.engine.into(), made.model.into(), content.into(), by.0.into(), tx.now().into()];
        tx.run(INSERT, values).await?;
    }
    tx.run(SERVE, [book.0.into(), tx.now().into()]).await
}

const INSERT: &str = "
insert into summaries (book_id, engine, model, content, execution_id, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (book_id) do nothing";

const SERVE: &str =
    "update summary_requests set state = 'done', settled_at = $2 where book_id = $1 and state = 'waiting'";

/// Takes the lock under which everything that changes the summary of a book or the requests for it runs: so a request
/// sees either the summary or a job that will still serve it, and a unit is given back once.
///
/// # Errors
/// `not-found` when there is no such book.
pub(super) async fn lock(tx: &Tx, book: BookId) -> Result<()> {
    let found: Option<uuid::Uuid> = tx.scalar(LOCK, [book.0.into()]).await?;
    found.map(|_| ()).ok_or_else(|| Problem::new(&kernel::kinds::NOT_FOUND).detail("There is no such book."))
}

const LOCK: &str = "select id from books where id = $1 for no key update";
