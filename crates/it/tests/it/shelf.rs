//! Books and summaries that tests ask for.

use std::time::Duration;

use kernel::BookId;
use serde_json::{Value, json};
use testkit::{Person, TestApp};

/// How long after the request a summary is made, unless a test says otherwise.
pub const DELAY: Duration = Duration::from_secs(2);

/// The ids of built-in books, in the order of the catalogue.
pub fn books() -> Vec<BookId> {
    books::catalogue::builtin().unwrap().into_iter().map(|book| book.id).collect()
}

/// One built-in book.
pub fn book() -> BookId {
    books()[0]
}

/// The path of a book's summary.
pub fn summary_of(book: BookId) -> String {
    format!("/api/v1/books/{book}/summary")
}

/// How many units of summaries a reader has used in this period.
pub async fn used(reader: &Person<'_>) -> u64 {
    let usage = reader.get("/api/v1/me/usage").await.expect(200).json();
    usage["usage"]["summaries"]["used"].as_u64().unwrap()
}

/// How many summaries there are.
pub async fn made(app: &TestApp) -> i64 {
    count(app, "select count(*) from summaries").await
}

/// The number that a query answers.
pub async fn count(app: &TestApp, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(app.db().pool()).await.unwrap()
}

/// What a language model answers when it does as it was told.
pub fn good_answer() -> Value {
    let book = &books::catalogue::builtin().unwrap()[0];
    let mut answer = json!(books::summariser::builtin::summarise(book).unwrap());
    let insights = answer["key_insights"].as_array_mut().unwrap();
    let first = insights[0].clone();
    insights.resize(10, first);
    answer
}

/// What a language model answers that has not counted.
pub fn short_answer() -> Value {
    let mut answer = good_answer();
    answer["key_insights"].as_array_mut().unwrap().truncate(9);
    answer
}
