//! The jobs of this domain.

mod purge_cache;
mod settle;
mod summarise;

use std::time::Duration;

use jobs::Registry;
use schedules::Recurring;

pub(crate) use self::summarise::Summarise;
use crate::Books;
use purge_cache::PurgeCache;
use settle::SettleRequests;

pub(crate) fn register(registry: &mut Registry, books: &Books) {
    registry.add::<Summarise>(books.clone()).add::<SettleRequests>(books.clone()).add::<PurgeCache>(books.clone());
}

pub(crate) fn recurring() -> Vec<Recurring> {
    let settle = Recurring::new("settle_summary_requests", "* * * * *", &SettleRequests {})
        .describe("Gives units back to readers whose summary could not be made")
        .misfire_grace(Duration::from_secs(600));
    let purge = Recurring::new("purge_catalogue_cache", "40 2 * * *", &PurgeCache {})
        .describe("Deletes searches of outside catalogues that nobody repeats, and the books that only they named");
    vec![settle, purge]
}
