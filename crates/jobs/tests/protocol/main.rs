//! A model of how work is claimed, kept and ended, explored exhaustively: what the engine does passes, and every guard that is
//! taken away is refuted with a shortest counterexample. `docs/protocol.md` shows them; these tests keep it true.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod explore;
mod rules;
mod world;

use explore::{Counterexample, explore};
use rules::{Ack, Claim, Completion, Fence, Protocol, Relay, Sweeper};
use world::{Faults, Setting, Violation};

const DOCUMENT: &str = include_str!("../../../../docs/protocol.md");

/// One job, two workers, up to five faults of these kinds.
fn one_job(protocol: Protocol, kinds: Faults) -> Setting {
    Setting { protocol, executions: 1, workers: 2, kinds, faults: 5 }
}

/// Asserts that nothing wrong can be reached, and that the document tells the size of what was looked at.
fn holds(name: &str, setting: &Setting) {
    let explored = explore(setting, &[]);
    if let Some(counterexample) = explored.counterexample {
        panic!("{name}:\n{counterexample}");
    }
    let line = format!("| {name} | {} | {} |", explored.worlds, explored.steps);
    assert!(DOCUMENT.contains(&line), "docs/protocol.md should have the line\n{line}");
}

/// Asserts that `violation` can be reached, and that the document shows the shortest way there.
fn refuted(setting: &Setting, violation: Violation) -> Counterexample {
    let counterexample = explore(setting, &[violation]).counterexample;
    let counterexample = counterexample.unwrap_or_else(|| panic!("{violation:?} cannot be reached"));
    assert_eq!(counterexample.violation, violation);
    let shown = counterexample.to_string();
    assert!(DOCUMENT.contains(&shown), "docs/protocol.md should show\n{shown}");
    counterexample
}

#[test]
fn nothing_is_lost_or_doubled_by_any_five_faults() {
    holds("one job, two workers, five faults", &one_job(Protocol::OURS, Faults::ALL));
}

#[test]
fn nothing_is_lost_or_doubled_with_three_workers_and_attempts() {
    let protocol = Protocol { attempts: 3, ..Protocol::OURS };
    let setting = Setting { workers: 3, faults: 5, ..one_job(protocol, Faults::ALL) };
    holds("one job of three attempts, three workers, five faults", &setting);
}

#[test]
fn nothing_is_lost_or_doubled_between_two_jobs() {
    let setting = Setting { executions: 2, faults: 2, ..one_job(Protocol::OURS, Faults::ALL) };
    holds("two jobs, two workers, two faults", &setting);
}

#[test]
fn without_a_fence_a_stalled_worker_completes_over_its_successor() {
    let setting = one_job(Protocol { fence: Fence::Nothing, ..Protocol::OURS }, Faults::STALL);
    refuted(&setting, Violation::StaleCompletion);
    refuted(&setting, Violation::DoubleEffect);
}

#[test]
fn that_the_row_is_running_is_no_fence() {
    let setting = one_job(Protocol { fence: Fence::Running, ..Protocol::OURS }, Faults::STALL);
    refuted(&setting, Violation::StaleCompletion);
}

#[test]
fn the_attempt_number_is_a_fence_until_postgres_forgets_a_claim() {
    let protocol = Protocol { fence: Fence::Attempt, ..Protocol::OURS };
    refuted(&one_job(protocol, Faults::CRASH), Violation::StaleCompletion);
    holds("fenced by the attempt number, no crash of Postgres", &one_job(protocol, Faults::ALL.without(Faults::CRASH)));
}

#[test]
fn without_the_compare_and_set_a_second_ticket_robs_and_doubles() {
    let setting = one_job(Protocol { claim: Claim::Anything, ..Protocol::OURS }, Faults::FORGERY);
    refuted(&setting, Violation::Robbed);
    refuted(&setting, Violation::DoubleEffect);
}

#[test]
fn a_claim_that_trusts_its_ticket_for_the_time_starts_early() {
    refuted(&one_job(Protocol { claim: Claim::Queued, ..Protocol::OURS }, Faults::STALL), Violation::Early);
}

#[test]
fn without_the_relay_a_lost_ticket_is_a_lost_job() {
    refuted(&one_job(Protocol { relay: Relay::Absent, ..Protocol::OURS }, Faults::LOSS), Violation::LostJob);
}

#[test]
fn a_relay_that_believes_in_what_was_dispatched_loses_jobs() {
    let protocol = Protocol { relay: Relay::Undispatched, ..Protocol::OURS };
    refuted(&one_job(protocol, Faults::LOSS), Violation::LostJob);
}

#[test]
fn a_sweeper_that_does_not_look_at_the_lease_robs_the_living() {
    let setting = one_job(Protocol { sweeper: Sweeper::Anything, ..Protocol::OURS }, Faults::NONE);
    refuted(&setting, Violation::Robbed);
}

#[test]
fn without_a_sweeper_the_row_of_a_dead_worker_runs_for_ever() {
    refuted(&one_job(Protocol { sweeper: Sweeper::Absent, ..Protocol::OURS }, Faults::DEATH), Violation::StuckRow);
}

#[test]
fn to_acknowledge_before_the_claim_needs_the_relay() {
    let protocol = Protocol { relay: Relay::Absent, ..Protocol::OURS };
    refuted(&one_job(protocol, Faults::DEATH), Violation::LostJob);
    let acknowledged_later = Protocol { ack: Ack::AfterClaim, ..protocol };
    holds("acknowledged after the claim, no relay, only deaths", &one_job(acknowledged_later, Faults::DEATH));
}

#[test]
fn an_effect_apart_from_its_completion_happens_twice() {
    let protocol = Protocol { completion: Completion::AfterTheEffect, ..Protocol::OURS };
    refuted(&one_job(protocol, Faults::DEATH), Violation::DoubleEffect);
}

#[test]
fn a_completion_that_does_not_wait_for_the_disk_is_undone() {
    let protocol = Protocol { completion: Completion::InMemory, ..Protocol::OURS };
    refuted(&one_job(protocol, Faults::CRASH), Violation::Undone);
}
