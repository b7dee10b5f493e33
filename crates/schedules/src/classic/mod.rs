//! The classic administration of jobs: the schedules that the code declares, each by its name.
//!
//! A job's id is the name of its schedule, which never changes. Running one by hand goes through [`crate::write::trigger`], so that
//! the overlap rule and the lock of an exclusive job count as they do when it is due.

mod act;
mod look;
mod query;
mod rows;
mod view;

use edge::Idempotency;
use kernel::{Problem, kinds};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::Schedules;

/// The permission to see jobs.
const READ: &str = "scheduled_job.read";
/// The permission to run, pause and resume them, and to see the traces of their errors.
const EXECUTE: &str = "scheduled_job.execute";

pub(crate) fn routes(cx: &Schedules) -> OpenApiRouter<Schedules> {
    let once = Idempotency::new(cx.db.clone());
    OpenApiRouter::new()
        .routes(routes!(look::list))
        .routes(routes!(look::recent))
        .routes(routes!(look::show))
        .routes(routes!(look::history))
        .routes(routes!(act::trigger).layer(once.clone()))
        .routes(routes!(act::pause).layer(once.clone()))
        .routes(routes!(act::resume).layer(once))
}

fn unknown(job_id: &str) -> Problem {
    Problem::new(&kinds::NOT_FOUND).detail(format!("there is no job {job_id}"))
}
