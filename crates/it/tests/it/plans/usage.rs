//! Plans and what is used of them.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::TestApp;

use crate::shelf::{book, books, summary_of, used};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn the_plans_are_public_with_their_limits() {
    let app = TestApp::start().await;
    let plans = app.get("/api/v1/plans").await.expect(200).json();
    let rows: Vec<Value> = plans["items"].as_array().unwrap().clone();
    let limits = |row: &Value| {
        ["summaries", "notes", "reminders", "smart_searches"].map(|name| row["limits"][name].as_u64().unwrap())
    };
    assert_eq!(
        rows.iter().map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["free", "basic", "premium", "scholar"]
    );
    assert_eq!(
        rows.iter().map(limits).collect::<Vec<_>>(),
        [[1, 3, 2, 3], [10, 25, 10, 10], [25, 50, 20, 25], [60, 150, 150, 70]]
    );
    assert!(rows.iter().all(|row| row["period_days"] == 30), "{plans}");
}

#[tokio::test]
async fn a_new_reader_has_the_free_plan_and_has_used_nothing() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let usage = ann.get("/api/v1/me/usage").await.expect(200).json();
    let wanted = json!({
        "plan": "free", "period_ends_at": "2026-02-04T10:00:00Z",
        "usage": { "summaries": { "used": 0, "limit": 1 }, "notes": { "used": 0, "limit": 3 },
            "reminders": { "used": 0, "limit": 2 }, "smart_searches": { "used": 0, "limit": 3 } }
    });
    assert_eq!(usage, wanted);
}

#[tokio::test]
async fn a_period_rolls_over_by_itself() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    ann.post(&summary_of(book())).await.expect(202);
    app.drain_all_jobs().await;
    ann.post(&summary_of(books()[1])).await.expect_problem("usage-limit-reached");
    app.advance(30 * DAY);
    let ann = app.log_in(&ann.email).await;
    assert_eq!(used(&ann).await, 0);
    let usage = ann.get("/api/v1/me/usage").await.expect(200).json();
    assert_eq!(usage["period_ends_at"], "2026-03-06T10:00:00Z");
    ann.post(&summary_of(books()[1])).await.expect(202);
    assert_eq!(used(&ann).await, 1);
    app.drain_all_jobs().await;
}
