//! The catalogue and its summaries.

mod catalogue;
mod google;
mod models;
mod quota;
mod summaries;
