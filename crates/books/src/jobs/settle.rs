//! Gives units back when the worker that gave up could not.

use jobs::{Attempt, Done, Failure, Job, OrFail, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Tx;

use crate::{Books, summary};

/// Settles every request whose execution has ended without a summary.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SettleRequests {}

impl Job for SettleRequests {
    type Cx = Books;
    const KIND: &'static str = "books.settle_requests";

    async fn run(&self, books: &Books, me: &Attempt) -> Result<Done, Failure> {
        let mut refunded = 0;
        for book in summary::unsettled(&books.db).await.or_retry()? {
            if me.cancelled().is_cancelled() {
                break;
            }
            refunded += books.db.tx(async |tx: Tx| summary::settle(&tx, book, None).await).await.or_retry()?;
        }
        let message = if refunded == 0 { String::new() } else { format!("gave {refunded} units back") };
        Ok(Done::Ok(Success::new(json!({ "refunded": refunded }), message)))
    }
}
