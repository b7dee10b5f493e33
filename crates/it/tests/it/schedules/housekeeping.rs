//! The recurring jobs of this product do what they are for.

use std::time::Duration;

use serde_json::json;
use store::Sql;
use testkit::{PASSWORD, TestApp, volumes};

use crate::shelf::count;

const DAY: Duration = Duration::from_secs(86_400);

async fn register(app: &TestApp, email: &str) {
    app.post("/api/v1/auth/register").json(json!({ "email": email, "password": PASSWORD })).await.expect(201);
    app.drain_jobs().await;
}

#[tokio::test]
async fn a_worker_that_was_down_at_two_and_starts_at_five_purges_codes_once_and_the_ledger_shows_why() {
    let app = TestApp::start().await;
    app.declare_schedules().await;
    register(&app, "expired@example.org").await;
    app.register_and_verify("used@example.org").await;
    app.go_to("2026-01-06T04:59:00Z");
    register(&app, "valid@example.org").await;
    app.go_to("2026-01-06T05:00:00Z");
    app.declare_schedules().await; // the worker starts

    let (one, other) = tokio::join!(app.tick(), app.tick()); // with a second one beside it
    assert!(one.written + other.written > 0);
    app.drain_jobs().await;
    app.tick().await;
    app.drain_jobs().await;

    let runs = app.executions("accounts.purge_codes").await;
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    assert_eq!((run.state.as_str(), run.trigger.as_str()), ("succeeded", "schedule"));
    assert_eq!(run.scheduled_for.unwrap().to_rfc3339(), "2026-01-06T02:00:00+00:00");
    let why = "schedule daily_otp_cleanup, caught up 10800 s late: no worker ran at its time";
    assert_eq!(run.triggered_by.as_deref(), Some(why));
    assert_eq!((run.message.as_deref(), &run.result), (Some("deleted 2 codes"), &Some(json!({ "deleted": 2 }))));
    assert_eq!(count(&app, "select count(*) from one_time_codes").await, 1);
    let proof = json!({ "email": "valid@example.org", "otp": app.code_for("valid@example.org") });
    app.post("/api/v1/auth/verify-email").json(proof).await.expect(200);
}

#[tokio::test]
async fn finished_executions_are_deleted_after_a_week_and_others_kept() {
    let app = TestApp::start().await;
    app.declare_schedules().await;
    // Ids carry the machine's time; rows that look as old as the clock says need ids as old as that.
    let old = "
        insert into executions (id, kind, queue, args, state, max_attempts, run_at, finished_at, trigger, correlation_id, created_at)
        select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'test.old', 'default', '{}', state, 1, $1,
               case when state = 'queued' then null else $1 end, 'api', '', $1
        from generate_series(1, 2500) n, lateral (select case n when 1 then 'queued' when 2 then 'failed' else 'succeeded' end as state) s";
    app.db().conn().run(old, [app.clock().now().into()]).await.unwrap();
    let waits = "update executions set run_at = $1 where state = 'queued'";
    app.db().conn().run(waits, [(app.clock().now() + 100 * DAY).into()]).await.unwrap();
    let left = async || count(&app, "select count(*) from executions where kind = 'test.old'").await;
    let monday = async |midnight: &str| {
        app.go_to(midnight);
        app.tick().await;
        app.drain_jobs().await;
    };
    monday("2026-01-12T00:00:00Z").await; // they are six days and fourteen hours old
    assert_eq!(left().await, 2500);
    monday("2026-01-19T00:00:00Z").await;
    assert_eq!(left().await, 1, "what waits is kept");
    let runs = app.executions("engine.delete_old_executions").await;
    assert_eq!(runs[1].message.as_deref(), Some("deleted 2499 finished executions older than 7 days"));
}

#[tokio::test]
async fn readers_whose_trial_has_ended_are_put_back_on_the_free_plan() {
    let app = TestApp::start().await;
    app.declare_schedules().await;
    let ann = app.reader().await;
    ann.post("/api/v1/trials").await.expect(202);
    app.drain_all_jobs().await;
    let plans = async || count(&app, "select count(*) from users where plan = 'basic'").await;
    app.advance(29 * DAY);
    app.tick().await;
    app.drain_jobs().await;
    assert_eq!(plans().await, 1);
    app.advance(2 * DAY);
    app.tick().await;
    app.drain_jobs().await;
    assert_eq!(plans().await, 0);
    let last = app.executions("accounts.expire_trials").await;
    let last = last.iter().rfind(|row| row.state == "succeeded").unwrap();
    assert_eq!(last.message.as_deref(), Some("ended 1 trials"));
}

#[tokio::test]
async fn people_with_psql_find_the_classic_columns() {
    let app = TestApp::start().await;
    app.allow_error("engine.noop");
    let fatal = jobs::Noop { fail: Some(jobs::Trouble::Fatal), ..jobs::Noop::default() };
    app.enqueue(&jobs::Noop::default(), jobs::Enqueue::now()).await;
    app.enqueue(&fatal, jobs::Enqueue::now()).await;
    app.drain_jobs().await;
    let rows: Vec<(String, Option<bool>, Option<String>)> =
        sqlx::query_as("select job_id, success, message from job_executions order by success")
            .fetch_all(app.db().pool())
            .await
            .unwrap();
    assert_eq!(rows[0].0, "engine.noop");
    assert_eq!((rows[0].1, rows[1].1), (Some(false), Some(true)));
    assert!(rows[0].2.as_deref().unwrap().contains("asked to fail for good"), "{rows:?}");
}

#[tokio::test]
async fn ended_sessions_unconfirmed_accounts_and_old_counters_are_deleted_and_others_kept() {
    let app = TestApp::start().await;
    app.declare_schedules().await;
    let (ann, bob) = (app.reader().await, app.reader().await);
    ann.post("/api/v1/auth/logout").await.expect(204);
    register(&app, "old@example.org").await;
    register(&app, "again@example.org").await;
    for (id, began) in [(ann.id, "30 days"), (bob.id, "0 days")] {
        let counter = "
            insert into usage_counters (user_id, feature, period_start, used)
            select $1, 'notes', $2::timestamptz - $3::interval, 1";
        let values = [id.0.into(), app.clock().now().into(), began.into()];
        app.db().conn().run(counter, values).await.unwrap();
    }
    let run = async |at: &str, message: &str| {
        app.go_to(at);
        app.tick().await;
        app.drain_jobs().await;
        let runs = app.executions("accounts.purge_stale").await;
        let last = runs.iter().rfind(|run| run.state == "succeeded").unwrap();
        assert_eq!(last.message.as_deref(), Some(message), "at {at}");
    };
    run("2026-01-06T02:30:00Z", "deleted 0 sessions, 0 unconfirmed accounts, 0 usage counters").await;
    app.go_to("2026-02-04T02:25:00Z");
    app.log_in(&bob.email).await;
    register(&app, "young@example.org").await;
    app.go_to("2026-02-05T02:25:00Z");
    register(&app, "again@example.org").await; // its code can still be typed
    run("2026-02-05T02:30:00Z", "deleted 2 sessions, 1 unconfirmed accounts, 0 usage counters").await;
    assert_eq!(count(&app, "select count(*) from sessions").await, 1);
    let addresses: Vec<String> =
        sqlx::query_scalar("select email from users where email_verified_at is null order by 1")
            .fetch_all(app.db().pool())
            .await
            .unwrap();
    assert_eq!(addresses, ["again@example.org", "young@example.org"]);
    run("2026-05-05T02:30:00Z", "deleted 1 sessions, 2 unconfirmed accounts, 1 usage counters").await;
    let left = "select count(*) from usage_counters c join users u on u.id = c.user_id";
    assert_eq!(count(&app, left).await, 1);
}

#[tokio::test]
async fn searches_that_nobody_repeats_are_forgotten_with_the_books_that_only_they_named() {
    let app = TestApp::builder().google_books().start().await;
    app.declare_schedules().await;
    let google = &app.fakes().google_books;
    google.answer(volumes(3, &[("g1", "Dune"), ("g2", "Dune Messiah"), ("g3", "Children of Dune")]));
    let found = app.get("/api/v1/books?q=dune&limit=3").await.expect(200).json();
    let ann = app.reader().await;
    ann.post(&format!("/api/v1/books/{}/summary", found["items"][0]["id"].as_str().unwrap())).await.expect(202);
    app.allow_error("books.summarise"); // nothing is known of it but its title
    app.drain_all_jobs().await;
    app.go_to("2026-01-13T02:40:00Z");
    google.answer(volumes(1, &[("g2", "Dune Messiah")]));
    app.get("/api/v1/books?q=messiah").await.expect(200);
    app.tick().await;
    app.drain_jobs().await;
    let titles = async || -> Vec<String> {
        sqlx::query_scalar("select title from books where source = 'google_books' order by 1")
            .fetch_all(app.db().pool())
            .await
            .unwrap()
    };
    assert_eq!(titles().await.len(), 3, "the searches expired less than a week ago");
    app.go_to("2026-01-14T02:40:00Z");
    app.tick().await;
    app.drain_jobs().await;
    assert_eq!(titles().await, ["Dune", "Dune Messiah"]);
    assert_eq!(count(&app, "select count(*) from catalogue_queries").await, 1);
    let last = app.executions("books.purge_cache").await;
    let last = last.iter().rfind(|run| run.state == "succeeded").unwrap();
    assert_eq!(last.message.as_deref(), Some("deleted 1 queries, 1 books"));
}
