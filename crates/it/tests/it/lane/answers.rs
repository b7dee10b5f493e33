//! A web that is killed between its commit and its answer.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Acquire;
use store::Sql;
use testkit::{Lane, LaneOptions};

const PATIENCE: Duration = Duration::from_secs(20);
const RUNS: &str = "select count(*) from executions where kind = 'engine.noop'";

/// Sends a request with the key `k` to one of the webs.
async fn post(lane: &Lane, web: usize, (path, token): (&str, &str), body: Value) -> reqwest::Result<(u16, Value)> {
    let url = format!("{}{path}", lane.web(web).url());
    let request = lane.http().post(url).bearer_auth(token).header("idempotency-key", "k").json(&body);
    let answer = request.send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

/// Demands a problem of this kind from the other web.
async fn refused(lane: &Lane, (path, token): (&str, &str), slug: &str) {
    let (status, problem) = post(lane, 1, (path, token), json!({})).await.unwrap();
    assert_eq!((status, &problem["type"]), (409, &json!(format!("/problems/{slug}"))), "{problem}");
}

#[tokio::test]
async fn what_a_killed_web_committed_is_not_done_again_by_another() {
    let lane = Lane::start(LaneOptions { webs: 2, workers: 0, ..LaneOptions::default() }).await;
    let token = lane.log_in("system_admin").await;
    let yearly = json!({ "name": "yearly", "cron_expression": "0 0 1 1 *", "job": "engine.noop",
                          "overlap": "allow", "max_instances": 2 });
    let (status, schedule) = post(&lane, 0, ("/api/v1/schedules", &token), yearly).await.unwrap();
    assert_eq!(status, 201, "{schedule}");
    let trigger = format!("/api/v1/schedules/{}/trigger", schedule["id"].as_str().unwrap());
    let to = (trigger.as_str(), token.as_str());

    // No answer can be kept while this lock is held.
    let hold = "create function wait() returns trigger language plpgsql as
                    $$ begin perform pg_advisory_xact_lock(1); return new; end $$;
                create trigger wait before update of status on idempotency_keys
                    for each row when (new.status is not null) execute function wait()";
    let mut connection = lane.db().pool().acquire().await.unwrap();
    sqlx::raw_sql(hold).execute(&mut *connection).await.unwrap();
    let mut held = connection.begin().await.unwrap();
    sqlx::raw_sql("select pg_advisory_xact_lock(1)").execute(&mut *held).await.unwrap();

    let dies = async {
        lane.eventually(PATIENCE, async || lane.count(RUNS, []).await == 1).await;
        lane.eventually(PATIENCE, async || lane.count(WAITING, []).await == 1).await;
        lane.web(0).kill9();
        // Postgres hears of it only when it is done waiting.
        lane.db().conn().run(END, []).await.unwrap();
        lane.eventually(PATIENCE, async || lane.count(WAITING, []).await == 0).await;
    };
    let (unanswered, ()) = tokio::join!(post(&lane, 0, to, json!({})), dies);
    unanswered.unwrap_err();
    held.rollback().await.unwrap();

    refused(&lane, to, "idempotency-in-flight").await;
    // The minute for which the killed web held the key passes.
    lane.db().conn().run("update idempotency_keys set locked_until = now() where status is null", []).await.unwrap();
    refused(&lane, to, "idempotency-answer-lost").await;
    assert_eq!(lane.count(RUNS, []).await, 1);
}

const WAITING: &str = "select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'";
const END: &str = "select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'";
