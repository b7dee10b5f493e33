//! The checker can fail: each promise is broken by hand, and the checker says which one, with the row.

#![allow(clippy::unwrap_used, reason = "tests")]

mod rest;
mod rows;
mod schedules;

use jobs::{Effect, Enqueue, Noop};
use kernel::Clock;
use sea_orm::Value;
use store::{Db, Sql, Tx};
use testkit::TestDb;
use torture::{check::Violation, witness};
use uuid::Uuid;

/// A database with the witness.
async fn watched() -> Db {
    let db = TestDb::create().await.connect(Clock::system());
    witness::install(&db).await;
    db
}

/// A database with the witness, and a job in it that ended well: its execution.
async fn one_job() -> (Db, Uuid) {
    let db = watched().await;
    let job = Noop { effect: Some(Effect::Row), padding: Some("marker".into()), ..Noop::default() };
    let id = db.tx(async |tx: Tx| jobs::enqueue(&tx, &job, Enqueue::now()).await).await.unwrap().id.0;
    sql(&db, CLAIM, [id.into()]).await;
    // The effect and the end in one transaction, as `Attempt::commit` does it.
    sql(&db, COMPLETE, [id.into()]).await;
    (db, id)
}

const CLAIM: &str = "
update executions set state = 'running', attempt = attempt + 1, lease_id = gen_random_uuid(),
       lease_until = now() + interval '2 seconds' where id = $1";

const COMPLETE: &str = "
with ended as (
    update executions set state = 'succeeded', lease_id = null, lease_until = null where id = $1 returning id, attempt
)
insert into drill_effects (execution_id, attempt, at) select id, attempt, now() from ended";

async fn sql<const N: usize>(db: &Db, sql: &'static str, values: [Value; N]) {
    assert!(db.conn().run(sql, values).await.unwrap() > 0, "{sql}");
}

/// The promises that are broken, each once.
fn broken(violations: &[Violation]) -> Vec<&'static str> {
    let mut what: Vec<_> = violations.iter().map(|violation| violation.what).collect();
    what.dedup();
    what
}
