//! What a fault does, and how it ends.

mod postgres;
mod process;
mod redis;

use futures::future::join_all;
use testkit::Lane;

use crate::script::{Fault, Step, Victim};

/// Does what a step says; returns when everything has been put right again.
pub async fn inflict(lane: &Lane, step: &Step) -> Vec<String> {
    let faults = step.faults.iter().map(async |fault: &Fault| {
        tokio::time::sleep(fault.after).await;
        match fault.kind.victim() {
            Victim::Process => process::inflict(lane, fault).await,
            Victim::Redis => redis::inflict(lane, fault).await,
            Victim::Postgres => postgres::inflict(lane, fault).await,
        }
    });
    join_all(faults).await.into_iter().flatten().collect()
}
