//! One page of books, from wherever it can be had.

use kernel::{Page, Problem, Result, kinds};
use serde::{Deserialize, Serialize};

use super::{Book, book, google, provider::Provider, stored};
use crate::{Books, problems};

/// How far a list can be paged through.
const FURTHEST: u32 = 10_000;

/// What a reader looks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Words; may be empty.
    pub text: String,
    /// A category by its exact name.
    pub category: Option<String>,
}

impl Wanted {
    fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.category.is_none()
    }
}

/// Where the next page begins. A list goes on where it began: the results of two catalogues do not line up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    #[serde(rename = "c")]
    catalogue: Catalogue,
    #[serde(rename = "n")]
    start: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Catalogue {
    Stored,
    Google,
}

/// At most `limit` books from `position` on.
///
/// # Errors
/// `validation-failed` for a cursor that leads nowhere; `catalogue-unavailable` when a search that Google Books began
/// cannot go on; `unavailable` when Postgres is away.
pub(crate) async fn list(books: &Books, wanted: &Wanted, position: Option<Position>, limit: u64) -> Result<Page<Book>> {
    let start = position.map_or(0, |position| position.start);
    if start > FURTHEST {
        return Err(Problem::new(&kinds::VALIDATION_FAILED).field("/cursor", "leads further than lists go"));
    }
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let from_google = position.is_none_or(|position| position.catalogue == Catalogue::Google);
    if let Provider::Google(google) = &books.provider
        && from_google
        && !wanted.is_empty()
        && let Some(found) = google::search(books, google, wanted, google::Span { start, limit }).await?
    {
        return Ok(page(found.books, found.has_more, Position { catalogue: Catalogue::Google, start }, found.read));
    }
    if position.is_some_and(|position| position.catalogue == Catalogue::Google) {
        return Err(Problem::new(&problems::CATALOGUE_AWAY));
    }
    let mut found = stored::search(&books.db, wanted, start, limit.saturating_add(1)).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    Ok(page(found, has_more, Position { catalogue: Catalogue::Stored, start }, limit))
}

fn page(items: Vec<Book>, has_more: bool, position: Position, read: u32) -> Page<Book> {
    let next = Position { start: position.start.saturating_add(read), ..position };
    let more = has_more && next.start <= FURTHEST;
    Page { items, next_cursor: more.then(|| kernel::Cursor::encode(&next)) }
}

/// The book, read anew from its catalogue when what we have is old.
///
/// # Errors
/// `not-found`; `unavailable` when Postgres is away.
pub(crate) async fn fresh(books: &Books, id: kernel::BookId) -> Result<Book> {
    if let Provider::Google(google) = &books.provider {
        google::refresh(books, google, id).await?;
    }
    let found = book::find(books.db.conn(), id).await?;
    found.ok_or_else(|| Problem::new(&kinds::NOT_FOUND).detail("There is no such book."))
}

#[cfg(test)]
mod tests {
    use kernel::Cursor;

    use super::*;

    #[test]
    fn a_cursor_remembers_its_catalogue_and_counts_on() {
        let position = Position { catalogue: Catalogue::Google, start: 40 };
        let next = page(Vec::new(), true, position, 40).next_cursor.unwrap();
        assert_eq!(Cursor(next).decode::<Position>().unwrap(), Position { start: 80, ..position });
    }

    #[test]
    fn the_last_page_and_the_furthest_one_have_no_cursor() {
        let position = Position { catalogue: Catalogue::Stored, start: FURTHEST };
        assert_eq!(page(Vec::new(), false, Position { start: 0, ..position }, 5).next_cursor, None);
        assert_eq!(page(Vec::new(), true, position, 5).next_cursor, None);
        assert!(Cursor(Cursor::encode(&7)).decode::<Position>().is_err());
    }
}
