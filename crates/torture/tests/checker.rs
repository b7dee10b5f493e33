//! The checker can fail: each promise is broken by hand, and the checker says which one, with the row.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use chrono::{TimeDelta, Timelike};
use jobs::{Effect, Enqueue, Noop};
use kernel::Clock;
use store::{Db, Sql, Tx};
use testkit::{Planned, TestDb};
use torture::{
    check::{Violation, rows, schedules},
    load::{Answer, Schedules, Told},
    witness,
};
use uuid::Uuid;

/// A database with the witness, and a job in it that ended well: its execution and its lease.
async fn one_job() -> (Db, Uuid) {
    let db = TestDb::create().await.connect(Clock::system());
    witness::install(&db).await;
    let job = Noop { effect: Some(Effect::Row), padding: Some("marker".into()), ..Noop::default() };
    let id = db.tx(async |tx: Tx| jobs::enqueue(&tx, &job, Enqueue::now()).await).await.unwrap().id.0;
    sql(&db, CLAIM, id).await;
    // The effect and the end in one transaction, as `Attempt::commit` does it.
    sql(&db, COMPLETE, id).await;
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

async fn sql(db: &Db, sql: &'static str, id: Uuid) {
    assert!(db.conn().run(sql, [id.into()]).await.unwrap() > 0, "{sql}");
}

/// The promises that are broken, each once.
fn broken(violations: &[Violation]) -> Vec<&'static str> {
    let mut what: Vec<_> = violations.iter().map(|violation| violation.what).collect();
    what.dedup();
    what
}

#[tokio::test]
async fn what_was_done_once_breaks_no_promise() {
    let (db, id) = one_job().await;
    let told = Told::default();
    told.note("marker", Answer::Committed(id), db.clock().now());
    told.note("another", Answer::Unknown, db.clock().now());
    told.save(&db).await;
    assert_eq!(broken(&rows(&db).await), [""; 0]);
}

#[tokio::test]
async fn each_broken_promise_is_found_with_its_row() {
    let cases: [(&[&'static str], &[&str]); 8] = [
        (
            &["insert into drill_effects (execution_id, attempt, at) values ($1, 2, now())"],
            &["an effect exists once", "an effect is committed together with its completion"],
        ),
        (&["delete from drill_effects where execution_id = $1"], &["what ended well has its effect"]),
        (&["update executions set lease_until = now() where id = $1"], &["no lease is left"]),
        (
            &["update executions set state = 'queued' where id = $1", "delete from drill_effects where execution_id = $1"],
            &["every committed job comes to an end", "what has ended stays as it is"],
        ),
        (
            &["update executions set state = 'failed' where id = $1"],
            &["what did not end well has no effect", "what has ended stays as it is", "only what asked for it fails"],
        ),
        (
            // The row was given to another attempt, and the first one ends it with its own lease.
            &["update seen set lease_id = gen_random_uuid() where execution_id = $1 and became = 'succeeded'"],
            &["no attempt completes over its successor"],
        ),
        (
            &["update seen set run_at = at + interval '1 second' where execution_id = $1 and became = 'running'"],
            &["nothing starts before its time"],
        ),
        (
            &["insert into executions (id, kind, queue, args, state, max_attempts, run_at, trigger, correlation_id, created_at)
               select gen_random_uuid(), kind, queue, args, 'missed', 1, run_at, trigger, correlation_id, created_at
               from executions where id = $1"],
            &["one request makes one job"],
        ),
    ];
    for (damage, promises) in cases {
        let (db, id) = one_job().await;
        for statement in damage {
            sql(&db, statement, id).await;
        }
        let violations = rows(&db).await;
        assert_eq!(broken(&violations), promises, "{damage:?}");
        assert!(violations.iter().all(|violation| violation.evidence.contains(&id.to_string())), "{violations:?}");
    }
}

#[tokio::test]
async fn what_producers_were_told_is_compared_with_what_there_is() {
    let (db, id) = one_job().await;
    let told = Told::default();
    told.note("lost", Answer::Committed(Uuid::now_v7()), db.clock().now());
    told.note("another", Answer::Committed(id), db.clock().now());
    told.note("marker", Answer::Refused, db.clock().now());
    told.save(&db).await;
    let violations = rows(&db).await;
    assert_eq!(broken(&violations), ["what was committed exists", "what was not wanted does not exist"]);
    assert_eq!(violations.len(), 3);
}

#[tokio::test]
async fn a_due_time_without_an_entry_and_a_round_without_a_run_are_found() {
    let db = TestDb::create().await.connect(Clock::system());
    let anchor = db.clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(1);
    let planned = Planned::every(1, anchor);
    let first = planned.insert(&db).await;
    let chain = vec![first, Planned::after(&[first]).insert(&db).await];
    let by_hand = Planned::every(86_400, anchor + TimeDelta::days(1)).insert(&db).await;
    let load = Schedules { due: vec![(first, planned)], chain, by_hand };
    // Three due times, the second of which left nothing.
    for seconds in [0, 2] {
        let at = anchor + TimeDelta::seconds(seconds);
        db.conn().run(OCCURRENCE, [Uuid::now_v7().into(), first.into(), at.into()]).await.unwrap();
    }
    let last = anchor + Duration::from_secs(2);
    db.conn()
        .run("update schedules set last_due_at = $2, updated_at = $2 where id = $1", [first.into(), last.into()])
        .await
        .unwrap();
    let violations = schedules(&db, &load).await;
    assert_eq!(broken(&violations), ["each due time has one entry", "each round of a chain has one run"]);
    assert!(violations[0].evidence.contains("has 0 entries"), "{violations:?}");
    assert_eq!(violations.len(), 3, "one due time and two rounds");
    let later = last + Duration::from_secs(10);
    db.conn().run("update schedules set updated_at = $2 where id = $1", [first.into(), later.into()]).await.unwrap();
    assert!(broken(&schedules(&db, &load).await).contains(&"a schedule is dealt with up to its end"));
}

const OCCURRENCE: &str = "
insert into executions (id, kind, queue, schedule_id, scheduled_for, args, state, max_attempts, run_at, trigger, correlation_id, created_at)
values ($1, 'engine.noop', 'default', $2, $3, '{}', 'succeeded', 1, $3, 'schedule', $1::text, $3)";
