//! Recurring work for tables that belong to no domain.

use edge::idempotency;
use jobs::{Attempt, Done, Failure, Job, OrFail as _, Registry, Success};
use schedules::Recurring;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Db;

/// The jobs.
pub fn jobs(registry: &mut Registry, db: &Db) {
    registry.add::<PurgeIdempotencyKeys>(db.clone());
}

/// The recurring jobs.
pub fn recurring() -> Vec<Recurring> {
    vec![
        Recurring::new("purge_idempotency_keys", "20 * * * *", &PurgeIdempotencyKeys {})
            .describe("Forgets the answers to repeated requests that are older than a day."),
    ]
}

/// Deletes expired idempotency keys.
#[derive(Serialize, Deserialize)]
struct PurgeIdempotencyKeys {}

impl Job for PurgeIdempotencyKeys {
    type Cx = Db;
    const KIND: &'static str = "edge.purge_idempotency_keys";

    async fn run(&self, db: &Db, _: &Attempt) -> Result<Done, Failure> {
        let deleted = idempotency::purge(db).await.or_fail()?;
        Ok(Done::Ok(Success::new(json!({ "deleted": deleted }), format!("deleted {deleted} keys"))))
    }
}
