//! The routes, one endpoint family per file.

mod bulk;
mod change;
mod list;
mod query;
mod show;
mod stats;
mod view;

use edge::Idempotency;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::Executions;

/// The permission to see executions, everybody's.
const READ: &str = "execution.read";
/// The permission to run them again and to cancel them.
const WRITE: &str = "execution.write";

pub(crate) fn routes(executions: &Executions) -> OpenApiRouter<Executions> {
    let once = Idempotency::new(executions.db.clone());
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::running))
        .routes(routes!(list::recent))
        .routes(routes!(list::by_correlation))
        .routes(routes!(stats::stats))
        .routes(routes!(stats::stats_of_schedule))
        .routes(routes!(show::show))
        .routes(routes!(bulk::retry_many).layer(once.clone()))
        .routes(routes!(change::retry).layer(once.clone()))
        .routes(routes!(change::cancel).layer(once))
}
