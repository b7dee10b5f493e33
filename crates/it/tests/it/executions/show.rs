//! One execution, and who may see and change what.

use axum::http::Method;
use chrono::TimeDelta;
use jobs::{Enqueue, Noop, Trouble};
use serde_json::{Value, json};
use testkit::{START, TestApp};
use uuid::Uuid;

use super::{Row, path, schedule};

#[tokio::test]
async fn an_execution_shows_every_attempt_and_why_it_ran() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let job = Noop { fail: Some(Trouble::Once), key: Some("k".into()), ..Noop::default() };
    let id = app.enqueue(&job, Enqueue::now().by("ann").priority(7)).await;
    app.drain_all_jobs().await;
    let shown = operator.get(&path(id.0)).await.expect(200).json();
    assert_eq!((&shown["state"], &shown["args"]), (&json!("succeeded"), &json!({"fail": "once", "key": "k"})));
    assert_eq!((&shown["priority"], &shown["unique_key"], &shown["attempt"]), (&json!(7), &json!("k"), &json!(2)));
    assert_eq!(shown["reason"], "A request, or a job on its behalf, asked for it, for ann; it started on time.");
    let attempts = shown["attempts"].as_array().unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|attempt| (&attempt["attempt"], &attempt["outcome"])).collect();
    assert_eq!(outcomes, [(&json!(1), &json!("failed")), (&json!(2), &json!("succeeded"))]);
    assert_eq!(
        (&attempts[0]["problem"], &attempts[0]["trace"]),
        (&json!("internal-error"), &json!("asked to fail once"))
    );
    assert_eq!((&attempts[1]["error"], &attempts[1]["at"]), (&Value::Null, &shown["finished_at"]));
    assert_eq!(shown["message"], Value::Null, "the error of an earlier attempt is not what it came to");
}

#[tokio::test]
async fn a_due_time_says_what_became_of_it() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let (schedule, name) = schedule(&app).await;
    let of_schedule = |row: Row| Row { schedule: Some(schedule), trigger: "schedule", ..row };
    let range = json!({"from": START, "to": START, "count": 3});
    let missed = Row { message: Some("no worker ran at its time"), result: range.clone(), ..Row::new("missed") };
    let missed = of_schedule(missed).insert(&app).await;
    let late = Row { started_at: Some(START + TimeDelta::seconds(12)), ..Row::new("succeeded") };
    let late = of_schedule(late).insert(&app).await;

    let shown = operator.get(&path(missed)).await.expect(200).json();
    let reason = shown["reason"].as_str().unwrap();
    assert!(reason.starts_with(&format!("The schedule {name} was due at 2026-01-05T10:00:00")), "{reason}");
    assert!(reason.ends_with("; it was missed: no worker ran at its time."), "{reason}");
    assert_eq!(shown["result"]["count"], range["count"]);
    let shown = operator.get(&path(late)).await.expect(200).json();
    assert!(shown["reason"].as_str().unwrap().ends_with("; it started 12 s after it was due."), "{}", shown["reason"]);
    assert_eq!(shown["schedule_name"], name);
}

#[tokio::test]
async fn reading_and_changing_each_need_their_permission() {
    let app = TestApp::start().await;
    let id = Row::new("failed").insert(&app).await;
    let one = path(id);
    let reads =
        ["", "/running", "/recent", "/stats", "/by-correlation/c"].map(|rest| format!("/api/v1/executions{rest}"));
    let writes = [format!("{one}/retry"), format!("{one}/cancel"), "/api/v1/executions/retry".to_owned()];
    let (reader, hr, operator) = (app.reader().await, app.person("hr_admin").await, app.operator().await);
    for path in reads.iter().chain([&one, &format!("/api/v1/executions/stats/{}", Uuid::nil())]) {
        reader.get(path).await.expect_problem("forbidden");
        hr.get(path).await.expect_problem("forbidden");
        app.get(path).await.expect_problem("unauthenticated");
    }
    for path in &reads {
        operator.get(path).await.expect(200);
    }
    for path in &writes {
        reader.post(path).await.expect_problem("forbidden");
        operator.post(path).await.expect_problem("forbidden");
        app.request(Method::POST, path).await.expect_problem("unauthenticated");
    }
    assert_eq!(app.execution(id.into()).await.state, "failed");
}
