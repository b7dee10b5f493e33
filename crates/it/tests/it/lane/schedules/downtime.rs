//! Due times while no worker ran, with several workers, and around a worker's death.

use std::time::Duration;

use chrono::{TimeDelta, Timelike};
use testkit::{Lane, LaneOptions, Planned};

use super::{each_due_time_is_accounted_for_once, entries, insert_all, quiet, states, stop};

fn workers(count: usize) -> LaneOptions {
    LaneOptions { webs: 0, workers: count, ..LaneOptions::default() }
}

#[tokio::test]
async fn a_worker_that_was_away_for_three_due_times_does_what_each_catch_up_policy_says() {
    let lane = Lane::start(workers(1)).await;
    lane.worker(0).kill9();
    lane.worker(0).wait().await;
    // Three due times from two seconds on, and then none for most of a minute.
    let now = lane.db().clock().now();
    let dues = [2, 4, 6].map(|after| now.with_nanosecond(0).unwrap() + TimeDelta::seconds(after));
    let seconds = dues.map(|due| due.second().to_string()).join(",");
    let planned =
        ["latest", "all", "none"].map(|policy| Planned::cron(&format!("{seconds} * * * * *"), "UTC").catch_up(policy));
    let ids = insert_all(&lane, &planned).await;
    // Longer than a tick that is merely late.
    let wait = dues[2] + TimeDelta::milliseconds(5_500) - now;
    tokio::time::sleep(wait.to_std().unwrap()).await;
    lane.worker(0).restart().await;
    lane.eventually(super::PATIENCE, async || {
        lane.count("select count(*) from executions where schedule_id is not null and kind = 'engine.noop'", []).await
            >= 6
    })
    .await;
    quiet(&lane).await;
    for (id, planned) in ids.iter().zip(&planned) {
        assert_eq!(each_due_time_is_accounted_for_once(&lane, *id, planned).await, 3);
    }
    let [latest, all, none] =
        [entries(&lane, ids[0]).await, entries(&lane, ids[1]).await, entries(&lane, ids[2]).await];
    assert_eq!(states(&latest), ["missed", "succeeded"]);
    assert_eq!((latest[0].covers_to, latest[1].scheduled_for), (Some(dues[1]), Some(dues[2])));
    assert_eq!(latest[0].message.as_deref().map(|text| text.contains("stands for it")), Some(true), "{latest:#?}");
    assert_eq!(states(&all), ["succeeded"; 3]);
    assert_eq!(states(&none), ["missed"]);
    assert_eq!((none[0].scheduled_for, none[0].covers_to), (Some(dues[0]), Some(dues[2])));
    assert_eq!(none[0].message.as_deref().map(|text| text.contains("does not catch up")), Some(true), "{none:#?}");
    let effects = latest.iter().chain(&all).chain(&none).map(|entry| entry.effects);
    assert_eq!(effects.collect::<Vec<_>>(), [0, 1, 1, 1, 1, 0]);
}

#[tokio::test]
async fn with_two_workers_each_due_time_runs_once() {
    let lane = Lane::start(workers(2)).await;
    let anchor = lane.db().clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(2);
    let planned: Vec<Planned> = (0..10).map(|_| Planned::every(1, anchor).catch_up("all").takes(50)).collect();
    let ids = insert_all(&lane, &planned).await;
    super::reaches(&lane, ids[0], "succeeded", 3).await;
    // The other one goes on alone.
    lane.worker(0).kill9();
    super::reaches(&lane, ids[0], "succeeded", 6).await;
    stop(&lane).await;
    quiet(&lane).await;
    for (id, planned) in ids.iter().zip(&planned) {
        assert!(each_due_time_is_accounted_for_once(&lane, *id, planned).await >= 6);
        for entry in entries(&lane, *id).await {
            assert_eq!((entry.state.as_str(), entry.effects, entry.covers_to), ("succeeded", 1, None), "{entry:#?}");
        }
    }
    let workers = "select count(distinct worker) from executions where schedule_id is not null";
    assert_eq!(lane.count(workers, []).await, 2);
}

#[tokio::test]
async fn a_run_whose_worker_is_killed_between_the_insert_and_the_push_is_run() {
    let lane = Lane::start(workers(1)).await;
    let at = lane.db().clock().now() + TimeDelta::seconds(2);
    let planned = Planned::once(at);
    let id = planned.insert(lane.db()).await;
    // Redis takes the ticket, but does not answer and never gets round to it.
    lane.redis().pause().await;
    lane.eventually(super::PATIENCE, async || !entries(&lane, id).await.is_empty()).await;
    lane.worker(0).kill9();
    lane.worker(0).wait().await;
    let without_ticket =
        "select count(*) from executions where schedule_id = $1 and state = 'queued' and dispatched_at is not null";
    assert_eq!(lane.count(without_ticket, [id.into()]).await, 1, "its row says that it has a ticket");
    lane.redis().restart_empty().await;
    lane.worker(0).restart().await;
    super::reaches(&lane, id, "succeeded", 1).await;
    quiet(&lane).await;
    assert_eq!(each_due_time_is_accounted_for_once(&lane, id, &planned).await, 1);
    let entries = entries(&lane, id).await;
    assert_eq!((entries[0].attempt, entries[0].effects), (1, 1), "{entries:#?}");
}

#[tokio::test]
async fn a_worker_that_dies_in_the_middle_of_its_ticks_loses_no_due_time() {
    let lane = Lane::start(workers(1)).await;
    let anchor = lane.db().clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(1);
    let planned: Vec<Planned> = (0..40).map(|_| Planned::every(1, anchor).catch_up("all")).collect();
    let ids = insert_all(&lane, &planned).await;
    for pause in [1_003, 1_007, 1_011] {
        super::reaches(&lane, ids[0], "succeeded", 1).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        lane.worker(0).restart().await;
    }
    stop(&lane).await;
    quiet(&lane).await;
    for (id, planned) in ids.iter().zip(&planned) {
        assert!(each_due_time_is_accounted_for_once(&lane, *id, planned).await >= 3);
        let entries = entries(&lane, *id).await;
        assert!(entries.iter().all(|entry| entry.state == "succeeded" && entry.effects == 1), "{entries:#?}");
    }
}
