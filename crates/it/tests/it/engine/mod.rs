//! The engine's rules for one job: unique, timed out, snoozed, prioritised, in bulk.

#[allow(dead_code, reason = "the explorer's own rules, of which only ours are compared here")]
#[path = "../../../../jobs/tests/protocol/rules.rs"]
mod rules;
mod steps;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use jobs::{Attempt, Done, Drain, Enqueue, Failure, Job, Noop, OrFail, Policy, Registry, Steps, Success};
use serde::{Deserialize, Serialize};
use store::{Db, Sql, Tx};
use testkit::TestApp;

/// How often a test's job ran.
#[derive(Clone, Default)]
struct Seen {
    runs: Arc<AtomicUsize>,
}

#[derive(Serialize, Deserialize)]
struct Slow {}

impl Job for Slow {
    type Cx = Seen;
    const KIND: &'static str = "test.slow";
    const POLICY: Policy = Policy::DEFAULT.attempts(2).timeout(Duration::from_millis(50));

    async fn run(&self, seen: &Seen, _: &Attempt) -> Result<Done, Failure> {
        seen.runs.fetch_add(1, SeqCst);
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(Done::Ok(Success::default()))
    }
}

#[derive(Serialize, Deserialize)]
struct NotYet {}

impl Job for NotYet {
    type Cx = Seen;
    const KIND: &'static str = "test.not_yet";
    const POLICY: Policy = Policy::DEFAULT.attempts(1);

    async fn run(&self, seen: &Seen, _: &Attempt) -> Result<Done, Failure> {
        match seen.runs.fetch_add(1, SeqCst) {
            0..3 => Ok(Done::Snooze(Duration::from_secs(60))),
            _ => Ok(Done::Ok(Success::new("late", "at last"))),
        }
    }
}

/// Is asked to stop while it runs, does not hear of it, and fails.
#[derive(Serialize, Deserialize)]
struct Deaf {}

impl Job for Deaf {
    type Cx = Db;
    const KIND: &'static str = "test.deaf";

    async fn run(&self, db: &Db, me: &Attempt) -> Result<Done, Failure> {
        db.tx(async |tx: Tx| jobs::executions::cancel(&tx, me.id(), "changed my mind").await).await.or_retry()?;
        Err(std::io::Error::other("a text with a \0 in it")).or_retry()
    }
}

/// Runs into a constraint whose violation Postgres describes with the values of the row.
#[derive(Serialize, Deserialize)]
struct Clash {}

impl Job for Clash {
    type Cx = Db;
    const KIND: &'static str = "test.clash";
    const POLICY: Policy = Policy::DEFAULT.attempts(1);

    async fn run(&self, db: &Db, _: &Attempt) -> Result<Done, Failure> {
        let insert = "insert into role_permissions (role, permission) values ('reader', 'someone@example.org')";
        db.conn().run(insert, []).await.or_retry()?;
        db.conn().run(insert, []).await.or_retry()?;
        Ok(Done::Ok(Success::default()))
    }
}

fn drain(app: &TestApp, add: impl FnOnce(&mut Registry)) -> Drain {
    let mut registry = Registry::default();
    add(&mut registry);
    let parts = app.parts();
    Drain::new(parts.db.clone(), &parts.config.redis, registry, parts.rng.clone()).unwrap()
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_ended_and_counted() {
    let app = TestApp::start().await;
    app.allow_error("ran longer than");
    let seen = Seen::default();
    let drain = drain(&app, |registry| _ = registry.add::<Slow>(seen.clone()));
    let id = app.enqueue(&Slow {}, Enqueue::now()).await;
    for _ in 0..2 {
        drain.run_due().await.unwrap();
        app.advance(Duration::from_secs(60));
    }
    let failed = app.execution(id).await;
    assert_eq!((failed.state.as_str(), failed.attempt, seen.runs.load(SeqCst)), ("failed", 2, 2));
    assert_eq!(failed.errors[1]["problem"], "job-timed-out");
}

#[tokio::test]
async fn snoozing_does_not_use_up_attempts() {
    let app = TestApp::start().await;
    let seen = Seen::default();
    let drain = drain(&app, |registry| _ = registry.add::<NotYet>(seen.clone()));
    let id = app.enqueue(&NotYet {}, Enqueue::now()).await;
    for _ in 0..4 {
        drain.run_due().await.unwrap();
        app.advance(Duration::from_secs(61));
    }
    let done = app.execution(id).await;
    assert_eq!((done.state.as_str(), done.attempt, done.max_attempts), ("succeeded", 4, 4));
    assert_eq!((done.message.as_deref(), done.errors), (Some("at last"), serde_json::json!([])));
}

#[tokio::test]
async fn a_unique_job_waits_only_once_and_may_come_again_when_it_is_done() {
    let app = TestApp::start().await;
    let job = Noop { key: Some("one".into()), ..Noop::default() };
    let enqueue = async || app.db().tx(async |tx: Tx| jobs::enqueue(&tx, &job, Enqueue::now()).await).await.unwrap();
    let (first, second) = (enqueue().await, enqueue().await);
    assert_eq!((first.id, first.created, second.created), (second.id, true, false));
    let many = [job.clone(), job.clone(), Noop::default()];
    let new = app.db().tx(async |tx: Tx| jobs::enqueue_many(&tx, &many, &Enqueue::now()).await).await.unwrap();
    assert_eq!(new, 1, "only the one without a key");
    app.drain_jobs().await;
    assert!(enqueue().await.created);
    app.drain_jobs().await;
}

#[tokio::test]
async fn forty_requests_at_once_for_a_unique_job_make_one() {
    let app = TestApp::start().await;
    let job = Noop { key: Some("one".into()), ..Noop::default() };
    let requests = (0..40).map(|_| app.db().tx(async |tx: Tx| jobs::enqueue(&tx, &job, Enqueue::now()).await));
    let enqueued = futures::future::try_join_all(requests).await.unwrap();
    assert_eq!(enqueued.iter().filter(|enqueued| enqueued.created).count(), 1);
    assert!(enqueued.iter().all(|one| one.id == enqueued[0].id));
    assert_eq!(app.drain_jobs().await, 1);
}

#[derive(Serialize, Deserialize)]
struct Noted(String);

impl Job for Noted {
    type Cx = Arc<Mutex<Vec<String>>>;
    const KIND: &'static str = "test.noted";

    async fn run(&self, notes: &Self::Cx, _: &Attempt) -> Result<Done, Failure> {
        notes.lock().unwrap().push(self.0.clone());
        Ok(Done::Ok(Success::default()))
    }
}

#[tokio::test]
async fn the_urgent_goes_first_and_equals_in_their_order() {
    let app = TestApp::start().await;
    let notes = Arc::new(Mutex::new(Vec::new()));
    for (name, priority) in [("low", 1), ("first", 5), ("second", 5), ("high", 10)] {
        app.enqueue(&Noted(name.to_owned()), Enqueue::now().priority(priority)).await;
        app.advance(Duration::from_millis(1));
    }
    drain(&app, |registry| _ = registry.add::<Noted>(notes.clone())).run_due().await.unwrap();
    assert_eq!(*notes.lock().unwrap(), ["high", "first", "second", "low"]);
}

#[tokio::test]
async fn a_request_to_cancel_is_kept_although_the_attempt_did_not_hear_of_it() {
    let app = TestApp::start().await;
    let drain = drain(&app, |registry| _ = registry.add::<Deaf>(app.db().clone()));
    let id = app.enqueue(&Deaf {}, Enqueue::now()).await;
    drain.run_due().await.unwrap();
    let cancelled = app.execution(id).await;
    assert_eq!((cancelled.state.as_str(), cancelled.attempt), ("cancelled", 1));
    assert_eq!(cancelled.errors[0]["error"], "internal-error: a text with a  in it", "Postgres takes no NUL");
}

#[tokio::test]
async fn a_recorded_error_tells_its_causes_but_not_the_values_of_the_row() {
    let app = TestApp::start().await;
    app.allow_error("duplicate key value");
    let drain = drain(&app, |registry| _ = registry.add::<Clash>(app.db().clone()));
    let id = app.enqueue(&Clash {}, Enqueue::now()).await;
    drain.run_due().await.unwrap();
    let failed = app.execution(id).await;
    let recorded = failed.errors.to_string();
    assert!(failed.errors[0]["trace"].as_str().unwrap().contains("duplicate key value"), "{recorded}");
    assert!(!recorded.contains("someone@example.org"), "{recorded}");
}

#[tokio::test]
async fn a_row_that_is_locked_keeps_no_other_end_from_being_recorded() {
    let app = TestApp::start().await;
    let steps = Steps::new(app.db().clone(), Duration::from_secs(60));
    let ids =
        [app.enqueue(&Noop::default(), Enqueue::now()).await, app.enqueue(&Noop::default(), Enqueue::now()).await];
    let held = [steps.claim(ids[0].0).await.unwrap().unwrap(), steps.claim(ids[1].0).await.unwrap().unwrap()];
    let mut other = app.db().pool().acquire().await.unwrap();
    sqlx::raw_sql("begin; select 1 from executions order by id limit 1 for update").execute(&mut *other).await.unwrap();
    let waits = steps.succeed(&held[0]);
    let recorded = async {
        let recorded = steps.succeed(&held[1]).await.unwrap();
        let states = (app.execution(ids[0]).await.state, app.execution(ids[1]).await.state);
        sqlx::raw_sql("rollback").execute(&mut *other).await.unwrap();
        (recorded, states)
    };
    let (waited, (recorded, states)) = tokio::join!(waits, recorded);
    assert_eq!((recorded, states), (true, ("running".to_owned(), "succeeded".to_owned())));
    assert!(waited.unwrap(), "recorded when the lock was gone");
    assert_eq!(app.execution(ids[0]).await.state, "succeeded");
}

#[tokio::test]
async fn a_row_that_is_locked_keeps_no_other_from_being_claimed() {
    let app = TestApp::start().await;
    let steps = Steps::new(app.db().clone(), Duration::from_secs(60));
    let ids =
        [app.enqueue(&Noop::default(), Enqueue::now()).await, app.enqueue(&Noop::default(), Enqueue::now()).await];
    let mut other = app.db().pool().acquire().await.unwrap();
    sqlx::raw_sql("begin; select 1 from executions order by id limit 1 for update").execute(&mut *other).await.unwrap();
    let (locked, free) = tokio::join!(steps.claim(ids[0].0), steps.claim(ids[1].0));
    sqlx::raw_sql("rollback").execute(&mut *other).await.unwrap();
    assert!(locked.unwrap().is_none());
    let freed = steps.claim(ids[0].0).await.unwrap();
    for held in [free.unwrap(), freed] {
        assert!(steps.succeed(&held.expect("claimed")).await.unwrap());
    }
}
