//! The axum kit that every domain's HTTP code uses: extractors, answers, problems, and the one stack of middleware.
//!
//! A handler takes what it needs and answers with a [`Reply`]; `?` takes a `kernel::Problem` and every other error.
//! ```
//! use edge::{Accepted, Authenticated, IdempotencyKey, Json, PageQuery, Paged, Path, Reply, RequestId};
//! use kernel::{BookId, Page};
//! use utoipa_axum::{router::OpenApiRouter, routes};
//!
//! /// Doc comments of a body become the API's document.
//! #[derive(serde::Deserialize, garde::Validate, utoipa::ToSchema)]
//! #[serde(deny_unknown_fields)]
//! struct NewNote {
//!     /// At most 2000 characters.
//!     #[garde(length(chars, min = 1, max = 2000))]
//!     #[schema(min_length = 1, max_length = 2000)]
//!     text: String,
//! }
//!
//! #[derive(serde::Serialize, utoipa::ToSchema)]
//! struct NoteView {
//!     text: String,
//! }
//!
//! /// Lists the notes on a book.
//! #[utoipa::path(get, path = "/books/{id}/notes", tag = "notes", params(("id" = uuid::Uuid, Path), PageQuery),
//!     responses((status = 200, body = Paged<NoteView>)))]
//! async fn list(Authenticated(actor): Authenticated, Path(id): Path<BookId>, page: PageQuery) -> Reply<Paged<NoteView>> {
//!     actor.require("note.read")?;
//!     let after: Option<BookId> = page.position()?;
//!     let found: Page<NoteView> = Page { items: vec![], next_cursor: None }; // … where book = id, after `after`, page.limit + 1
//!     Ok(page.answer(found))
//! }
//!
//! /// Adds a note.
//! #[utoipa::path(post, path = "/books/{id}/notes", tag = "notes", params(("id" = uuid::Uuid, Path), IdempotencyKey),
//!     request_body = NewNote, responses((status = 202, body = NoteView)))]
//! async fn add(Path(id): Path<BookId>, request: RequestId, Json(note): Json<NewNote>) -> Reply<Accepted<NoteView>> {
//!     Ok(Accepted { location: format!("/api/v1/tasks/{id}"), body: NoteView { text: note.text } })
//! }
//!
//! // In production `add` has the layer: routes!(add).layer(edge::Idempotency::new(db))
//! let routes: OpenApiRouter = OpenApiRouter::new().routes(routes!(list, add));
//! let (router, api) = routes.split_for_parts();
//! let api = edge::document(api); // problems, bearer scheme, unique operation ids
//! assert!(api.paths.paths["/books/{id}/notes"].post.as_ref().unwrap().responses.responses.contains_key("422"));
//! # let _ = router;
//! ```
//! Conventions:
//! - The authentication layer calls [`authenticate`] on the request's extensions; handlers take [`Authenticated`] and ask for a
//!   permission, or [`Person`] where none is needed but for being oneself: an API key may do nothing that no permission names.
//! - Bodies and queries are structs: garde validates no bare `String`. utoipa wants named arguments: `Path(id)`, not `Path(_)`.
//! - [`Label`] keeps what a caller says of who is behind a request (`X-Created-By` and its kin); [`LabelHeaders`] documents it.
//! - A write to a versioned resource takes [`IfMatch`] and answers `(ETag(version), Json(view))`; reads get 304 by themselves.
//! - Public operations say `security(())` in `#[utoipa::path]`; every other one needs a token in the document.
//! - `app` composes: `edge::stack(edge::limited(api_routes, limiter, rate).merge(health), Stack { … })`.

mod actor;
mod answers;
mod client;
mod etag;
mod finish;
pub mod idempotency;
mod json;
mod label;
mod limit;
mod observe;
mod openapi;
mod page;
mod params;
mod pointer;
pub mod problems;
mod refusal;
mod sse;
mod stack;
#[cfg(test)]
mod tests;
mod trace;

pub use actor::{Authenticated, Person, authenticate};
pub use answers::{Accepted, Created, TaskView};
pub use client::ClientIp;
pub use etag::{ContentTag, ETag, IfMatch, IfMatchHeader, etag};
pub use idempotency::{Idempotency, IdempotencyKey, KeptBody};
pub use json::{Json, from_value};
pub use label::{Label, LabelHeaders};
pub use limit::{LimitKey, Limiter, Rate, limited};
pub use openapi::{BEARER, document};
pub use page::{PageQuery, Paged};
pub use params::{Path, Query};
pub use refusal::{InvalidField, PROBLEM_JSON, ProblemDetails, Refusal, Reply, refused};
pub use sse::events;
pub use stack::{Stack, stack};
pub use trace::{RequestId, TraceContext};
