//! The problem kinds that the application owns, and the list of all of them.

use kernel::Kind;

/// The process is not ready.
pub static NOT_READY: Kind = Kind { slug: "not-ready", title: "The service is not ready", status: 503 };
/// Migrations are missing.
pub static SCHEMA_OUTDATED: Kind =
    Kind { slug: "schema-outdated", title: "The database schema is older than this program", status: 503 };
/// The process is stopping.
pub static SHUTTING_DOWN: Kind = Kind { slug: "shutting-down", title: "The service is shutting down", status: 503 };

/// Every kind of this crate.
pub static ALL: &[&Kind] = &[&NOT_READY, &SCHEMA_OUTDATED, &SHUTTING_DOWN];
