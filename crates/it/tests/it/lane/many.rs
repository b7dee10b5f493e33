//! Three webs behind a load balancer and three workers: they share everything, and one of each may be lost.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Timelike};
use futures::{StreamExt, future::join_all, stream};

use reqwest::{Client, Response, StatusCode};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use store::Sql;
use testkit::{Lane, LaneOptions, Planned};

use super::{
    effects::{load, nothing_lost_nothing_twice},
    schedules::{each_due_time_is_accounted_for_once, insert_all, quiet, reaches, stop},
};

const PATIENCE: Duration = Duration::from_secs(40);

/// A client whose every request is a new connection, which the balancer gives to the next web.
fn client() -> Client {
    Client::builder().pool_max_idle_per_host(0).timeout(Duration::from_secs(10)).build().unwrap()
}

fn three_of_each() -> LaneOptions {
    LaneOptions { webs: 3, workers: 3, ..LaneOptions::default() }.env("SCHEDULE_RATE_LIMIT_PER_MINUTE", "1000000")
}

/// Asks for one drill at once through the API.
async fn ask(client: &Client, url: &str, (token, name): (&str, &str)) -> reqwest::Result<Response> {
    let drill = json!({ "name": name, "schedule_type": "immediate", "job": "engine.noop",
                        "args": { "sleep_ms": 5, "effect": "row" } });
    let request = client.post(format!("{url}/api/v1/schedules")).bearer_auth(token).header("idempotency-key", name);
    request.json(&drill).send().await
}

/// Asks as a careful client does: the same request with the same key, until there is an answer, or until it hears that the
/// answer was lost. A second run would be refused for its name, which is not accepted here.
async fn ask_until_answered(client: &Client, url: &str, (token, name): (&str, &str)) {
    let began = Instant::now();
    loop {
        let problem = match ask(client, url, (token, name)).await {
            Ok(answer) if answer.status() == StatusCode::CREATED => return,
            // Its first try may be held by a web that was killed in the middle.
            Ok(answer) if answer.status() == StatusCode::CONFLICT => {
                let problem: Value = answer.json().await.unwrap();
                let kind = problem["type"].as_str().unwrap();
                if kind.ends_with("idempotency-answer-lost") {
                    return; // done by a try that its web did not survive: the rows are counted in the end
                }
                assert!(kind.ends_with("idempotency-in-flight"), "{name}: {problem}");
                problem.to_string()
            }
            Ok(answer) => panic!("{name}: {} {}", answer.status(), answer.text().await.unwrap()),
            Err(error) => error.to_string(),
        };
        assert!(began.elapsed() < PATIENCE, "{name}: {problem}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Keeping an answer takes a while, so that most requests of a web that is killed are committed and unanswered.
const SLOW_ANSWERS: &str = "
    create function slow() returns trigger language plpgsql as $$ begin
        perform pg_sleep(0.3);
        return new;
    end $$;
    create trigger slow before update of status on idempotency_keys
        for each row when (new.status is not null) execute function slow()";

#[tokio::test]
async fn three_webs_and_three_workers_lose_one_of_each_and_do_everything_once() {
    // Postgres gives up what it does for a web that is killed.
    let lane = Lane::start(three_of_each().env("PGOPTIONS", "-c client_connection_check_interval=10")).await;
    let (balancer, client, token) = (lane.balancer().await, client(), lane.log_in("system_admin").await);
    lane.db().conn().execute_unprepared(SLOW_ANSWERS).await.unwrap();
    let anchor = lane.db().clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(1);
    let planned: Vec<Planned> = (0..10).map(|_| Planned::every(1, anchor).catch_up("all")).collect();
    let ids = insert_all(&lane, &planned).await;
    let producer = lane.producer();
    let names: Vec<String> = (0..200).map(|number| format!("drill-{number}")).collect();
    let asking = stream::iter(&names)
        .map(|name| ask_until_answered(&client, balancer.url(), (&token, name)))
        .buffer_unordered(8)
        .collect::<Vec<()>>();
    let enqueued = load(&producer, 200, Duration::from_millis(20));
    let (asked, enqueued, ()) = tokio::join!(asking, enqueued, async {
        let workers = "select count(distinct worker) from executions where worker is not null";
        let busy = async || balancer.taken().iter().all(|count| *count > 10) && lane.count(workers, []).await == 3;
        lane.eventually(PATIENCE, busy).await; // every web and every worker has a part
        lane.web(1).kill9();
        lane.worker(1).kill9();
        // The minute for which the killed web held the keys of its requests passes.
        tokio::time::sleep(Duration::from_secs(2)).await;
        lane.db().conn().execute_unprepared("drop trigger slow on idempotency_keys").await.unwrap();
        let pass = "update idempotency_keys set locked_until = now() where status is null";
        lane.db().conn().run(pass, []).await.unwrap();
    });
    reaches(&lane, ids[0], "succeeded", 5).await;
    stop(&lane).await;
    quiet(&lane).await;
    for (id, planned) in ids.iter().zip(&planned) {
        assert!(each_due_time_is_accounted_for_once(&lane, *id, planned).await >= 5);
    }
    let of_planned =
        "select count(*) from executions e join schedules s on s.id = e.schedule_id where s.created_by = 'test'";
    let due = usize::try_from(lane.count(of_planned, []).await).unwrap();
    nothing_lost_nothing_twice(&lane, asked.len() + enqueued.len() + due, PATIENCE).await;
    let immediate = "select count(*) from executions e join schedules s on s.id = e.schedule_id where s.schedule_type = 'immediate'";
    assert_eq!(lane.count(immediate, []).await, 200, "each request made one execution, however often it was sent");
}

#[tokio::test]
async fn idempotency_and_rate_limits_are_one_for_all_webs() {
    const LIMIT: usize = 60;
    let options = LaneOptions { webs: 3, workers: 0, ..LaneOptions::default() };
    let lane = Lane::start(options.env("RATE_LIMIT_PER_MINUTE", LIMIT.to_string())).await;
    let (balancer, client, token) = (lane.balancer().await, client(), lane.log_in("system_admin").await);

    let at_once = join_all((0..6).map(|_| ask(&client, balancer.url(), (&token, "drill")))).await;
    let created = at_once.iter().filter(|answer| answer.as_ref().unwrap().status() == StatusCode::CREATED).count();
    assert!(created >= 1, "one of them is done");
    let mut made = Vec::new();
    for web in 0..3 {
        let answer = ask(&client, &lane.web(web).url(), (&token, "drill")).await.unwrap();
        assert_eq!(answer.headers().get("idempotency-replayed").map(|it| it.to_str().unwrap()), Some("true"));
        made.push(answer.json::<Value>().await.unwrap()["id"].clone());
    }
    made.dedup();
    assert_eq!(made.len(), 1, "every web gives the one answer again");
    assert_eq!(lane.count("select count(*) from executions where kind = 'engine.noop'", []).await, 1);

    let (began, before) = (Instant::now(), 10); // the log-in, six at once, three again
    let books = format!("{}/api/v1/books?limit=1", balancer.url());
    let mut passed = 0;
    for _ in 0..3 * LIMIT {
        let answer = client.get(&books).send().await.unwrap();
        passed += usize::from(answer.status() == StatusCode::OK);
    }
    // One comes back each second.
    let most = LIMIT + began.elapsed().as_secs() as usize + 3;
    assert!((LIMIT - before..=most).contains(&passed), "{passed} of {} passed, at most {most} may", 3 * LIMIT);
}
