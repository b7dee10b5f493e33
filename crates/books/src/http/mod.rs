//! The routes of this domain, one endpoint family per file.

mod catalogue;
mod summary;
mod view;

use edge::Idempotency;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::Books;

pub(crate) fn routes(books: &Books) -> OpenApiRouter<Books> {
    let once = Idempotency::new(books.db.clone());
    OpenApiRouter::new()
        .routes(routes!(catalogue::list))
        .routes(routes!(catalogue::categories))
        .routes(routes!(catalogue::show))
        .routes(routes!(summary::show))
        .routes(routes!(summary::request).layer(once))
}
