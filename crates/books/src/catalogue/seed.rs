//! The catalogue that comes with this crate, and how books enter the table.

use kernel::Result;
use serde::Deserialize;
use serde_json::json;
use store::{Db, Sql, Tx};

use super::book::{Book, Source};

const DATA: &str = include_str!("../../data/catalogue.json");

/// A book and what its source knows it by.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub source_id: String,
    pub etag: Option<String>,
    pub book: Book,
}

/// Brings the built-in books into the table; returns how many were new or had changed. Cheap when none had.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn seed(db: &Db) -> Result<u64> {
    let entries = entries()?;
    db.tx(async |tx: Tx| upsert(&tx, Source::Builtin, &entries).await).await
}

/// The built-in books.
///
/// # Errors
/// `internal-error` if the data is broken, which a test excludes.
pub fn builtin() -> Result<Vec<Book>> {
    Ok(entries()?.into_iter().map(|entry| entry.book).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    slug: String,
    title: String,
    authors: Vec<String>,
    year: i32,
    categories: Vec<String>,
    language: String,
    description: String,
}

fn entries() -> Result<Vec<Entry>> {
    let records: Vec<Record> = serde_json::from_str(DATA)?;
    let entry = |record: Record| Entry {
        book: Book {
            id: Source::Builtin.book_id(&record.slug),
            title: record.title,
            authors: record.authors,
            year: Some(record.year),
            categories: record.categories,
            language: Some(record.language),
            description: record.description,
            cover_url: None,
        },
        source_id: record.slug,
        etag: None,
    };
    Ok(records.into_iter().map(entry).collect())
}

/// Inserts or updates `entries`; returns how many rows were written.
pub(super) async fn upsert(tx: &Tx, source: Source, entries: &[Entry]) -> Result<u64> {
    let rows: Vec<_> = entries
        .iter()
        .map(|Entry { source_id, etag, book }| {
            json!({ "id": book.id, "source_id": source_id, "etag": etag, "title": book.title, "authors": book.authors,
                "year": book.year, "categories": book.categories, "language": book.language,
                "description": book.description, "cover_url": book.cover_url })
        })
        .collect();
    tx.run(UPSERT, [source.name().into(), json!(rows).into(), tx.now().into()]).await
}

/// A source may name a book twice in one answer. In one order, so that two answers cannot wait for each other. A built-in
/// book that has not changed is not written; a fetched one gets its new age.
const UPSERT: &str = "
insert into books (id, source, source_id, title, authors, year, categories, language, description, cover_url, etag, fetched_at)
select distinct on (id) id, $1, source_id, title, authors, year, categories, language, description, cover_url, etag, $3
from jsonb_to_recordset($2) as given (id uuid, source_id text, title text, authors jsonb, year integer, categories jsonb,
                                      language text, description text, cover_url text, etag text)
order by id
on conflict on constraint books_source_id do update
set title = excluded.title, authors = excluded.authors, year = excluded.year, categories = excluded.categories,
    language = excluded.language, description = excluded.description, cover_url = excluded.cover_url,
    etag = excluded.etag, fetched_at = excluded.fetched_at
where books.source <> 'builtin'
   or (books.title, books.authors, books.year, books.categories, books.language, books.description, books.cover_url)
      is distinct from (excluded.title, excluded.authors, excluded.year, excluded.categories, excluded.language,
                        excluded.description, excluded.cover_url)";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_catalogue_is_complete_and_its_ids_are_its_own() {
        let books = builtin().unwrap();
        assert!(books.len() >= 40, "{} books", books.len());
        assert_eq!(books.iter().map(|book| book.id).collect::<HashSet<_>>().len(), books.len());
        for book in books {
            let words = book.description.split_whitespace().count();
            assert!(!book.authors.is_empty() && !book.categories.is_empty(), "{}", book.title);
            assert!((200..=320).contains(&words), "{}: {words} words", book.title);
            assert_eq!(book.id.0.get_version_num(), 5);
        }
    }

    /// Ids stand in readers' bookmarks: they must not change with the code.
    #[test]
    fn ids_stay_what_they_are() {
        let id = Source::Builtin.book_id("walden").to_string();
        assert_eq!(id, "1e0bb682-7670-5db1-8d89-bc6dc5210ff2");
        assert_ne!(Source::GoogleBooks.book_id("walden").to_string(), id);
    }
}
