//! What readers see of books, summaries and tasks.

use chrono::{DateTime, Utc};
use edge::{Accepted, TaskView};
use kernel::BookId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Books,
    catalogue::{Book, CategoryCount},
    summary::{Content, Making, Summary},
};

/// A book.
#[derive(Serialize, ToSchema)]
#[schema(as = Book)]
pub(super) struct BookView {
    pub id: Uuid,
    #[schema(example = "Walden")]
    pub title: String,
    #[schema(example = json!(["Henry David Thoreau"]))]
    pub authors: Vec<String>,
    /// Of publication; negative before our era.
    #[schema(example = 1854)]
    pub year: Option<i32>,
    #[schema(example = json!(["Philosophy"]))]
    pub categories: Vec<String>,
    /// A BCP 47 language tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "en")]
    pub language: Option<String>,
    /// Plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where its cover is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover_url: Option<String>,
}

impl BookView {
    pub fn new(books: &Books, book: Book) -> Self {
        let cover = book.cover_url.map(|url| match &books.covers {
            Some(cloud) => cloud.cover_url(&url),
            None => url,
        });
        Self {
            id: book.id.0,
            title: book.title,
            authors: book.authors,
            year: book.year,
            categories: book.categories,
            language: book.language,
            description: Some(book.description).filter(|text| !text.is_empty()),
            cover_url: cover,
        }
    }
}

/// A category.
#[derive(Serialize, ToSchema)]
#[schema(as = Category)]
pub(super) struct CategoryView {
    /// Pass it as `category`.
    #[schema(example = "Philosophy")]
    pub name: String,
    /// How many books have it.
    #[schema(example = 12, minimum = 1)]
    pub books: i64,
}

impl From<CategoryCount> for CategoryView {
    fn from(count: CategoryCount) -> Self {
        Self { name: count.name, books: count.books }
    }
}

/// The summary of a book.
#[derive(Serialize, ToSchema)]
#[schema(as = Summary)]
pub(super) struct SummaryView {
    pub book_id: Uuid,
    #[serde(flatten)]
    pub content: Content,
    /// Who made it: `gemini`, `openai-compatible` or `built-in extractive`.
    #[schema(example = "built-in extractive")]
    pub engine: String,
    /// The model that was used; null when the engine has none.
    pub model: Option<String>,
    pub created_at: DateTime<Utc>,
}

impl SummaryView {
    pub fn new(book: BookId, summary: Summary) -> Self {
        Self {
            book_id: book.0,
            content: summary.content,
            engine: summary.engine,
            model: summary.model,
            created_at: summary.created_at,
        }
    }
}

/// 202 for `making`.
pub(super) fn accepted(making: &Making, now: DateTime<Utc>) -> Accepted<TaskView> {
    let task = TaskView { task_id: making.id, status: making.status(now), run_at: making.run_at };
    task.into()
}
