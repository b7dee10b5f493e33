//! Books: the catalogue, and the summaries that readers ask for.
//!
//! Owns the tables `books`, `catalogue_queries`, `summaries` and `summary_requests`. Its invariants:
//! - A book has one id per source, derived from the source's own, and at most one summary.
//! - A reader pays one unit per book (`summary_requests`): it is `waiting` for an execution, `done`, or `refunded`. It moves
//!   on only under the lock on the book's row, so it is refunded once, and never after it was served.
//! - Whoever waits is served in the transaction that stores the summary, or gets the unit back: by the job that gives up,
//!   or within a minute by `books.settle_requests` when the worker died before it could.

mod books;
pub mod catalogue;
mod http;
mod jobs;
pub mod problems;
pub mod summariser;
pub mod summary;

pub use books::Books;
pub use catalogue::seed;

/// The routes of this domain, by their full paths.
pub fn routes(books: &Books) -> utoipa_axum::router::OpenApiRouter<Books> {
    http::routes(books)
}

/// The jobs of this domain.
pub fn jobs(registry: &mut ::jobs::Registry, books: &Books) {
    jobs::register(registry, books);
}

/// The recurring jobs of this domain.
pub fn recurring() -> Vec<schedules::Recurring> {
    jobs::recurring()
}
