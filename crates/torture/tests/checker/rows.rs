//! Executions, their effects, and what producers were told of them.

use chrono::TimeDelta;
use torture::{
    check::rows,
    load::{Answer, Told},
};
use uuid::Uuid;

use super::{broken, one_job, sql};

#[tokio::test]
async fn what_was_done_once_breaks_no_promise() {
    let (db, id) = one_job().await;
    let told = Told::default();
    told.note("marker", Answer::Committed(id), db.clock().now());
    told.note("marker", Answer::Done, db.clock().now());
    told.note("another", Answer::Unknown, db.clock().now());
    told.save(&db).await;
    assert_eq!(broken(&rows(&db).await), [""; 0]);
}

/// What is done to the one job, and the promises that it breaks.
type Case = (&'static [&'static str], &'static [&'static str]);

const OF_EFFECTS: &[Case] = &[
    (
        &["insert into drill_effects (execution_id, attempt, at) values ($1, 2, now())"],
        &["an effect exists once", "an effect is committed together with its completion"],
    ),
    (&["delete from drill_effects where execution_id = $1"], &["what ended well has its effect"]),
    (
        &["update drill_effects set xact = pg_current_xact_id() where execution_id = $1"],
        &["an effect is committed together with its completion"],
    ),
];

const OF_STATES: &[Case] = &[
    (&["update executions set lease_until = now() where id = $1"], &["no lease is left"]),
    (
        &["update executions set state = 'queued' where id = $1", "delete from drill_effects where execution_id = $1"],
        &["every committed job comes to an end", "what has ended stays as it is"],
    ),
    (
        &["update executions set state = 'failed' where id = $1"],
        &[
            "what did not end well has no effect",
            "what has ended stays as it is",
            "only what asked for it fails",
            "a job fails when its attempts are used up, and not before",
        ],
    ),
    (
        &["update executions set state = 'cancelled' where id = $1"],
        &[
            "what did not end well has no effect",
            "what has ended stays as it is",
            "only what its schedule gave up is cancelled",
        ],
    ),
    (
        // The row was given to another attempt, and the first one ends it with its own lease.
        &["update seen set lease_id = gen_random_uuid() where execution_id = $1 and became = 'succeeded'"],
        &["no attempt completes over its successor"],
    ),
    (
        // It ended without a claim.
        &["delete from seen where execution_id = $1 and became = 'running'"],
        &["an execution goes from queued to running and from there on", "each claim is one attempt"],
    ),
    (
        &["update seen set run_at = at + interval '1 second' where execution_id = $1 and became = 'running'"],
        &["nothing starts before its time"],
    ),
    (
        &["update executions set attempt = max_attempts + 1 where id = $1"],
        &["a job fails when its attempts are used up, and not before", "each claim is one attempt"],
    ),
    (
        // Hand-backs have raised what it may have, but not how often it may fail.
        &["update executions set max_attempts = 9, errors = '[1, 2, 3, 4, 5, 6]' where id = $1"],
        &["a job fails when its attempts are used up, and not before"],
    ),
    (
        &["insert into executions (id, kind, queue, args, state, max_attempts, run_at, trigger, correlation_id, created_at)
           select gen_random_uuid(), kind, queue, args, 'missed', 1, run_at, trigger, correlation_id, created_at
           from executions where id = $1"],
        &["one request makes one job"],
    ),
];

#[tokio::test]
async fn each_broken_promise_is_found_with_its_row() {
    for (damage, promises) in OF_EFFECTS.iter().chain(OF_STATES) {
        let (db, id) = one_job().await;
        for statement in *damage {
            sql(&db, statement, [id.into()]).await;
        }
        let violations = rows(&db).await;
        assert_eq!(broken(&violations), *promises, "{damage:?}");
        assert!(violations.iter().all(|violation| violation.evidence.contains(&id.to_string())), "{violations:?}");
    }
}

#[tokio::test]
async fn what_producers_were_told_is_compared_with_what_there_is() {
    let (db, id) = one_job().await;
    sql(&db, "update executions set unique_key = 'k' where id = $1", [id.into()]).await;
    let (told, now) = (Told::default(), db.clock().now());
    let refused = || Answer::Refused { other: id, key: "k".into() };
    told.note("lost", Answer::Committed(Uuid::now_v7()), now);
    told.note("another", Answer::Committed(id), now);
    told.note("without its id", Answer::Done, now);
    told.note("marker", refused(), now - TimeDelta::seconds(1));
    told.note("after its end", refused(), now + TimeDelta::seconds(1));
    told.note("for another key", Answer::Refused { other: id, key: "l".into() }, now - TimeDelta::seconds(1));
    told.note("for nothing", Answer::Refused { other: Uuid::now_v7(), key: "k".into() }, now);
    told.note("asked for long", Answer::Unanswered, now);
    told.save(&db).await;
    let violations = rows(&db).await;
    let what: Vec<_> = violations.iter().map(|violation| violation.what).collect();
    let unrefused = "a job is not wanted only while one of its key waits or runs";
    let lost = "what was committed exists";
    let wrong = [lost, lost, lost, "what was not wanted does not exist", unrefused, unrefused, unrefused];
    assert_eq!(what, [&wrong[..], &["what is asked again with its key is answered"]].concat());
}
