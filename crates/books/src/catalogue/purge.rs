//! Forgetting what was fetched and is not used any more.

use kernel::Result;
use store::{Sql, Tx};

/// Rows that one statement deletes at most.
pub(crate) const PURGE_BATCH: u64 = 1000;

/// What was fetched from an outside catalogue.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cached {
    /// Its answers to searches.
    Queries,
    /// Its books.
    Books,
}

/// A week after it went stale, an answer is of little use even when the catalogue is away.
const DELETE_QUERIES: &str = "
delete from catalogue_queries where (query, category, start, size) in (
    select query, category, start, size from catalogue_queries
    where expires_at < $1::timestamptz - interval '7 days'
    limit $2 for update skip locked)";

/// Books that a search names, or whose summary somebody asked for, stay. So do those that were read lately.
const DELETE_BOOKS: &str = "
delete from books where id in (
    select b.id from books b
    where b.source = 'google_books' and b.fetched_at < $1::timestamptz - interval '7 days'
      and not exists (select from catalogue_queries q where q.book_ids @> array[b.id])
      and not exists (select from summaries s where s.book_id = b.id)
      and not exists (select from summary_requests r where r.book_id = b.id)
    limit $2 for update skip locked)";

/// Deletes one batch of what is stale; returns how many.
pub(crate) async fn purge_batch(tx: &Tx, what: Cached) -> Result<u64> {
    let delete = match what {
        Cached::Queries => DELETE_QUERIES,
        Cached::Books => DELETE_BOOKS,
    };
    tx.run(delete, [tx.now().into(), (PURGE_BATCH as i64).into()]).await
}
