//! The classic administration of jobs: who may see and run them, and that a run by hand is a run like any other.

use std::time::Duration;

use jobs::{Enqueue, Noop, Trouble};
use schedules::{DeleteOldExecutions, Recurring};
use serde_json::{Value, json};
use store::Sql;
use testkit::{Person, TestApp};

const JOBS: &str = "/api/v1/scheduled-jobs";
const MINUTE: Duration = Duration::from_secs(60);

/// `drill` every minute, `faulty` hourly, `lonely` daily.
async fn declared() -> TestApp {
    let app = TestApp::start().await;
    declare(&app).await;
    app
}

async fn declare(app: &TestApp) {
    let faulty = Noop { fail: Some(Trouble::Fatal), ..Noop::default() };
    let all = [
        Recurring::new("drill", "* * * * *", &Noop::default()).describe("A drill"),
        Recurring::new("faulty", "30 * * * *", &faulty),
        Recurring::new("lonely", "0 2 * * *", &DeleteOldExecutions {}),
    ];
    schedules::upsert_declared(app.db(), &all, &app.registry()).await.unwrap();
}

async fn job(person: &Person<'_>, id: &str) -> Value {
    person.get(&format!("{JOBS}/{id}")).await.expect(200).json()
}

async fn history(person: &Person<'_>, id: &str) -> Vec<Value> {
    let page = person.get(&format!("{JOBS}/{id}/history")).await.expect(200).json();
    let items = page["items"].as_array().unwrap().clone();
    assert_eq!(page["total"], items.len());
    items
}

fn trigger(person: &Person<'_>, id: &str) -> testkit::Request {
    person.post(&format!("{JOBS}/{id}/trigger"))
}

#[tokio::test]
async fn every_declared_job_is_listed_by_name_with_its_trigger_and_next_run() {
    let app = declared().await;
    let operator = app.operator().await;
    let api = "insert into schedules (id, name, origin, kind, args, timing, created_at, updated_at)
               select gen_random_uuid(), 'somebody''s', 'api', kind, args, timing, created_at, updated_at
               from schedules where name = 'drill'";
    app.db().conn().run(api, []).await.unwrap();
    let page = operator.get(&format!("{JOBS}?limit=2")).await.expect(200).json();
    let wanted = json!({
        "job_id": "drill", "name": "drill", "description": "A drill", "next_run": "2026-01-05T10:01:00Z",
        "trigger": "cron[* * * * *] UTC", "enabled": true, "state": "active", "state_reason": null, "latest_execution": null,
    });
    assert_eq!(page["items"][0], wanted);
    assert_eq!(job(&operator, "drill").await, wanted);
    let next = format!("{JOBS}?limit=2&cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = operator.get(&next).await.expect(200).json();
    let names: Vec<_> =
        [&page, &rest].iter().flat_map(|page| page["items"].as_array().unwrap()).map(|job| &job["job_id"]).collect();
    assert_eq!(names, ["drill", "faulty", "lonely"], "those made by API are not among them");
    assert_eq!(rest["next_cursor"], Value::Null);
    operator.get(&format!("{JOBS}/somebody's")).await.expect_problem("not-found");
}

#[tokio::test]
async fn readers_see_nothing_and_only_system_admins_change_anything() {
    let app = declared().await;
    let (admin, reader) = (app.admin().await, app.reader().await);
    let seen = ["", "/drill", "/drill/history", "/executions/recent"];
    for path in seen {
        reader.get(&format!("{JOBS}{path}")).await.expect_problem("forbidden");
        app.get(&format!("{JOBS}{path}")).await.expect_problem("unauthenticated");
    }
    for role in ["operator", "hr_admin", "reader"] {
        let person = app.person(role).await;
        for act in ["trigger", "pause", "resume"] {
            for id in ["drill", "unknown"] {
                person.post(&format!("{JOBS}/{id}/{act}")).await.expect_problem("forbidden");
            }
        }
        if role != "reader" {
            for path in seen {
                person.get(&format!("{JOBS}{path}")).await.expect(200);
            }
        }
    }
    assert_eq!(job(&admin, "drill").await["state"], "active");
    assert!(app.executions("engine.noop").await.is_empty());
}

#[tokio::test]
async fn an_unknown_job_is_not_found_and_bad_parameters_are_named() {
    let app = declared().await;
    let admin = app.admin().await;
    for path in ["/unknown", "/unknown/history", "/%00", "/drill%2F", "/executions/history"] {
        admin.get(&format!("{JOBS}{path}")).await.expect_problem("not-found");
    }
    for act in ["trigger", "pause", "resume"] {
        admin.post(&format!("{JOBS}/unknown/{act}")).await.expect_problem("not-found");
    }
    for (path, pointer) in [
        ("/drill/history?limit=201", "/limit"),
        ("/drill/history?limit=0", "/limit"),
        ("/drill/history?page=0", "/page"),
        ("/drill/history?page=-1", "/page"),
        ("/executions/recent?hours=0", "/hours"),
        ("/executions/recent?hours=169", "/hours"),
        ("/executions/recent?hours=day", "/hours"),
        ("/executions/recent?cursor=7", "/cursor"),
    ] {
        let refused = admin.get(&format!("{JOBS}{path}")).await.expect_problem("validation-failed").json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{path}");
    }
    for reason in [json!(""), json!("  "), json!("a\0b"), json!("x".repeat(501)), json!(7)] {
        let refused = admin.post(&format!("{JOBS}/drill/pause")).json(json!({ "reason": reason })).await;
        assert_eq!(refused.expect_problem("validation-failed").json()["errors"][0]["pointer"], "/reason");
    }
    assert_eq!(job(&admin, "drill").await["state"], "active");
}

#[tokio::test]
async fn a_run_by_hand_really_runs_and_stands_in_the_history_with_who_asked() {
    let app = declared().await;
    let admin = app.admin().await;
    let answer = trigger(&admin, "drill").header("x-triggered-by", "Ann").await.expect(202);
    let id = answer.json()["execution_id"].clone();
    let task = format!("/api/v1/tasks/{}", id.as_str().unwrap());
    assert_eq!(answer.header("location"), task);
    assert_eq!(job(&admin, "drill").await["latest_execution"]["state"], "queued");
    assert_eq!(app.drain_jobs().await, 1);
    assert_eq!(admin.get(&task).await.expect(200).json()["status"], "succeeded");

    let latest = job(&admin, "drill").await["latest_execution"].clone();
    assert_eq!((&latest["id"], &latest["success"], &latest["state"]), (&id, &json!(true), &json!("succeeded")));
    assert_eq!(
        (&latest["finished_at"], latest["duration_seconds"].is_number()),
        (&json!("2026-01-05T10:00:00Z"), true)
    );
    let history = history(&admin, "drill").await;
    assert_eq!(
        (&history[0]["id"], &history[0]["trigger"], &history[0]["scheduled_for"]),
        (&id, &json!("manual"), &Value::Null)
    );
    assert_eq!(history[0]["triggered_by"], format!("user:{}", admin.id));

    let audited =
        "select label from audit_log where action = 'scheduled_job.trigger' and target = 'scheduled_job:drill'
                   and outcome = 'done' and changes @> jsonb_build_array(jsonb_build_object('after', $1::text))";
    let label: Option<String> = app.db().conn().scalar(audited, [id.as_str().unwrap().into()]).await.unwrap();
    assert_eq!(label.as_deref(), Some("Ann"));
}

#[tokio::test]
async fn the_same_key_runs_it_once() {
    let app = declared().await;
    let admin = app.admin().await;
    let first = trigger(&admin, "drill").idempotency_key("k").await.expect(202).json();
    app.drain_jobs().await;
    let again = trigger(&admin, "drill").idempotency_key("k").await.expect(202);
    assert_eq!((again.json(), again.header("idempotency-replayed")), (first, "true"));
    assert_eq!(app.executions("engine.noop").await.len(), 1);
}

#[tokio::test]
async fn while_a_run_waits_or_runs_another_is_refused_whoever_began_it() {
    let app = declared().await;
    let admin = app.admin().await;
    app.advance(MINUTE);
    app.tick().await;
    let refused = trigger(&admin, "drill").await.expect_problem("schedule-busy").json();
    assert_eq!(refused["detail"], "an earlier run of this schedule is not over");
    let set = "update executions set state = $1, started_at = case when $1 = 'running' then created_at end";
    app.db().conn().run(set, ["running".into()]).await.unwrap();
    trigger(&admin, "drill").await.expect_problem("schedule-busy");
    app.db().conn().run(set, ["queued".into()]).await.unwrap();
    app.drain_jobs().await;
    trigger(&admin, "drill").await.expect(202);
    // And the other way round: what is due meets the run by hand.
    app.advance(MINUTE);
    app.tick().await;
    assert_eq!(history(&admin, "drill").await[0]["state"], "skipped");
    assert_eq!(job(&admin, "drill").await["latest_execution"]["state"], "queued", "the skipped one did not run");
    app.drain_jobs().await;
    assert_eq!(history(&admin, "drill").await.len(), 3);
}

#[tokio::test]
async fn a_job_that_never_runs_twice_at_a_time_is_locked_by_any_run_of_its_kind() {
    let app = declared().await;
    let admin = app.admin().await;
    let elsewhere = app.enqueue(&DeleteOldExecutions {}, Enqueue::now()).await;
    let set = "update executions set state = $1 where id = $2";
    app.db().conn().run(set, ["running".into(), elsewhere.0.into()]).await.unwrap();
    let refused = trigger(&admin, "lonely").await.expect_problem("schedule-busy").json();
    assert!(refused["detail"].as_str().unwrap().contains("never runs twice"), "{refused}");
    assert!(history(&admin, "lonely").await.is_empty(), "a refused run leaves nothing");
    app.db().conn().run(set, ["queued".into(), elsewhere.0.into()]).await.unwrap();
    app.drain_jobs().await;
    trigger(&admin, "lonely").await.expect(202);
    app.drain_jobs().await;
    assert_eq!(job(&admin, "lonely").await["latest_execution"]["success"], true);
}

#[tokio::test]
async fn many_who_ask_at_once_get_one_run() {
    let app = declared().await;
    let admin = app.admin().await;
    let ask = || trigger(&admin, "drill").send();
    let answers = tokio::join!(ask(), ask(), ask(), ask());
    let mut statuses = [answers.0.status, answers.1.status, answers.2.status, answers.3.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409, 409, 409]);
    app.drain_jobs().await;
}

#[tokio::test]
async fn a_paused_job_says_so_does_not_tick_may_still_be_run_and_is_resumed() {
    let app = declared().await;
    let (admin, hr) = (app.admin().await, app.person("hr_admin").await);
    let paused =
        admin.post(&format!("{JOBS}/drill/pause")).json(json!({ "reason": "mail is down" })).await.expect(200).json();
    let told = |job: &Value| json!([job["enabled"], job["state"], job["state_reason"], job["next_run"]]);
    assert_eq!(told(&paused), json!([false, "paused", "mail is down", null]));
    assert_eq!(job(&hr, "drill").await, paused);
    admin.post(&format!("{JOBS}/drill/pause")).await.expect_problem("schedule-state");
    app.advance(10 * MINUTE);
    app.tick().await;
    assert!(app.executions("engine.noop").await.is_empty());
    declare(&app).await;
    assert_eq!(job(&hr, "drill").await["state_reason"], "mail is down", "a deploy does not resume it");
    trigger(&admin, "drill").await.expect(202);
    app.drain_jobs().await;

    let resumed = admin.post(&format!("{JOBS}/drill/resume")).await.expect(200).json();
    assert_eq!(told(&resumed), json!([true, "active", null, "2026-01-05T10:11:00Z"]));
    admin.post(&format!("{JOBS}/drill/resume")).await.expect_problem("schedule-state");
    app.advance(MINUTE);
    assert_eq!(app.tick().await.written, 1);
    app.drain_jobs().await;
    let audited = "select count(*) from audit_log where target = 'scheduled_job:drill' and outcome = 'done'
                   and action in ('scheduled_job.pause', 'scheduled_job.resume')";
    assert_eq!(app.db().conn().scalar::<i64, _>(audited, []).await.unwrap(), Some(2));
}

#[tokio::test]
async fn without_a_reason_a_pause_says_who_paused() {
    let app = declared().await;
    let admin = app.admin().await;
    for (id, request) in [
        ("drill", admin.post(&format!("{JOBS}/drill/pause"))),
        ("lonely", admin.post(&format!("{JOBS}/lonely/pause")).json(json!({}))),
    ] {
        let paused = request.await.expect(200).json();
        assert_eq!(paused["state_reason"], format!("paused by system_admin (user:{})", admin.id), "{id}");
    }
}

#[tokio::test]
async fn a_job_that_is_no_longer_declared_keeps_its_history_and_cannot_be_run() {
    let app = declared().await;
    let admin = app.admin().await;
    trigger(&admin, "drill").await.expect(202);
    app.drain_jobs().await;
    schedules::upsert_declared(app.db(), &[], &app.registry()).await.unwrap();
    let gone = job(&admin, "drill").await;
    assert_eq!((&gone["enabled"], &gone["state"]), (&json!(false), &json!("disabled")));
    for act in ["trigger", "pause", "resume"] {
        admin.post(&format!("{JOBS}/drill/{act}")).await.expect_problem("schedule-state");
    }
    assert_eq!(history(&admin, "drill").await.len(), 1);
}

#[tokio::test]
async fn a_failure_is_told_as_one_and_its_trace_only_to_those_who_may_run_the_job() {
    let app = declared().await;
    app.allow_error("engine.noop");
    let admin = app.admin().await;
    trigger(&admin, "faulty").await.expect(202);
    app.drain_jobs().await;
    let failed = job(&admin, "faulty").await["latest_execution"].clone();
    assert_eq!((&failed["state"], &failed["success"]), (&json!("failed"), &json!(false)));
    assert_eq!(failed["message"], "internal-error: asked to fail for good");
    let row = history(&admin, "faulty").await[0].clone();
    assert_eq!((&row["success"], &row["error_trace"]), (&json!(false), &json!("asked to fail for good")));
    for role in ["hr_admin", "operator"] {
        let person = app.person(role).await;
        for path in ["", "/faulty", "/faulty/history", "/executions/recent"] {
            let text = person.get(&format!("{JOBS}{path}")).await.expect(200).text();
            assert!(!text.contains("error_trace") && !text.contains("asked to fail"), "{role} {path}: {text}");
            assert!(text.contains("attempt 1 failed: internal-error"), "{role} {path}: {text}");
        }
    }
}

#[tokio::test]
async fn a_history_has_numbered_pages_the_newest_first() {
    let app = declared().await;
    let admin = app.admin().await;
    for _ in 0..5 {
        app.advance(MINUTE);
        app.tick().await;
        app.drain_jobs().await;
    }
    app.advance(MINUTE);
    app.tick().await; // one waits
    let page = async |page: u8| {
        let page = admin.get(&format!("{JOBS}/drill/history?page={page}&limit=2")).await.expect(200).json();
        assert_eq!((&page["total"], &page["limit"]), (&json!(6), &json!(2)));
        let due = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["scheduled_for"].as_str().unwrap()[14..16].to_owned());
        due.collect::<Vec<_>>()
    };
    assert_eq!((page(1).await, page(2).await), (vec!["06".into(), "05".into()], vec!["04".into(), "03".into()]));
    assert_eq!((page(3).await, page(4).await), (vec!["02".into(), "01".into()], Vec::<String>::new()));
    app.drain_jobs().await;
}

#[tokio::test]
async fn what_ran_lately_is_listed_across_jobs_the_latest_end_first() {
    let app = declared().await;
    let admin = app.admin().await;
    trigger(&admin, "lonely").await.expect(202);
    app.drain_jobs().await;
    app.advance(90 * MINUTE);
    app.db()
        .conn()
        .run("update schedules set next_run_at = next_run_at + interval '1 day' where name = 'faulty'", [])
        .await
        .unwrap();
    app.tick().await;
    app.drain_jobs().await;
    app.enqueue(&Noop::default(), Enqueue::now()).await; // nobody's schedule
    app.drain_jobs().await;
    app.advance(MINUTE);
    let admin = app.log_in(&admin.email).await;
    trigger(&admin, "drill").await.expect(202);
    let recent = async |query: &str| {
        let page = admin.get(&format!("{JOBS}/executions/recent{query}")).await.expect(200).json();
        let rows = page["items"].as_array().unwrap().iter();
        let rows = rows.map(|row| format!("{} {}", row["job_id"].as_str().unwrap(), row["state"].as_str().unwrap()));
        (rows.collect::<Vec<_>>(), page["next_cursor"].clone())
    };
    let (rows, next) = recent("?hours=1").await;
    assert_eq!(
        (rows, next),
        (vec!["drill queued".to_owned(), "drill succeeded".into(), "drill missed".into()], Value::Null)
    );
    assert_eq!(recent("").await.0.last().unwrap(), "lonely succeeded");
    let (first, next) = recent("?hours=1&limit=2").await;
    let (second, end) = recent(&format!("?hours=1&limit=2&cursor={}", next.as_str().unwrap())).await;
    assert_eq!((first.len(), second.as_slice(), end), (2, ["drill missed".to_owned()].as_slice(), Value::Null));
    app.drain_jobs().await;
}
