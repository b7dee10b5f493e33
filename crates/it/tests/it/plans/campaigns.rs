//! Trials for all free readers at once: one grant, one mail per reader, and a failing mail stops nobody.

use serde_json::{Value, json};
use store::Sql;
use testkit::{Answer, Person, TestApp};

use crate::shelf::count;

const PATH: &str = "/api/v1/admin/trials";

async fn grant(admin: &Person<'_>) -> Answer {
    admin.post(PATH).json(json!({ "audience": "all_free" })).await
}

/// Counts the statements that write executions.
const WATCH_INSERTS: [&str; 3] = [
    "create table inserts (at timestamptz)",
    "create function watch() returns trigger language plpgsql
     as 'begin insert into inserts select now() where exists (select from new_rows); return null; end'",
    "create trigger watch after insert on executions referencing new table as new_rows
     for each statement execute function watch()",
];

async fn plan(reader: &Person<'_>) -> Value {
    reader.get("/api/v1/me/usage").await.expect(200).json()["plan"].clone()
}

#[tokio::test]
async fn every_free_reader_who_never_had_one_gets_a_trial_and_one_mail() {
    let app = TestApp::start().await;
    let (ann, bob, paying, admin) = (app.reader().await, app.reader().await, app.reader().await, app.admin().await);
    paying.set_plan("premium").await;
    let had_one = app.reader().await;
    had_one.post("/api/v1/trials").await.expect(202);
    app.drain_all_jobs().await;
    let unconfirmed = json!({ "email": "new@example.org", "password": "long enough" });
    app.post("/api/v1/auth/register").json(unconfirmed).await.expect(201);
    app.drain_jobs().await;

    let accepted = grant(&admin).await.expect(202);
    app.drain_jobs().await;
    assert_eq!(
        (plan(&ann).await, plan(&bob).await, plan(&paying).await),
        (json!("basic"), json!("basic"), json!("premium"))
    );
    for (reader, mails) in [(&ann, 1), (&bob, 1), (&paying, 0), (&had_one, 1), (&admin, 0)] {
        assert_eq!(app.mails_to(&reader.email).len(), mails, "{}", reader.email);
    }
    let task = admin.get(accepted.header("location")).await.expect(200).json();
    assert_eq!((&task["status"], &task["progress"]), (&json!("succeeded"), &json!(100)));
    let done = &app.executions("accounts.grant_trials").await[0];
    assert_eq!(done.result, Some(json!({ "granted": 2 })));

    grant(&admin).await.expect(202);
    app.drain_jobs().await;
    assert_eq!(app.executions("accounts.grant_trials").await[1].result, Some(json!({ "granted": 0 })));
    assert_eq!(app.mails_to(&ann.email).len(), 1);
}

#[tokio::test]
async fn a_mail_that_fails_stops_nobodys_trial_and_nobody_elses_mail() {
    let app = TestApp::start().await;
    let (ann, bob, admin) = (app.reader().await, app.reader().await, app.admin().await);
    let broken = "update users set email = 'not an address' where id = $1";
    app.db().conn().run(broken, [ann.id.0.into()]).await.unwrap();
    app.allow_error("accounts.mail_trial");
    grant(&admin).await.expect(202);
    app.drain_all_jobs().await;
    assert_eq!((plan(&ann).await, plan(&bob).await), (json!("basic"), json!("basic")));
    assert_eq!(app.mails_to(&bob.email).len(), 1);
    let mut states: Vec<_> = app.executions("accounts.mail_trial").await.into_iter().map(|row| row.state).collect();
    states.sort();
    assert_eq!(states, ["failed", "succeeded"]);
    assert_eq!(app.executions("accounts.grant_trials").await[0].state, "succeeded");
}

#[tokio::test]
async fn many_readers_are_granted_in_batches_with_progress() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let many = "
        insert into users (id, email, password_hash, email_verified_at, period_anchor, created_at, updated_at)
        select gen_random_uuid(), 'many' || n || '@example.org', '', $1, $1, $1, $1 from generate_series(1, 520) n";
    app.db().conn().run(many, [app.clock().now().into()]).await.unwrap();
    grant(&admin).await.expect(202);
    for sql in WATCH_INSERTS {
        app.db().conn().run(sql, []).await.unwrap();
    }
    app.drain_jobs().await;
    assert_eq!(
        count(&app, "select count(*) from inserts").await,
        2,
        "the mails of a batch are enqueued by one statement"
    );
    let done = &app.executions("accounts.grant_trials").await[0];
    assert_eq!((done.result.clone(), done.attempt), (Some(json!({ "granted": 520 })), 1));
    assert!(done.progress.is_some(), "{done:?}");
    assert_eq!(count(&app, "select count(*) from users where plan = 'basic'").await, 520);
    assert_eq!(app.mails().len(), 520);
    assert_eq!(count(&app, "select count(distinct ends_at) from trials").await, 1);
}

#[tokio::test]
async fn a_grant_that_waits_is_not_enqueued_twice() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let first = grant(&admin).await.expect(202);
    let second = grant(&admin).await.expect(202);
    assert_eq!(first.header("location"), second.header("location"));
    app.drain_jobs().await;
}

#[tokio::test]
async fn it_needs_the_permission_and_a_known_audience() {
    let app = TestApp::start().await;
    for person in [app.reader().await, app.operator().await, app.person("hr_admin").await] {
        let refused = grant(&person).await.expect_problem("forbidden");
        assert_eq!(refused.json()["detail"], "this needs the permission trial.grant");
    }
    app.post(PATH).json(json!({ "audience": "all_free" })).await.expect_problem("unauthenticated");
    let admin = app.admin().await;
    for body in [json!({}), json!({ "audience": "everybody" })] {
        let refused = admin.post(PATH).json(body).await.expect_problem("validation-failed").json();
        assert_eq!(refused["errors"][0]["pointer"], "/audience");
    }
}
