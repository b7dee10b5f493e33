//! Summaries: their shape, who may read them, and what they cost.

mod content;
mod ledger;
mod requests;
pub mod schema;

pub use content::*;
pub(crate) use ledger::{Made, Summary, find, keep};
pub(crate) use requests::{Asked, Making, Standing, ask, await_of, may_watch, settle, unsettled};
