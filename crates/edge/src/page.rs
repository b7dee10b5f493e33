//! Lists: `limit` and `cursor` in, one page and the link to the next out.

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use kernel::{Cursor, Page, Problem, kinds, page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Refusal, params::parse_query};

/// The longest cursor that is looked at, in bytes.
const MAX_CURSOR: usize = 1024;

/// Which page of a list: an extractor, and its parameters for `#[utoipa::path(params(PageQuery))]`.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 200, default = 50, required = false)]
    pub limit: u64,
    /// The `next_cursor` of the page before; without it the first page.
    #[param(value_type = Option<String>, max_length = 1024)]
    pub cursor: Option<Cursor>,
    #[param(ignore)]
    uri: Uri,
}

#[derive(Deserialize)]
struct Raw {
    limit: Option<u64>,
    cursor: Option<Cursor>,
}

impl<S: Send + Sync> FromRequestParts<S> for PageQuery {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Raw { limit, cursor } = parse_query(&parts.uri)?;
        let limit = limit.unwrap_or(page::DEFAULT_LIMIT);
        if !(1..=page::MAX_LIMIT).contains(&limit) {
            let message = format!("must be from 1 to {}", page::MAX_LIMIT);
            return Err(Problem::new(&kinds::VALIDATION_FAILED).field("/limit", message).into());
        }
        if cursor.as_ref().is_some_and(|cursor| cursor.0.len() > MAX_CURSOR) {
            return Err(Problem::new(&kinds::VALIDATION_FAILED).field("/cursor", "is too long").into());
        }
        let Ok(OriginalUri(uri)) = OriginalUri::from_request_parts(parts, state).await;
        Ok(Self { limit, cursor, uri })
    }
}

impl PageQuery {
    /// The position that the cursor stands for; `None` on the first page.
    ///
    /// # Errors
    /// `validation-failed` naming `cursor`.
    pub fn position<K: serde::de::DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        self.cursor.as_ref().map(Cursor::decode).transpose()
    }

    /// The answer: `page` with a link to the next one that keeps the rest of the query.
    pub fn answer<T>(&self, page: Page<T>) -> Paged<T> {
        let next = page.next_cursor.as_deref().map(|cursor| self.next_link(cursor));
        Paged { items: page.items, next_cursor: page.next_cursor, next }
    }

    fn next_link(&self, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let given = form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes());
        query.extend_pairs(given.filter(|(name, _)| name != "cursor")).append_pair("cursor", cursor);
        format!("<{}?{}>; rel=\"next\"", self.uri.path(), query.finish())
    }
}

/// One page of a list.
// Made by `PageQuery::answer`; the doc comment is part of the API's document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Paged<T> {
    /// At most `limit` items.
    items: Vec<T>,
    /// Pass it back as `cursor` for the next page; `null` on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
    #[serde(skip)]
    next: Option<String>,
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        let link = self.next.as_deref().and_then(|next| HeaderValue::from_str(next).ok());
        let mut response = axum::Json(self).into_response();
        if let Some(link) = link {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}
