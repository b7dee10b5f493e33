//! Schedules that are declared in code become rows, and follow the code.

use app::modules;
use jobs::Noop;
use schedules::{Recurring, read::ScheduleRow};
use testkit::TestApp;

async fn declare(app: &TestApp, declared: &[Recurring]) {
    schedules::upsert_declared(app.db(), declared, &app.registry()).await.unwrap();
}

async fn find(app: &TestApp, name: &str) -> ScheduleRow {
    schedules::read::find_by_name(app.db(), name).await.unwrap().unwrap()
}

fn every(cron: &'static str) -> Recurring {
    Recurring::new("drill", cron, &Noop::default())
}

#[tokio::test]
async fn all_of_them_are_listed_and_declaring_again_changes_nothing() {
    let app = TestApp::start().await;
    app.declare_schedules().await;
    let rows = schedules::read::list(app.db()).await.unwrap();
    let mut names: Vec<&str> = modules::recurring().iter().map(|recurring| recurring.name).collect();
    names.sort_unstable();
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), names);
    assert!(rows.iter().all(|row| row.state == "active" && row.origin == "code" && row.next_run_at.is_some()));
    app.advance(std::time::Duration::from_secs(7 * 3600));
    app.declare_schedules().await;
    let again = schedules::read::list(app.db()).await.unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&rows).unwrap());
}

#[tokio::test]
async fn several_processes_may_declare_at_once() {
    let app = TestApp::start().await;
    tokio::join!(app.declare_schedules(), app.declare_schedules(), app.declare_schedules());
    assert_eq!(schedules::read::list(app.db()).await.unwrap().len(), modules::recurring().len());
}

#[tokio::test]
async fn a_changed_one_is_updated_after_what_was_due_has_become_a_run() {
    let app = TestApp::start().await;
    declare(&app, &[every("0 12 * * *")]).await;
    let before = find(&app, "drill").await;
    assert_eq!(before.next_run_at.unwrap().to_rfc3339(), "2026-01-05T12:00:00+00:00");

    app.advance(std::time::Duration::from_secs(3 * 3600));
    declare(&app, &[every("0 12 * * *").describe("A drill")]).await;
    let described = find(&app, "drill").await;
    assert_eq!((described.id, described.version), (before.id, before.version + 1));
    assert_eq!(described.description, "A drill");
    let rows = app.executions("engine.noop").await;
    assert_eq!(rows.iter().map(|row| row.scheduled_for).collect::<Vec<_>>(), [before.next_run_at]);
    assert_eq!(described.next_run_at.unwrap().to_rfc3339(), "2026-01-06T12:00:00+00:00");
    app.drain_jobs().await;

    declare(&app, &[every("45 15 * * *").describe("A drill")]).await;
    assert_eq!(find(&app, "drill").await.next_run_at.unwrap().to_rfc3339(), "2026-01-05T15:45:00+00:00");
}

#[tokio::test]
async fn one_that_is_no_longer_declared_is_disabled_keeps_its_history_and_may_come_back() {
    let app = TestApp::start().await;
    declare(&app, &[every("* * * * *")]).await;
    app.advance(std::time::Duration::from_secs(60));
    assert_eq!(app.tick().await.written, 1);
    app.drain_jobs().await;
    declare(&app, &[]).await;
    let gone = find(&app, "drill").await;
    assert_eq!((gone.state.as_str(), gone.next_run_at), ("disabled", None));
    assert_eq!(gone.state_reason.as_deref(), Some("the code no longer declares it"));
    app.advance(std::time::Duration::from_secs(600));
    assert_eq!(app.tick().await.written, 0);
    assert_eq!(app.executions("engine.noop").await[0].schedule_id, Some(gone.id));

    declare(&app, &[every("* * * * *")]).await;
    let back = find(&app, "drill").await;
    assert_eq!((back.id, back.state.as_str(), back.state_reason), (gone.id, "active", None));
    assert!(back.next_run_at.unwrap() > app.clock().now(), "the time it was gone is not caught up");
}

#[tokio::test]
async fn a_declaration_that_cannot_be_is_refused_by_name_and_nothing_is_written() {
    let app = TestApp::start().await;
    for cron in ["0 0 30 2 *", "every day", ""] {
        let declared = [Recurring::new("good", "* * * * *", &Noop::default()), every(cron)];
        let refused = schedules::upsert_declared(app.db(), &declared, &app.registry()).await.unwrap_err();
        assert!(refused.to_string().contains("drill"), "{refused}");
    }
    assert!(schedules::read::list(app.db()).await.unwrap().is_empty());
}
