//! Who may do what to whose schedules.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Person, TestApp};

use super::{ALL, at, create, maker, noop, put, start};

/// The statuses of every change that somebody asks for.
async fn changes(app: &TestApp, by: &Person<'_>, schedule: &Value) -> Vec<(&'static str, u16)> {
    let body = noop(json!({ "name": schedule["name"], "interval_seconds": 7200 }));
    let mut found = Vec::new();
    let path = at(schedule, "");
    found.push(("put", put(app, by, &path).header("if-match", "*").json(body).await.status));
    found.push(("patch", by.patch(&path).header("if-match", "*").json(json!({ "priority": 6 })).await.status));
    found.push(("pause", by.post(&at(schedule, "/pause")).json(json!({ "reason": "r" })).await.status));
    found.push(("resume", by.post(&at(schedule, "/resume")).await.status));
    found.push(("trigger", by.post(&at(schedule, "/trigger")).await.status));
    found.push(("delete", by.delete(&path).await.status));
    found
}

#[tokio::test]
async fn makers_change_their_own_schedules_and_administrators_all() {
    let app = start().await;
    let (ann, ben, admin) = (maker(&app).await, maker(&app).await, app.admin().await);
    let fields = json!({ "name": "same", "interval_seconds": 3600 });
    let of_ann = create(&ann, fields.clone()).await;
    let of_ben = create(&ben, fields.clone()).await;
    let shown = ben.get(&at(&of_ann, "")).await.expect(200).json();
    assert_eq!(shown["created_by"], format!("user:{}", ann.id));
    assert!(changes(&app, &ben, &of_ann).await.iter().all(|(_, status)| *status == 403));
    let done = [("put", 200), ("patch", 200), ("pause", 200), ("resume", 200), ("trigger", 202), ("delete", 204)];
    assert_eq!(changes(&app, &ann, &of_ann).await, done);
    assert_eq!(changes(&app, &admin, &of_ben).await, done);
}

#[tokio::test]
async fn readers_read_and_change_nothing() {
    let app = start().await;
    let (admin, operator, reader) = (app.admin().await, app.operator().await, app.reader().await);
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 3600 })).await;
    let reads = ["", "/executions", "/preview"].map(|below| at(&made, below));
    for path in reads.iter().map(String::as_str).chain([ALL, "/api/v1/schedules/jobs"]) {
        operator.get(path).await.expect(200);
        reader.get(path).await.expect_problem("forbidden");
        app.get(path).await.expect_problem("unauthenticated");
    }
    operator.post("/api/v1/schedules/preview").json(json!({ "interval_seconds": 60 })).await.expect(200);
    reader.post("/api/v1/schedules/preview").json(json!({ "interval_seconds": 60 })).await.expect_problem("forbidden");
    assert!(changes(&app, &operator, &made).await.iter().all(|(_, status)| *status == 403));
    operator.post(ALL).body("not even JSON").await.expect_problem("forbidden");
}

#[tokio::test]
async fn what_the_code_declares_can_be_paused_resumed_and_run_by_administrators_only() {
    let app = start().await;
    app.declare_schedules().await;
    let (ann, admin) = (maker(&app).await, app.admin().await);
    let listed = admin.get(&format!("{ALL}?creator=code&sort=name")).await.expect(200).json();
    let declared = listed["items"].as_array().unwrap()[0].clone();
    assert_eq!((&declared["origin"], &declared["created_by"]), (&json!("code"), &json!("code")));
    assert!(changes(&app, &ann, &declared).await.iter().all(|(_, status)| *status == 403));
    let wanted = [("put", 409), ("patch", 409), ("pause", 200), ("resume", 200), ("trigger", 202), ("delete", 409)];
    assert_eq!(changes(&app, &admin, &declared).await, wanted);
    let answer = admin.delete(&at(&declared, "")).await.expect_problem("schedule-state");
    assert!(answer.json()["detail"].as_str().unwrap().starts_with("the code declares it"));
    app.drain_jobs().await;
}

#[tokio::test]
async fn a_key_has_schedules_of_its_own_which_its_owner_may_change() {
    let app = start().await;
    let admin = app.admin().await;
    let ben = maker(&app).await;
    let body = json!({ "name": "importer", "scopes": ["schedule.read", "schedule.write"] });
    let key = admin.post("/api/v1/api-keys").json(body).await.expect(201).json();
    let secret = key["key"].as_str().expect("the key").to_owned();
    let ask = |method: Method, path: &str| app.request(method, path).bearer(&secret);
    let fields = noop(json!({ "name": "same", "interval_seconds": 3600 }));
    create(&admin, json!({ "name": "same", "interval_seconds": 3600 })).await;
    let made = ask(Method::POST, ALL).json(fields).await.expect(201).json();
    assert_eq!(made["created_by"], format!("key:{}", key["id"].as_str().unwrap()));
    let mine = ask(Method::GET, &format!("{ALL}?creator=me")).await.expect(200).json();
    assert_eq!(mine["items"].as_array().unwrap().len(), 1);
    ask(Method::POST, &at(&made, "/pause")).json(json!({ "reason": "r" })).await.expect(200);
    admin.post(&at(&made, "/resume")).await.expect(200);
    ben.post(&at(&made, "/pause")).json(json!({ "reason": "r" })).await.expect_problem("forbidden");
    let other = create(&ben, json!({ "name": "of ben", "interval_seconds": 3600 })).await;
    ask(Method::POST, &at(&other, "/pause")).json(json!({ "reason": "r" })).await.expect_problem("forbidden");
}
