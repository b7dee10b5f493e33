//! Postgres: the pool, the one transaction helper, and what its errors mean.

mod db;
mod faults;
mod schema;
mod sql;
mod tx;

pub use db::Db;
pub use faults::{constraint, is_connection_loss, is_retryable, on_constraint};
pub use schema::SchemaState;
pub use sql::Sql;
pub use tx::{AfterCommit, Note, Tx};
