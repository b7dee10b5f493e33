//! Due times, overlaps and chains.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use kernel::Clock;
use store::Db;
use testkit::{Planned, TestDb};
use torture::{
    check::{rows, schedules},
    load::{ROOM, Schedules},
};
use uuid::Uuid;

use super::{broken, sql, watched};

fn next_second(db: &Db) -> DateTime<Utc> {
    db.clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(1)
}

#[tokio::test]
async fn a_due_time_without_an_entry_and_a_round_without_a_run_are_found() {
    let db = TestDb::create().await.connect(Clock::system());
    let anchor = next_second(&db);
    let planned = Planned::every(1, anchor);
    let first = planned.insert(&db).await;
    let chain = vec![first, Planned::after(&[first]).insert(&db).await];
    let by_hand = Planned::every(86_400, anchor + TimeDelta::days(1)).insert(&db).await;
    let load = Schedules { due: vec![(first, planned)], chain, by_hand };
    // Three due times, the second of which left nothing.
    for seconds in [0, 2] {
        occurrence(&db, first, (anchor + TimeDelta::seconds(seconds), "succeeded")).await;
    }
    let last = anchor + Duration::from_secs(2);
    let dealt_with = "update schedules set last_due_at = $2, updated_at = $3 where id = $1";
    sql(&db, dealt_with, [first.into(), last.into(), last.into()]).await;
    let violations = schedules(&db, &load).await;
    assert_eq!(broken(&violations), ["each due time has one entry", "each round of a chain has one run"]);
    assert!(violations[0].evidence.contains("has 0 entries"), "{violations:?}");
    assert_eq!(violations.len(), 3, "one due time and two rounds");
    sql(&db, dealt_with, [first.into(), last.into(), (last + Duration::from_secs(10)).into()]).await;
    assert!(broken(&schedules(&db, &load).await).contains(&"a schedule is dealt with up to its end"));
    sql(&db, EVENT, [first.into(), Uuid::now_v7().into()]).await;
    assert!(broken(&schedules(&db, &load).await).contains(&"what follows from an end is done"));
}

const EVENT: &str = "
insert into schedule_events (schedule_id, execution_id, state, run_at, due_times, correlation_id, round, trigger, at)
values ($1, $2, 'succeeded', now(), 1, '', '', 'schedule', now())";

async fn occurrence(db: &Db, schedule: Uuid, (at, state): (DateTime<Utc>, &str)) {
    sql(db, OCCURRENCE, [Uuid::now_v7().into(), schedule.into(), at.into(), state.into()]).await;
}

const OCCURRENCE: &str = "
insert into executions (id, kind, queue, schedule_id, scheduled_for, args, state, max_attempts, run_at, trigger, correlation_id, created_at)
values ($1, 'engine.noop', 'default', $2, $3, '{}', $4, 1, $3, 'schedule', $1::text, $3)";

#[tokio::test]
async fn a_due_time_that_should_have_run_is_found() {
    let found = [("all", ROOM, "missed"), ("all", ROOM, "skipped"), ("all", 3, "missed")];
    let allowed = [("all", 3, "skipped"), ("latest", ROOM, "missed"), ("all", ROOM, "succeeded")];
    let cases = found.map(|case| (case, true)).into_iter().chain(allowed.map(|case| (case, false)));
    for ((catch_up, most, state), wrong) in cases {
        let db = watched().await;
        let anchor = next_second(&db);
        let schedule = Planned::every(1, anchor).overlap("allow", most).catch_up(catch_up).insert(&db).await;
        occurrence(&db, schedule, (anchor, state)).await;
        let what = ["what catches up on everything misses nothing"];
        assert_eq!(broken(&rows(&db).await), what[..usize::from(wrong)], "{catch_up} {most} {state}");
        // More than a hundred due times later, catching up has reached its bound.
        sql(&db, "update executions set created_at = created_at + interval '100 seconds'", []).await;
        let wrong = wrong && state != "missed";
        assert_eq!(broken(&rows(&db).await), what[..usize::from(wrong)], "{catch_up} {most} {state}, late");
    }
}

#[tokio::test]
async fn runs_that_overlap_against_their_policy_are_found() {
    let db = watched().await;
    let anchor = next_second(&db);
    let mut wrong = Vec::new();
    for (overlap, most) in [("skip", 1), ("queue_one", 1), ("allow", 2), ("allow", 3), ("cancel_running", 1)] {
        let schedule = Planned::every(1, anchor).overlap(overlap, most).insert(&db).await;
        // The first two one after the other, then three at once.
        for (from, to) in [(0, 1), (1, 2), (3, 6), (4, 6), (5, 6)] {
            let [from, to] = [from, to].map(|seconds| anchor + TimeDelta::seconds(seconds));
            let values = [Uuid::now_v7().into(), schedule.into(), from.into(), to.into()];
            sql(&db, RAN, values).await;
        }
        if most < 3 && overlap != "cancel_running" {
            wrong.push(schedule);
        }
    }
    let violations = rows(&db).await;
    assert_eq!(broken(&violations), ["no more runs of a schedule than may overlap"]);
    // Two runs too many for each of the first two policies, one for the third.
    assert_eq!(violations.len(), 5, "{violations:?}");
    let about = |id: &Uuid| violations.iter().any(|violation| violation.evidence.contains(&id.to_string()));
    assert!(wrong.iter().all(about), "{violations:?}");
}

const RAN: &str = "
with ran as (
    insert into executions (id, kind, queue, schedule_id, scheduled_for, args, state, attempt, max_attempts, run_at, trigger,
                            correlation_id, created_at)
    values ($1, 'engine.noop', 'default', $2, $3, '{}', 'succeeded', 1, 1, $3, 'schedule', $1::text, $3)
    returning id, run_at
)
insert into seen (execution_id, was, became, lease_id, attempt, max_attempts, run_at, at)
select id, was, became, id, 1, 1, run_at, at
from ran, (values ('queued', 'running', $3), ('running', 'succeeded', $4::timestamptz)) as step (was, became, at)";
