//! Makes the summary of a book, once for all its readers.

use std::time::Duration;

use jobs::{Attempt, Done, Failure, Job, OrFail, Policy, Queue, Success};
use kernel::{BookId, Problem, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Tx;

use crate::{Books, catalogue, summary};

/// Makes the summary of one book.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Summarise {
    pub book_id: BookId,
}

impl Job for Summarise {
    type Cx = Books;
    const KIND: &'static str = "books.summarise";
    const QUEUE: Queue = Queue::Ai;
    /// Longer than the longest answer of a language model.
    const POLICY: Policy = Policy::DEFAULT
        .attempts(4)
        .timeout(Duration::from_secs(240))
        .backoff(Duration::from_secs(2), Duration::from_secs(300));

    fn unique_key(&self) -> Option<String> {
        Some(self.book_id.to_string())
    }

    async fn run(&self, books: &Books, me: &Attempt) -> Result<Done, Failure> {
        let outcome = self.make(books, me).await;
        // A cancelled attempt may be handed to another worker, so it is not known to be the last one.
        if let Err(failure) = &outcome
            && (me.is_last() || matches!(failure, Failure::Fatal(_)))
            && !me.cancelled().is_cancelled()
        {
            self.give_up(books, me).await;
        }
        outcome
    }
}

impl Summarise {
    async fn make(&self, books: &Books, me: &Attempt) -> Result<Done, Failure> {
        let book = catalogue::find(books.db.conn(), self.book_id).await.or_retry()?;
        let book = book.ok_or_else(|| Problem::new(&kinds::NOT_FOUND).detail("the book is gone")).or_fatal()?;
        let there = summary::find(books.db.conn(), self.book_id).await.or_retry()?.is_some();
        let made = if there { None } else { Some(unless_cancelled(me, books.summariser.summarise(&book)).await?) };
        let (book_id, execution) = (self.book_id, me.id());
        me.commit(async |tx: Tx| {
            let served = summary::keep(&tx, book_id, made, execution).await?;
            let result = json!({ "book_id": book_id, "result_url": format!("/api/v1/books/{book_id}/summary") });
            Ok(Success::new(result, format!("summarised “{}”; readers waiting: {served}", book.title)))
        })
        .await
    }

    /// Gives everybody's unit back. Should that fail too, [`super::settle`] does it within a minute.
    async fn give_up(&self, books: &Books, me: &Attempt) {
        let (book, execution) = (self.book_id, me.id());
        match books.db.tx(async |tx: Tx| summary::settle(&tx, book, Some(execution)).await).await {
            Ok(refunded) => {
                tracing::info!(%book, %execution, refunded, "a summary could not be made; its units were given back");
            }
            Err(problem) => tracing::warn!(%book, %execution, %problem, "units could not be given back yet"),
        }
    }
}

/// What `work` gives, unless the attempt is to stop.
async fn unless_cancelled<T>(me: &Attempt, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Failure> {
    match me.cancelled().run_until_cancelled(work).await {
        Some(outcome) => outcome.or_fail(),
        None => Err(Problem::new(&kinds::UNAVAILABLE).detail("the attempt was cancelled")).or_retry(),
    }
}
