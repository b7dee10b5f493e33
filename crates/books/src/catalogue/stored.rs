//! Finding books in Postgres.

use kernel::{Page, Result};
use sea_orm::{FromQueryResult, Value as Param};
use store::{Db, Sql};
use uuid::Uuid;

use super::{
    book::{Book, Row},
    listing::Wanted,
    terms::Terms,
};

/// `limit` books from `start` on: the best matches first, or by title when no words are given.
pub(super) async fn search(db: &Db, wanted: &Wanted, start: u32, limit: u32) -> Result<Vec<Book>> {
    let terms = Terms::of(&wanted.text);
    let place: [Param; 3] = [wanted.category.clone().into(), i64::from(start).into(), i64::from(limit).into()];
    let rows: Vec<Row> = if wanted.text.trim().is_empty() {
        db.conn().query(BROWSE, place).await?
    } else {
        let words: [Param; 2] = [terms.finished.into(), terms.unfinished.into()];
        db.conn().query(SEARCH, place.into_iter().chain(words)).await?
    };
    rows.into_iter().map(Book::try_from).collect()
}

const BROWSE: &str = "
select id, title, authors, year, categories, language, description, cover_url from books
where $1::text is null or categories @> jsonb_build_array($1::text)
order by title, id offset $2 limit $3";

/// An empty query joins as if it were not there; one of stop words alone matches nothing.
const SEARCH: &str = "
with wanted as materialized (
    select websearch_to_tsquery('english', $4)
        && (websearch_to_tsquery('english', $5)
            || case when $5 = '' then ''::tsquery else to_tsquery('english', quote_literal($5) || ':*') end) as query
)
select id, title, authors, year, categories, language, description, cover_url from books, wanted
where search @@ wanted.query and ($1::text is null or categories @> jsonb_build_array($1::text))
order by ts_rank(search, wanted.query) desc, title, id offset $2 limit $3";

/// The books of `ids` in their order.
pub(super) async fn by_ids(db: &Db, ids: &[Uuid]) -> Result<Vec<Book>> {
    let rows: Vec<Row> = db.conn().query(BY_IDS, [ids.to_vec().into()]).await?;
    rows.into_iter().map(Book::try_from).collect()
}

const BY_IDS: &str = "
select b.id, title, authors, year, categories, language, description, cover_url
from unnest($1::uuid[]) with ordinality as wanted (id, place) join books b on b.id = wanted.id order by place";

/// A category and how many books have it.
#[derive(Debug, FromQueryResult)]
pub(crate) struct CategoryCount {
    pub name: String,
    pub books: i64,
}

/// The categories of all stored books, the most common first; `start` is how many come before this page.
pub(crate) async fn categories(db: &Db, start: Option<u32>, limit: u64) -> Result<Page<CategoryCount>> {
    let start = start.unwrap_or_default();
    let rows = db.conn().query(CATEGORIES, [i64::from(start).into(), (limit as i64 + 1).into()]).await?;
    Ok(Page::cut(rows, limit, |_| u64::from(start) + limit))
}

const CATEGORIES: &str = "
select name, count(*) as books from books, jsonb_array_elements_text(categories) as name
group by name order by books desc, name offset $1 limit $2";
