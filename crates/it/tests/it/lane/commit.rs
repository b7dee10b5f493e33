//! A job exists exactly when its transaction commits.

use std::{sync::Arc, time::Duration};

use jobs::Enqueue;
use kernel::{Clock, Problem, kinds};
use store::{AfterCommit, Db, Note, Tx};
use testkit::Lane;

use super::effects::{drill, enqueue_over, nothing_lost_nothing_twice};

#[tokio::test]
async fn a_rolled_back_request_enqueues_nothing() {
    let lane = Lane::usual().await;
    let producer = lane.producer();
    let refused = producer
        .tx(async |tx: Tx| {
            jobs::enqueue(&tx, &drill(0), Enqueue::now()).await?;
            Err::<(), _>(Problem::new(&kinds::CONFLICT))
        })
        .await;
    assert!(refused.unwrap_err().is(&kinds::CONFLICT));
    let kept = enqueue_over(&producer, &drill(0), Enqueue::now()).await.unwrap();
    lane.wait_for(kept, "succeeded", Duration::from_secs(5)).await;
    nothing_lost_nothing_twice(&lane, 1, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_committed_job_runs_although_nobody_pushed_its_ticket() {
    let lane = Lane::usual().await;
    // From the CLI: the row says that it has no ticket.
    lane.enqueue(&drill(0), Enqueue::now()).await;
    // From a process that died between its commit and the push: the row says that there is one, but there is not.
    let dies = Db::lazy(&lane.config().database, Clock::system()).unwrap();
    dies.tell_after_commit(Arc::new(Dead));
    enqueue_over(&dies, &drill(0), Enqueue::now()).await.unwrap();
    nothing_lost_nothing_twice(&lane, 2, Duration::from_secs(15)).await;
}

/// Hears of the commit and does nothing about it.
struct Dead;

impl AfterCommit for Dead {
    fn committed(&self, _: Vec<Note>) {}
}
