//! Everything through PgBouncer in transaction mode, with fewer connections to Postgres than are used at once.

use std::time::Duration;

use chrono::{TimeDelta, Timelike};
use futures::{StreamExt, TryStreamExt, stream};
use jobs::{Enqueue, Noop, Trouble};
use serde_json::{Value, json};
use store::{Sql, Tx};
use testkit::{Lane, LaneOptions, Planned};

use super::{
    effects::{drill, enqueue_over, load, nothing_lost_nothing_twice},
    schedules::{each_due_time_is_accounted_for_once, insert_all, quiet, reaches, stop},
};

const CONNECTIONS: u16 = 5;
const PATIENCE: Duration = Duration::from_secs(60);

fn two_of_each() -> LaneOptions {
    LaneOptions { webs: 2, workers: 2, pgbouncer: Some(CONNECTIONS), ..LaneOptions::default() }
}

/// What those who operate it read, and a change of theirs.
async fn look_around(lane: &Lane, token: &str) {
    let paths = ["executions?limit=5", "executions/stats", "schedules", "scheduler/jobs", "me", "books?q=a", "audit"];
    for path in paths {
        let url = format!("{}/api/v1/{path}", lane.web(1).url());
        let answer = lane.http().get(&url).bearer_auth(token).send().await.unwrap();
        let status = answer.status().as_u16();
        assert!(status == 200 || status == 404, "{path}: {status} {}", answer.text().await.unwrap());
    }
    let drill =
        json!({ "name": "drill", "schedule_type": "immediate", "job": "engine.noop", "args": { "effect": "row" } });
    let url = format!("{}/api/v1/schedules", lane.web(0).url());
    let made =
        lane.http().post(url).bearer_auth(token).header("idempotency-key", "k").json(&drill).send().await.unwrap();
    assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
}

#[tokio::test]
async fn through_pgbouncer_in_transaction_mode_nothing_is_lost_or_done_twice() {
    let lane = Lane::start(two_of_each()).await;
    let (producer, token) = (lane.producer(), lane.log_in("system_admin").await);
    let anchor = lane.db().clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(1);
    let planned: Vec<Planned> = (0..5).map(|_| Planned::every(1, anchor).catch_up("all")).collect();
    let ids = insert_all(&lane, &planned).await;
    let mut others = 1; // the one that is made through the API
    for number in 0..20 {
        let unique = Noop { key: Some(format!("key-{}", number / 2)), ..drill(1) };
        let unique = enqueue_over(&producer, &unique, Enqueue::after(Duration::from_secs(8))).await.unwrap();
        others += usize::from(number % 2 == 0);
        assert!(lane.execution(unique).await.is_some());
        enqueue_over(&producer, &Noop { fail: Some(Trouble::Once), ..drill(1) }, Enqueue::now()).await.unwrap();
        others += 1;
    }
    let (enqueued, (), ()) =
        tokio::join!(load(&producer, 200, Duration::from_millis(10)), look_around(&lane, &token), async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            lane.worker(1).kill9();
        });
    let used = "select count(*) from pg_stat_activity where datname = current_database()";
    assert!(lane.count(used, []).await <= i64::from(CONNECTIONS), "PgBouncer is what holds the connections");
    reaches(&lane, ids[0], "succeeded", 4).await;
    stop(&lane).await;
    quiet(&lane).await;
    let mut due = 0;
    for (id, planned) in ids.iter().zip(&planned) {
        due += each_due_time_is_accounted_for_once(&lane, *id, planned).await;
    }
    nothing_lost_nothing_twice(&lane, enqueued.len() + others + due, PATIENCE).await;
    assert_eq!(lane.count("select count(*) from pg_prepared_statements where name <> ''", []).await, 0);
    for process in ["web-0", "web-1", "worker-0", "worker-1"] {
        let log = lane.log(process);
        let wrong = log.lines().find(|line| line.contains("prepared statement") || line.contains("bind message"));
        assert_eq!(wrong, None, "{process}");
    }
}

#[tokio::test]
async fn statements_at_the_same_time_through_pgbouncer_each_get_their_own_answer() {
    let lane = Lane::start(LaneOptions { webs: 0, workers: 0, ..two_of_each() }).await;
    let db = lane.db();
    let asked = stream::iter(0..600_i32).map(async |number| {
        let answer = match number % 4 {
            0 => db.conn().scalar("select $1::int", [number.into()]).await?,
            1 => {
                sqlx::query_scalar("select $1::int4 + $2::int4").bind(number).bind(0).fetch_optional(db.pool()).await?
            }
            2 => Some(sqlx::query_scalar("select $1::int4 - 0").bind(number).fetch_one(db.pool()).await?),
            _ => {
                db.tx(async |tx: Tx| {
                    let text: Option<Value> = tx.scalar("select to_jsonb($1::text)", ["x".into()]).await?;
                    assert_eq!(text, Some(json!("x")));
                    tx.scalar("select $1::int * 1", [number.into()]).await
                })
                .await?
            }
        };
        kernel::Result::<(i32, Option<i32>)>::Ok((number, answer))
    });
    let answers: Vec<(i32, Option<i32>)> = asked.buffer_unordered(16).try_collect().await.unwrap();
    assert_eq!(answers.len(), 600);
    assert!(answers.iter().all(|(number, answer)| *answer == Some(*number)), "{answers:?}");
}
