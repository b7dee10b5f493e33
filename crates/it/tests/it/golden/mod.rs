//! What others rely on, as reviewed files: the API's document, the kinds of jobs and problems, who may do what.
//!
//! A test that fails here shows the difference; `INSTA_UPDATE=always cargo xtask test -p it golden` accepts it, except for
//! the document, which `cargo xtask openapi` writes.

mod matrix;

use std::fmt::Write as _;

use app::{Parts, modules};
use schedules::Recurring;

/// The reviewed document is the one that people read.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[tokio::test]
async fn the_document_of_the_api() {
    let made = app::openapi::document(&Parts::for_document().unwrap());
    let made = serde_json::to_string_pretty(&made).unwrap();
    let kept = std::fs::read_to_string(DOCUMENT).unwrap();
    let mut lines = made.lines().zip(kept.lines()).enumerate();
    let first = lines.find(|(_, (made, kept))| made != kept);
    let same = first.is_none() && made.trim_end() == kept.trim_end();
    assert!(same, "docs/openapi.json is out of date: run `cargo xtask openapi` and review it; it differs at {first:?}");
}

#[tokio::test]
async fn the_kinds_of_jobs() {
    let mut text = String::new();
    for info in modules::registry(&Parts::for_document().unwrap()).kinds() {
        let policy = info.policy;
        let _ = writeln!(
            text,
            "{:<32} {:<8} {:>2} attempts, {:>5} s, {:?}",
            info.kind,
            info.queue.name(),
            policy.max_attempts,
            policy.timeout.as_secs(),
            policy.overlap
        );
    }
    insta::assert_snapshot!("job_kinds", text);
}

#[test]
fn the_recurring_jobs() {
    let mut text = String::new();
    for Recurring { name, cron, kind, args, misfire_grace, .. } in modules::recurring() {
        let grace = misfire_grace.map_or_else(|| "never too late".to_owned(), |grace| format!("within {grace:?}"));
        let _ = writeln!(text, "{name:<28} {cron:<12} {kind} {args}, {grace}");
    }
    insta::assert_snapshot!("recurring_jobs", text);
}

#[test]
fn the_kinds_of_problems() {
    let mut kinds = modules::problem_kinds();
    kinds.sort_by_key(|kind| (kind.status, kind.slug));
    let rows = kinds.iter().map(|kind| format!("{} {:<26} {}\n", kind.status, kind.slug, kind.title));
    insta::assert_snapshot!("problem_kinds", rows.collect::<String>());
}
