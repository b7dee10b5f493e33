//! `/openapi.json` and `/docs`: the API's document, and pages to try it, without a byte from elsewhere.

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header::CONTENT_SECURITY_POLICY},
    middleware::{Next, from_fn},
    response::Response,
};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The pages load their own files only; their styles are partly inline.
const POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// The routes.
pub fn routes(document: OpenApi) -> Router {
    let config = Config::new(["/openapi.json"]).try_it_out_enabled(true).persist_authorization(false);
    let pages = SwaggerUi::new("/docs").url("/openapi.json", document).config(config);
    Router::from(pages).layer(from_fn(protect))
}

async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
