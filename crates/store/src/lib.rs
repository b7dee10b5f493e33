//! Postgres: the pool, the one transaction helper, and what its errors mean.

mod conn;
mod db;
mod faults;
mod floor;
mod guard;
mod pool;
mod schema;
mod sql;
mod tx;

pub use conn::Conn;
pub use db::Db;
pub use faults::{constraint, is_connection_loss, is_lock_timeout, is_retryable, on_constraint};
pub use floor::Floor;
pub use guard::{BeforeCommit, guarded};
pub use pool::Pool;
pub use schema::SchemaState;
pub use sql::Sql;
pub use tx::{AfterCommit, Note, Tx};
