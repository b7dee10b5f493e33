//! The domains, listed by hand: what they serve, run and refuse.

use chrono::TimeDelta;
use jobs::Registry;
use kernel::{ExecutionId, Kind, Result, UserId};
use schedules::{Recurring, Retention};
use utoipa_axum::router::OpenApiRouter;

use crate::{Parts, housekeeping};

/// The routes of all domains.
pub fn routes(parts: &Parts) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(audit::routes().with_state(parts.db.clone()))
        .merge(schedules::routes(&parts.schedules).with_state(parts.schedules.clone()))
        .merge(accounts::routes(&parts.accounts).with_state(parts.accounts.clone()))
        .merge(books::routes(&parts.books).with_state(parts.books.clone()))
        .merge(executions::routes(&parts.executions).with_state(parts.executions.clone()))
}

/// Every kind of job that can be run.
pub fn registry(parts: &Parts) -> Registry {
    let mut registry = Registry::default();
    accounts::jobs(&mut registry, &parts.accounts);
    books::jobs(&mut registry, &parts.books);
    let keep = TimeDelta::days(parts.config.engine.retention_days.into());
    schedules::jobs(&mut registry, &parts.schedules, Retention { db: parts.db.clone(), keep });
    housekeeping::jobs(&mut registry, &parts.db);
    registry
}

/// The recurring jobs of all domains.
pub fn recurring() -> Vec<Recurring> {
    [schedules::recurring(), accounts::recurring(), books::recurring(), housekeeping::recurring()].concat()
}

/// Whether `reader` may watch `execution`, though somebody else caused it: many readers may wait for the same work.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn may_watch(parts: &Parts, reader: UserId, execution: ExecutionId) -> Result<bool> {
    parts.books.may_watch(reader, execution).await
}

/// Every kind of problem, by crate.
pub fn problem_kinds() -> Vec<&'static Kind> {
    [
        kernel::kinds::ALL,
        edge::problems::ALL,
        gateways::problems::ALL,
        jobs::problems::ALL,
        schedules::problems::ALL,
        accounts::problems::ALL,
        books::problems::ALL,
        crate::problems::ALL,
    ]
    .concat()
}

/// The kind of problem that `slug` names.
pub fn problem_kind(slug: &str) -> Option<&'static Kind> {
    problem_kinds().into_iter().find(|kind| kind.slug == slug)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_kinds_of_problems_share_a_slug() {
        let mut known = BTreeSet::new();
        for kind in problem_kinds() {
            assert!(known.insert(kind.slug), "{} is declared twice", kind.slug);
        }
    }

    #[tokio::test]
    async fn the_arguments_of_whatever_may_be_scheduled_can_be_checked() {
        let registry = registry(&Parts::for_document().unwrap());
        let kinds: Vec<_> = registry.kinds().map(|info| info.kind).collect();
        let schedulable: Vec<_> = kinds.into_iter().filter(|kind| registry.schedulable(kind).is_some()).collect();
        assert!(schedulable.contains(&"engine.noop"), "{schedulable:?}");
        for kind in schedulable {
            let problem = registry.check_args(kind, &serde_json::Value::Null, "/args").unwrap_err();
            assert!(problem.is(&jobs::problems::BAD_ARGS), "{problem}");
        }
    }

    #[tokio::test]
    async fn every_recurring_job_is_one_that_can_be_run() {
        let registry = registry(&Parts::for_document().unwrap());
        let mut names = BTreeSet::new();
        for recurring in recurring() {
            registry.check(recurring.kind, &recurring.args).unwrap();
            assert!(names.insert(recurring.name), "{} is declared twice", recurring.name);
        }
    }
}
