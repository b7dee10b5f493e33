//! The audit log: who changed what, and who was refused. Rows are added and never touched again.
//!
//! Owns the table `audit_log`. Its invariants:
//! - A change is recorded in the transaction that makes it ([`record`]): there is none without its row, and no row
//!   without its change.
//! - The database refuses updates, deletes and truncates of the table, whoever asks.
//! - The actor is the authenticated identity. What the caller says of itself is a label beside it.
//! - What looks like a secret is never stored ([`diff`]).
//!
//! A refused request is recorded by [`refusals`], the middleware around the API.

mod diff;
mod http;
mod naming;
mod read;
mod record;
mod refusals;

use store::Db;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use diff::{Difference, diff};
pub use record::{Change, Refused, record, record_many, record_refused};
pub use refusals::refusals;

/// The routes of this crate, by their full paths; their state is the database.
pub fn routes() -> OpenApiRouter<Db> {
    OpenApiRouter::new().routes(routes!(http::list))
}
