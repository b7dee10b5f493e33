//! The one stack of middleware that every process puts around its routes.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;
use kernel::{Problem, Rng, kinds};
use tokio_util::sync::CancellationToken;
use tower::util::option_layer;
use tower_http::{
    compression::CompressionLayer,
    cors::{Any as AnyOrigin, CorsLayer},
};

use crate::{
    Refusal, etag, finish, idempotency,
    label::LABELS,
    observe,
    trace::{TRACEPARENT, X_REQUEST_ID},
};

/// What the stack has to know.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Limits, origins and proxies.
    pub http: config::Http,
    /// Makes trace ids.
    pub rng: Rng,
    /// Cancelled once the process drains: answers then ask for the connection to be closed.
    pub draining: CancellationToken,
}

/// Wraps finished routes. Call it last: only routes that are there already are wrapped.
///
/// From the outside in: request id, trace, log line and metrics · gzip (never on server-sent events) · 304 ·
/// problems and security headers · CORS, if there are origins · panics and the timeout (until the answer begins, so
/// streams are not cut) · body limit.
pub fn stack(routes: Router, stack: Stack) -> Router {
    let cors = cors(&stack.http.cors_origins);
    let timeout = stack.http.request_timeout;
    routes
        .layer(DefaultBodyLimit::max(stack.http.body_limit))
        .layer(from_fn_with_state(timeout, guard))
        .layer(option_layer(cors))
        .layer(from_fn(finish::finish))
        .layer(from_fn(etag::not_modified))
        .layer(CompressionLayer::new().gzip(true))
        .layer(from_fn_with_state(Arc::new(stack), observe::observe))
}

/// Turns a panic into `internal-error` and a late answer into `timeout`.
async fn guard(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    // What a panicking handler leaves behind is its own request's state, which is dropped with it.
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => Refusal(Problem::internal(format!("panicked: {}", panic_text(&*panic)))).into_response(),
        Err(_) => Refusal(Problem::new(&kinds::TIMEOUT)).into_response(),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("with something that is not text")
}

/// None without origins: browsers keep other pages out, and OPTIONS is a method like others.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let known: [HeaderName; 7] = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        idempotency::KEY,
        X_REQUEST_ID,
        TRACEPARENT,
    ];
    let exposed: [HeaderName; 6] =
        [header::ETAG, header::LINK, header::LOCATION, header::RETRY_AFTER, X_REQUEST_ID, idempotency::REPLAYED];
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(known.into_iter().chain(LABELS).collect::<Vec<_>>())
        .expose_headers(exposed)
        .max_age(Duration::from_secs(3600));
    match origins {
        [] => None,
        [any] if any == "*" => Some(layer.allow_origin(AnyOrigin)),
        listed => {
            let listed = listed.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
            Some(layer.allow_origin(listed.collect::<Vec<_>>()))
        }
    }
}
