//! A keyed request that was carried out and left no answer is not carried out again; one that was not is.

use std::time::Duration;

use futures::future::join;
use jobs::{Enqueue, Noop};
use schedules::Recurring;
use serde_json::json;
use testkit::{Answer, Person, Request, TestApp};

use crate::shelf::count;

/// How long a request holds its key.
const LOCK: Duration = Duration::from_secs(60);
const RUNS: &str = "select count(*) from executions where kind = 'engine.noop'";
const MARKED: &str = "select count(*) from idempotency_keys where committed_at is not null";

/// `drill`, which may be triggered again and again: nothing but the key tells two runs apart.
async fn with_drill() -> TestApp {
    let app = TestApp::start().await;
    let drill = [Recurring::new("drill", "0 0 1 1 *", &Noop::default())];
    schedules::upsert_declared(app.db(), &drill, &app.registry()).await.unwrap();
    app
}

fn trigger(admin: &Person<'_>) -> Request {
    admin.post("/api/v1/scheduled-jobs/drill/trigger").idempotency_key("k")
}

async fn sql(app: &TestApp, statements: &'static str) {
    sqlx::raw_sql(statements).execute(&**app.db().pool()).await.unwrap();
}

/// From now on no answer can be kept, as if each process died right before.
async fn lose_answers(app: &TestApp) {
    let lose =
        "create function lose() returns trigger language plpgsql as $$ begin raise exception 'it is lost'; end $$;
                create trigger lose before update of status on idempotency_keys
                for each row when (new.status is not null) execute function lose()";
    sql(app, lose).await;
}

#[tokio::test]
async fn what_was_committed_is_not_done_again_although_its_answer_was_lost() {
    let app = with_drill().await;
    let admin = app.admin().await;
    lose_answers(&app).await;
    trigger(&admin).await.expect(202);
    app.drain_jobs().await;
    let again = trigger(&admin).await.expect_problem("idempotency-in-flight");
    assert_eq!(again.header("retry-after"), "1");
    app.advance(LOCK);
    for _ in 0..2 {
        let lost = trigger(&admin).await.expect_problem("idempotency-answer-lost").json();
        assert!(lost["detail"].as_str().unwrap().contains("Look at what it made"), "{lost}");
    }
    let body = json!({ "reason": "another request" });
    let pause = || admin.post("/api/v1/scheduled-jobs/drill/pause").idempotency_key("k");
    pause().json(body.clone()).await.expect(200);
    app.advance(LOCK);
    pause().json(body).await.expect_problem("idempotency-answer-lost");
    pause().await.expect_problem("idempotency-key-reused");
    assert_eq!(count(&app, RUNS).await, 1);
}

#[tokio::test]
async fn a_lost_answer_is_forgotten_with_its_key_after_a_day() {
    let app = with_drill().await;
    let admin = app.admin().await;
    lose_answers(&app).await;
    trigger(&admin).await.expect(202);
    app.drain_jobs().await;
    app.advance(Duration::from_secs(24 * 3600));
    let admin = app.log_in(&admin.email).await;
    sql(&app, "drop trigger lose on idempotency_keys").await;
    trigger(&admin).await.expect(202);
    app.drain_jobs().await;
    assert_eq!(trigger(&admin).await.expect(202).header("idempotency-replayed"), "true");
    assert_eq!(count(&app, RUNS).await, 2);
}

#[tokio::test]
async fn what_was_committed_and_answered_with_a_fault_of_ours_is_not_done_again() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let id = app.enqueue(&Noop::default(), Enqueue::after(Duration::from_secs(60))).await;
    // It can be cancelled, and not be shown after that.
    sql(&app, "update executions set created_at = 'infinity'").await;
    app.allow_error("request failed");
    let cancel = || admin.post(&format!("/api/v1/executions/{id}/cancel")).idempotency_key("k");
    cancel().await.expect(500);
    cancel().await.expect_problem("idempotency-answer-lost"); // at once: nobody works on it
    let cancelled = "select count(*) from executions where state = 'cancelled'";
    assert_eq!(count(&app, cancelled).await, 1);
}

#[tokio::test]
async fn a_request_that_was_rolled_back_frees_its_key() {
    let app = with_drill().await;
    let admin = app.admin().await;
    // Refused by the commit itself, when the key is marked already.
    let refuse = "create function refuse() returns trigger language plpgsql as
                      $$ begin raise exception 'read-only' using errcode = '25006'; end $$;
                  create constraint trigger refuse after insert on executions deferrable initially deferred
                      for each row execute function refuse()";
    sql(&app, refuse).await;
    trigger(&admin).await.expect_problem("unavailable");
    assert_eq!(count(&app, "select count(*) from idempotency_keys").await, 0);
    sql(&app, "drop trigger refuse on executions").await;
    let done = trigger(&admin).await.expect(202);
    assert_eq!(trigger(&admin).await.expect(202).json(), done.json());
    assert_eq!((count(&app, RUNS).await, count(&app, MARKED).await), (1, 1));
    app.drain_jobs().await;
}

#[tokio::test]
async fn a_stalled_request_whose_key_was_taken_over_commits_nothing() {
    let app = with_drill().await;
    let admin = app.admin().await;
    let mut hurdle = app.db().pool().begin().await.unwrap();
    sqlx::raw_sql("select from schedules for update").execute(&mut *hurdle).await.unwrap();
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
    let stalls = async |how_many: i64| {
        while count(&app, waiting).await < how_many {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let later = async {
        stalls(1).await;
        app.advance(LOCK);
        let release = async {
            stalls(2).await;
            hurdle.rollback().await.unwrap();
        };
        join(trigger(&admin).send(), release).await.0
    };
    let (stalled, taken_over): (Answer, Answer) = join(trigger(&admin).send(), later).await;
    stalled.expect_problem("idempotency-in-flight");
    let done = taken_over.expect(202).json();
    assert_eq!(trigger(&admin).await.expect(202).json(), done);
    assert_eq!(count(&app, RUNS).await, 1);
    app.drain_jobs().await;
}

#[tokio::test]
async fn a_request_that_hangs_in_its_commit_does_not_hold_up_those_that_ask_again() {
    let app = with_drill().await;
    let admin = app.admin().await;
    lose_answers(&app).await;
    trigger(&admin).await.expect(202);
    app.drain_jobs().await;
    let mut hanging = app.db().pool().acquire().await.unwrap();
    sqlx::raw_sql("begin; select 1 from idempotency_keys for update").execute(&mut *hanging).await.unwrap();
    trigger(&admin).await.expect_problem("idempotency-in-flight");
    sqlx::raw_sql("rollback").execute(&mut *hanging).await.unwrap();
}
