//! Deletes answers of outside catalogues that nobody asks for any more, and the books that only they named.

use std::time::Duration;

use jobs::{Attempt, Done, Failure, Job, OrFail, Policy, Queue, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Tx;

use crate::{
    Books,
    catalogue::{self, Cached},
};

/// Works in small batches; what one attempt has deleted stays deleted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PurgeCache {}

impl Job for PurgeCache {
    type Cx = Books;
    const KIND: &'static str = "books.purge_cache";
    const QUEUE: Queue = Queue::Bulk;
    const POLICY: Policy = Policy::DEFAULT.timeout(Duration::from_secs(1800));

    async fn run(&self, books: &Books, me: &Attempt) -> Result<Done, Failure> {
        let queries = purge(books, me, Cached::Queries).await?;
        let volumes = purge(books, me, Cached::Books).await?; // after the queries that named them
        Ok(Done::Ok(Success::new(
            json!({ "queries": queries, "books": volumes }),
            format!("deleted {queries} queries, {volumes} books"),
        )))
    }
}

async fn purge(books: &Books, me: &Attempt, what: Cached) -> Result<u64, Failure> {
    let mut deleted = 0;
    loop {
        let batch = books.db.tx(async |tx: Tx| catalogue::purge_batch(&tx, what).await).await.or_fail()?;
        deleted += batch;
        if batch < catalogue::PURGE_BATCH || me.cancelled().is_cancelled() {
            return Ok(deleted);
        }
    }
}
