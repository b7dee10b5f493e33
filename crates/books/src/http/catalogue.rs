//! Finding books. Public.

use axum::extract::State;
use edge::{Json, PageQuery, Paged, Path, Query, Reply};
use garde::Validate;
use kernel::BookId;
use serde::Deserialize;

use super::view::{BookView, CategoryView};
use crate::{
    Books,
    catalogue::{self, Wanted},
};

/// What to look for.
#[derive(Deserialize, Validate, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Words of the title, the authors, the categories or the description. The last one may be unfinished; `"…"`, `or`
    /// and `-` work as in a web search.
    #[garde(inner(length(chars, max = 200), custom(printable)))]
    #[param(max_length = 200, example = "origin of spec")]
    q: Option<String>,
    /// Only books of this category, by its exact name.
    #[garde(inner(length(chars, min = 1, max = 100), custom(printable)))]
    #[param(min_length = 1, max_length = 100, example = "Science")]
    category: Option<String>,
}

fn printable<C>(text: &str, _: &C) -> garde::Result {
    if text.chars().any(char::is_control) {
        return Err(garde::Error::new("has control characters"));
    }
    Ok(())
}

/// Lists books: the best matches first, or all by title.
///
/// A page may hold fewer books than `limit`; it was the last one when `next_cursor` is null.
#[utoipa::path(get, path = "/api/v1/books", tag = "books", security(()), params(Filter, PageQuery),
    responses((status = 200, body = Paged<BookView>)))]
pub(super) async fn list(
    State(books): State<Books>,
    Query(filter): Query<Filter>,
    page: PageQuery,
) -> Reply<Paged<BookView>> {
    let wanted = Wanted { text: filter.q.unwrap_or_default(), category: filter.category };
    let found = catalogue::list(&books, &wanted, page.position()?, page.limit).await?;
    Ok(page.answer(found.map(|book| BookView::new(&books, book))))
}

/// Lists the categories, the most common first.
#[utoipa::path(get, path = "/api/v1/books/categories", tag = "books", security(()), params(PageQuery),
    responses((status = 200, body = Paged<CategoryView>)))]
pub(super) async fn categories(State(books): State<Books>, page: PageQuery) -> Reply<Paged<CategoryView>> {
    let found = catalogue::categories(&books.db, page.position()?, page.limit).await?;
    Ok(page.answer(found.map(CategoryView::from)))
}

/// Shows a book.
#[utoipa::path(get, path = "/api/v1/books/{id}", tag = "books", security(()), params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = BookView)))]
pub(super) async fn show(State(books): State<Books>, Path(id): Path<BookId>) -> Reply<Json<BookView>> {
    let book = catalogue::fresh(&books, id).await?;
    Ok(Json(BookView::new(&books, book)))
}
