//! Google Books through a cache in Postgres: an answer serves alone for `CATALOGUE_CACHE_TTL`, is then confirmed by its
//! entity tag, and still serves when Google does not answer. What failed is not asked again for a minute: readers do not
//! wait for an outage to end.

use chrono::{DateTime, TimeDelta, Utc};
use gateways::{
    Fetched,
    google_books::{Found, GoogleBooks, MAX_LIMIT, Search, Volume},
};
use kernel::{BookId, Result, kinds};
use sea_orm::{FromQueryResult, Value as Param};
use store::{Sql, Tx};
use uuid::Uuid;

use super::{
    book::{Book, Source},
    listing::Wanted,
    seed::{Entry, upsert},
    stored,
};
use crate::Books;

/// How long what failed is left alone.
const REST: TimeDelta = TimeDelta::seconds(60);

/// A stretch of results.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub start: u32,
    pub limit: u32,
}

/// A page of results.
pub(super) struct Answer {
    pub books: Vec<Book>,
    pub has_more: bool,
    /// How many of Google's results it stands for.
    pub read: u32,
}

#[derive(FromQueryResult)]
struct Cached {
    book_ids: Option<Vec<Uuid>>,
    has_more: bool,
    etag: Option<String>,
    expires_at: DateTime<Utc>,
}

/// What Google finds, now or formerly; `None` when it fails and was never asked this.
pub(super) async fn search(books: &Books, google: &GoogleBooks, wanted: &Wanted, span: Span) -> Result<Option<Answer>> {
    let span = Span { limit: span.limit.min(MAX_LIMIT), ..span };
    let text = wanted.text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let key = key(&text, wanted, span);
    let cached: Option<Cached> = books.db.conn().query_opt(LOOK_UP, key.clone()).await?;
    let now = books.db.clock().now();
    let answer = match cached {
        Some(cached) if cached.expires_at > now => cached.answer(),
        cached => {
            let search =
                Search { text: &text, subject: wanted.category.as_deref(), start: span.start, limit: span.limit };
            ask(books, google, &search, (key, cached)).await?
        }
    };
    let Some((ids, has_more)) = answer else { return Ok(None) };
    Ok(Some(Answer { books: stored::by_ids(&books.db, &ids).await?, has_more, read: span.limit }))
}

/// The ids of a page, and whether there is another.
type Ids = (Vec<Uuid>, bool);

impl Cached {
    /// `None` when there never was an answer.
    fn answer(self) -> Option<Ids> {
        self.book_ids.map(|ids| (ids, self.has_more))
    }
}

/// Asks Google what the row `key` is too old for, and notes what comes of it.
async fn ask(
    books: &Books,
    google: &GoogleBooks,
    search: &Search<'_>,
    (key, cached): ([Param; 4], Option<Cached>),
) -> Result<Option<Ids>> {
    let (db, now) = (books.db.conn(), books.db.clock().now());
    let etag = cached.as_ref().and_then(|cached| cached.etag.as_deref());
    match (google.search(search, etag).await, cached) {
        (Ok(Fetched::Fresh { value, etag }), _) => {
            let span = Span { start: search.start, limit: search.limit };
            remember(books, key, value, (span, etag)).await.map(Some)
        }
        (Ok(Fetched::NotModified), cached) => {
            let times = [now.into(), (now + books.ttl).into()];
            db.run(CONFIRM, key.into_iter().chain(times)).await?;
            Ok(cached.and_then(Cached::answer))
        }
        (Err(problem), cached) => {
            let answer = cached.and_then(Cached::answer);
            tracing::warn!(%problem, cached = answer.is_some(), "Google Books failed; the cache answers");
            let times = [now.into(), (now + REST).into()];
            db.run(POSTPONE, key.into_iter().chain(times)).await?;
            Ok(answer)
        }
    }
}

fn key(text: &str, wanted: &Wanted, span: Span) -> [Param; 4] {
    let category = wanted.category.clone().unwrap_or_default();
    [text.into(), category.into(), (span.start as i32).into(), (span.limit as i32).into()]
}

const LOOK_UP: &str = "
select book_ids, has_more, etag, expires_at from catalogue_queries
where query = $1 and category = $2 and start = $3 and size = $4";

const CONFIRM: &str = "
update catalogue_queries set fetched_at = $5, expires_at = $6 where query = $1 and category = $2 and start = $3 and size = $4";

/// Another request may have had an answer meanwhile.
const POSTPONE: &str = "
insert into catalogue_queries (query, category, start, size, has_more, fetched_at, expires_at)
values ($1, $2, $3, $4, false, $5, $6)
on conflict (query, category, start, size) do update
set expires_at = greatest(catalogue_queries.expires_at, excluded.expires_at)";

/// Stores what was found.
async fn remember(books: &Books, key: [Param; 4], found: Found, asked: (Span, Option<String>)) -> Result<Ids> {
    let (span, etag) = asked;
    // Google's total is an estimate; a page without books is the end in any case.
    let has_more = !found.volumes.is_empty() && found.total > u64::from(span.start) + u64::from(span.limit);
    let entries: Vec<Entry> = found.volumes.into_iter().map(entry).collect();
    let mut ids: Vec<Uuid> = Vec::new();
    for entry in &entries {
        if !ids.contains(&entry.book.id.0) {
            ids.push(entry.book.id.0);
        }
    }
    let ttl = books.ttl;
    books
        .db
        .tx(async |tx: Tx| {
            upsert(&tx, Source::GoogleBooks, &entries).await?;
            let rest: [Param; 5] =
                [ids.clone().into(), has_more.into(), etag.clone().into(), tx.now().into(), (tx.now() + ttl).into()];
            tx.run(REMEMBER, key.clone().into_iter().chain(rest)).await
        })
        .await?;
    Ok((ids, has_more))
}

const REMEMBER: &str = "
insert into catalogue_queries (query, category, start, size, book_ids, has_more, etag, fetched_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (query, category, start, size) do update
set book_ids = excluded.book_ids, has_more = excluded.has_more, etag = excluded.etag,
    fetched_at = excluded.fetched_at, expires_at = excluded.expires_at";

#[derive(FromQueryResult)]
struct Known {
    source_id: String,
    etag: Option<String>,
}

/// Reads a book of Google's anew if what we have is old. What goes wrong there is logged only: we have the book.
pub(super) async fn refresh(books: &Books, google: &GoogleBooks, id: BookId) -> Result<()> {
    let now = books.db.clock().now();
    let old: Option<Known> = books.db.conn().query_opt(OLD, [id.0.into(), (now - books.ttl).into()]).await?;
    let Some(known) = old else { return Ok(()) };
    match google.volume(&known.source_id, known.etag.as_deref()).await {
        Ok(Fetched::Fresh { value, .. }) => {
            let entries = [entry(value)];
            books.db.tx(async |tx: Tx| upsert(&tx, Source::GoogleBooks, &entries).await).await?;
        }
        Ok(Fetched::NotModified) => {
            books.db.conn().run(TOUCH, [id.0.into(), now.into()]).await?;
        }
        Err(problem) => {
            tracing::warn!(%problem, book = %id, "Google Books failed; the cache answers");
            // A volume that is gone there stays what it was; what failed is old again after the rest.
            let gone = problem.is(&kinds::NOT_FOUND);
            let as_of = if gone { now } else { now - books.ttl + REST };
            books.db.conn().run(TOUCH, [id.0.into(), as_of.into()]).await?;
        }
    }
    Ok(())
}

const OLD: &str = "select source_id, etag from books where id = $1 and source = 'google_books' and fetched_at < $2";

const TOUCH: &str = "update books set fetched_at = greatest(fetched_at, $2) where id = $1";

fn entry(volume: Volume) -> Entry {
    let optional = |text: Option<String>| text.as_deref().map(clean);
    let source_id = clean(&volume.id);
    let book = Book {
        id: Source::GoogleBooks.book_id(&source_id),
        title: clean(&volume.title),
        authors: volume.authors.iter().map(|author| clean(author)).collect(),
        year: volume.year,
        categories: volume.categories.iter().map(|category| clean(category)).collect(),
        language: optional(volume.language),
        description: optional(volume.description).unwrap_or_default(),
        cover_url: optional(volume.thumbnail),
    };
    Entry { source_id, etag: optional(volume.etag), book }
}

/// Without the control characters that Postgres refuses.
fn clean(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}
