//! A job that takes longer than the time between its due times, under each overlap policy.

use chrono::{TimeDelta, Timelike};
use testkit::{Lane, LaneOptions, Planned};

use super::{Entry, each_due_time_is_accounted_for_once, entries, insert_all, quiet, reaches, states, stop};

/// The most of them that ran at the same time.
fn at_once(entries: &[Entry]) -> usize {
    let ran = entries.iter().filter_map(|entry| Some((entry.started_at?, entry.finished_at?)));
    let ran: Vec<_> = ran.collect();
    let during = |at| ran.iter().filter(|(from, to)| *from <= at && at < *to).count();
    ran.iter().map(|(from, _)| during(*from)).max().unwrap_or_default()
}

fn left_out<'a>(entries: &'a [Entry], why: &'a str) -> impl Iterator<Item = &'a Entry> {
    let because = move |entry: &&Entry| entry.message.as_deref().is_some_and(|message| message.contains(why));
    entries.iter().filter(|entry| entry.state == "skipped").filter(because)
}

#[tokio::test]
async fn a_long_job_overlaps_as_its_schedule_says() {
    // With a lease this long, no renewal brings a cancellation to the worker in time.
    let lane = Lane::start(LaneOptions { webs: 0, ..LaneOptions::default() }.env("JOB_LEASE", "60s")).await;
    let anchor = lane.db().clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(2);
    let planned = [("skip", 1), ("queue_one", 1), ("allow", 2), ("cancel_running", 1)]
        .map(|(policy, most)| Planned::every(2, anchor).takes(4_500).overlap(policy, most));
    let ids = insert_all(&lane, &planned).await;
    reaches(&lane, ids[0], "succeeded", 2).await;
    stop(&lane).await;
    quiet(&lane).await;
    for (id, planned) in ids.iter().zip(&planned) {
        assert!(each_due_time_is_accounted_for_once(&lane, *id, planned).await >= 5);
    }
    let [skip, queue_one] = [entries(&lane, ids[0]).await, entries(&lane, ids[1]).await];
    let [allow, cancel] = [entries(&lane, ids[2]).await, entries(&lane, ids[3]).await];
    assert_eq!(at_once(&skip), 1, "{skip:#?}");
    assert_eq!(states(&skip)[..5], ["succeeded", "skipped", "skipped", "succeeded", "skipped"]);
    assert_eq!(left_out(&skip, "an earlier run of this schedule is not over").count(), states(&skip).len() - 2);

    assert_eq!(at_once(&queue_one), 1, "{queue_one:#?}");
    assert_eq!(states(&queue_one)[..3], ["succeeded", "succeeded", "skipped"]);
    assert!(left_out(&queue_one, "a run of this schedule waits already").count() >= 1, "{queue_one:#?}");
    let ends: Vec<_> = queue_one.iter().filter_map(|entry| entry.finished_at.filter(|_| entry.effects == 1)).collect();
    let waited = queue_one[1].started_at.unwrap() - ends[0];
    assert!(waited < TimeDelta::seconds(3), "the one that waited began {waited} after the other's end");

    assert_eq!(at_once(&allow), 2, "{allow:#?}");
    assert!(left_out(&allow, "at most 2 may be").count() >= 1, "{allow:#?}");

    assert_eq!(states(&cancel).last(), Some(&"succeeded"), "{cancel:#?}");
    assert!(states(&cancel)[..cancel.len() - 1].iter().all(|state| *state == "cancelled"), "{cancel:#?}");
    assert_eq!(cancel.iter().map(|entry| entry.effects).sum::<i64>(), 1, "{cancel:#?}");
    let took = |entry: &Entry| Some(entry.finished_at? - entry.started_at?);
    let longest = cancel[..cancel.len() - 1].iter().filter_map(took).max().unwrap();
    assert!(longest < TimeDelta::milliseconds(4_000), "one went on for {longest} after it was to stop at 2 s");
}
