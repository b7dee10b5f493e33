//! The catalogue: which books there are and how they are found.
//!
//! Everything that was ever found stands in the table `books`. With a key for Google Books, searches go there and are
//! cached; when it fails, an older answer to the same question serves, else a search of what stands in Postgres.
//! Without a key that search is the catalogue, and holds the built-in books.

mod book;
mod google;
mod listing;
mod provider;
mod purge;
mod seed;
mod stored;
mod terms;

pub use book::{Book, Source};
pub use seed::{builtin, seed};

pub(crate) use book::find;
pub(crate) use listing::{Wanted, fresh, list};
pub(crate) use provider::Provider;
pub(crate) use purge::{Cached, PURGE_BATCH, purge_batch};
pub(crate) use stored::{CategoryCount, categories};
