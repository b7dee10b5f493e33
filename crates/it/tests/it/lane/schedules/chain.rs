//! Schedules that run after others, through the death of the worker.

use chrono::{TimeDelta, Timelike};
use testkit::{Lane, LaneOptions, Planned};

use super::{Entry, entries, quiet, reaches, stop};

#[tokio::test]
async fn each_round_of_a_chain_is_completed_once_although_the_worker_is_killed_on_the_way() {
    let lane = Lane::start(LaneOptions { webs: 0, ..LaneOptions::default() }).await;
    let anchor = lane.db().clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(2);
    let first = Planned::every(2, anchor).catch_up("all").takes(100).insert(lane.db()).await;
    let left = Planned::after(&[first]).takes(300).insert(lane.db()).await;
    let right = Planned::after(&[first]).takes(700).insert(lane.db()).await;
    let last = Planned::after(&[left, right]).takes(100).insert(lane.db()).await;
    reaches(&lane, last, "succeeded", 1).await;
    // One of the two has ended in this round, the other is under way.
    reaches(&lane, left, "succeeded", 2).await;
    lane.worker(0).kill9();
    lane.worker(0).wait().await;
    lane.worker(0).restart().await;
    reaches(&lane, last, "succeeded", 3).await;
    stop(&lane).await;
    quiet(&lane).await;
    let rounds = entries(&lane, first).await;
    assert!(rounds.len() >= 4, "{rounds:#?}");
    for schedule in [left, right, last] {
        let runs = entries(&lane, schedule).await;
        assert_eq!(runs.len(), rounds.len(), "{runs:#?}");
        assert!(runs.iter().all(|run| run.state == "succeeded" && run.effects == 1), "{runs:#?}");
        let count = |round: &Entry| runs.iter().filter(|run| run.correlation_id == round.correlation_id).count();
        assert!(rounds.iter().all(|round| count(round) == 1), "one in each round: {runs:#?}");
        let mut names: Vec<_> = runs.iter().map(|run| run.round.clone().expect("a round")).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rounds.len(), "{names:?}");
    }
    assert_eq!(lane.count("select count(*) from schedule_rounds", []).await, 0, "no round is left undecided");
    let second = entries(&lane, right).await;
    assert!(second.iter().any(|run| run.attempt == 2), "the kill hit one that ran: {second:#?}");
}
