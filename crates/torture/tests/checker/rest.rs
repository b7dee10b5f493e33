//! Exclusive runs, and what is left at rest.

use std::time::Duration;

use store::Sql;
use torture::{
    Recovery,
    check::{exclusive, leftovers, rest},
    script::Kind,
};
use uuid::Uuid;

use super::{broken, sql, watched};

#[tokio::test]
async fn a_transaction_left_open_is_found() {
    let db = watched().await;
    let mut open = db.pool().begin().await.unwrap();
    sqlx::query("select 1").execute(&mut *open).await.unwrap();
    assert_eq!(broken(&rest(&db).await), [""; 0], "not yet");
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    assert_eq!(broken(&rest(&db).await), ["no transaction is left open"]);
}

#[tokio::test]
async fn a_key_without_an_outcome_is_found() {
    let db = watched().await;
    sql(&db, KEY, [Uuid::now_v7().into()]).await;
    assert_eq!(broken(&rest(&db).await), ["no idempotency key is left without an outcome"]);
    sql(&db, "update idempotency_keys set committed_at = now()", []).await;
    assert_eq!(broken(&rest(&db).await), [""; 0], "its answer is lost, which is an outcome");
}

const KEY: &str = "
insert into idempotency_keys (id, fingerprint, owner, locked_until, created_at, expires_at)
values ('key', 'request', $1, now() - interval '1 second', now() - interval '1 minute', now() + interval '1 day')";

#[tokio::test]
async fn exclusive_runs_that_overlap_without_an_excuse_are_found() {
    let db = watched().await;
    let run = async || db.conn().run("delete from executions", []).await.unwrap();
    run().await;
    assert_eq!(broken(&exclusive(&db, &[]).await), [""; 0]);
    tokio::join!(run(), run());
    let after = |kind| Recovery {
        name: "",
        kinds: vec![kind],
        step: String::new(),
        at: db.clock().now() - Duration::from_secs(2),
        lasted: Duration::ZERO,
        during: None,
        after: None,
        rest: None,
    };
    for recoveries in [vec![], vec![after(Kind::Killed)]] {
        assert_eq!(broken(&exclusive(&db, &recoveries).await), ["exclusive runs do not overlap"], "{recoveries:?}");
    }
    assert_eq!(broken(&exclusive(&db, &[after(Kind::RedisFlushed)]).await), [""; 0]);
}

#[tokio::test]
async fn an_exclusive_run_that_the_witness_did_not_see_is_found() {
    let db = watched().await;
    sql(&db, SUCCEEDED, [Uuid::now_v7().into()]).await;
    assert_eq!(broken(&exclusive(&db, &[]).await), ["the witness sees every exclusive run"]);
}

const SUCCEEDED: &str = "
insert into executions (id, kind, queue, args, state, max_attempts, run_at, trigger, correlation_id, created_at)
values ($1, 'engine.delete_old_executions', 'bulk', '{}', 'succeeded', 5, now(), 'api', '', now())";

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test run's Redis is told by its environment")]
async fn what_is_left_in_redis_is_found() {
    let client = redis::Client::open(std::env::var("TEST_REDIS_URL").unwrap()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let prefix = format!("test-{}", Uuid::now_v7().simple());
    let ttl = Duration::from_millis(400);
    let mut set = redis::pipe();
    set.set(format!("{{{prefix}}}:lock:held"), 1);
    // What a dead holder left.
    set.cmd("SET").arg(format!("{{{prefix}}}:lock:dead")).arg(1).arg("PX").arg(300);
    set.rpush(format!("{{{prefix}}}:queue:default:active"), 1);
    set.query_async::<()>(&mut connection).await.unwrap();
    let violations = leftovers(&mut connection, &prefix, (ttl, Duration::ZERO)).await;
    assert_eq!(broken(&violations), ["no lock and no ticket is left in Redis"]);
    let evidence: Vec<_> = violations.iter().map(|violation| violation.evidence.as_str()).collect();
    assert!(matches!(evidence[..], [lock, queue] if lock.ends_with("lock:held") && queue.ends_with("active")));
}
