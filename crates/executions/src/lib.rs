//! Executions over HTTP: what waits, runs and ran, why and how well, and doing it again.
//!
//! Owns no table: it reads `executions`, which the engine owns, and the names of `schedules`. What changes an execution is
//! done by `jobs::executions`; here it happens in one place, [`act`].
//!
//! **Invariant:** a statement is bounded, however many executions there are: it reads an index in the order of the answer,
//! or a stretch of the table that ends, or (statistics) an index that holds all it needs.

mod act;
mod filter;
mod http;
mod listing;
mod names;
mod reason;
mod recent;
mod row;
mod stats;

use store::Db;

/// The state of the routes. Cheap to clone.
#[derive(Clone)]
pub struct Executions {
    pub(crate) db: Db,
}

impl Executions {
    /// Reads and changes what is in `db`.
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

/// The routes, by their full paths.
pub fn routes(executions: &Executions) -> utoipa_axum::router::OpenApiRouter<Executions> {
    http::routes(executions)
}
