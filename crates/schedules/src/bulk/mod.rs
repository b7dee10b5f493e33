//! Many schedules at once: created in one request, or paused, resumed, run, deleted or tagged by their ids or by a filter.
//!
//! **Invariants:** each schedule is judged by itself, by the rules of the single operations; what is done to a batch is
//! committed together, with its audit. A filter's work is a task whose position is committed with each batch
//! ([`task`]), so that no schedule is run twice whatever happens to the worker.

mod apply;
mod create;
mod http;
mod insert;
mod outcome;
mod progress;
mod request;
mod task;
mod trigger;

use axum::extract::DefaultBodyLimit;
use edge::Idempotency;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

pub(crate) use self::task::BulkOperation;
use crate::Schedules;

/// Schedules in one request.
const MOST: usize = 1000;
/// The largest body of one, in bytes.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

pub(crate) fn routes(cx: &Schedules) -> OpenApiRouter<Schedules> {
    let once = Idempotency::new(cx.db.clone());
    // The limit is outside of the other layer, which reads the body.
    let large = (DefaultBodyLimit::max(LARGEST_BODY), once.clone());
    OpenApiRouter::new()
        .routes(routes!(http::create_many).layer(large))
        .routes(routes!(http::operate).layer(once))
        .routes(routes!(http::show_operation))
}
