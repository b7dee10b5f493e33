//! A book as the catalogue knows it.

use kernel::{BookId, Result};
use sea_orm::FromQueryResult;
use sha1::{Digest, Sha1};
use store::Sql;
use uuid::Uuid;

/// Where a book is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The catalogue that comes with this crate.
    Builtin,
    /// Google Books.
    GoogleBooks,
}

impl Source {
    /// The name in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::GoogleBooks => "google_books",
        }
    }

    /// The id of the book that this source calls `source_id`: the same in every installation (RFC 9562, version 5).
    pub fn book_id(self, source_id: &str) -> BookId {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_7a52_3f0c_4c55_9d0e_5b8f_21f4_66a1);
        let hash = Sha1::new()
            .chain_update(NAMESPACE.as_bytes())
            .chain_update(self.name())
            .chain_update(b":")
            .chain_update(source_id)
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        BookId(uuid::Builder::from_sha1_bytes(bytes).into_uuid())
    }
}

/// A book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// See [`Source::book_id`].
    pub id: BookId,
    /// Without the subtitle, where the source tells them apart.
    pub title: String,
    /// In the order of the title page.
    pub authors: Vec<String>,
    /// Of the first edition where known; negative before our era.
    pub year: Option<i32>,
    /// Subjects, the main one first.
    pub categories: Vec<String>,
    /// A BCP 47 tag.
    pub language: Option<String>,
    /// Plain text, paragraphs separated by blank lines; may be empty.
    pub description: String,
    /// An https address of an image.
    pub cover_url: Option<String>,
}

/// A book as a row.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Row {
    id: Uuid,
    title: String,
    authors: serde_json::Value,
    year: Option<i32>,
    categories: serde_json::Value,
    language: Option<String>,
    description: String,
    cover_url: Option<String>,
}

impl TryFrom<Row> for Book {
    type Error = kernel::Problem;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id.into(),
            title: row.title,
            authors: serde_json::from_value(row.authors)?,
            year: row.year,
            categories: serde_json::from_value(row.categories)?,
            language: row.language,
            description: row.description,
            cover_url: row.cover_url,
        })
    }
}

/// The book, if there is one of that id.
pub(crate) async fn find(db: &impl Sql, id: BookId) -> Result<Option<Book>> {
    let row: Option<Row> = db.query_opt(FIND, [id.0.into()]).await?;
    row.map(Book::try_from).transpose()
}

const FIND: &str = "
select id, title, authors, year, categories, language, description, cover_url from books where id = $1";
