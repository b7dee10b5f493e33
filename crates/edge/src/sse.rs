//! Server-sent events that end when the process does.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::{HeaderName, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;

/// How often a silent stream sends a comment, so that no proxy takes it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Sends `stream` until it ends or `shutdown` is cancelled.
///
/// Without the token an open stream would hold up a graceful shutdown for ever; the browser connects again by itself.
pub fn events<S>(stream: S, shutdown: CancellationToken) -> Response
where
    S: Stream<Item = Event> + Send + 'static,
{
    let stream = stream.take_until(shutdown.cancelled_owned()).map(Ok::<_, Infallible>);
    let unbuffered = [(header::CACHE_CONTROL, "no-store"), (HeaderName::from_static("x-accel-buffering"), "no")];
    let sse = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let mut response = sse.into_response();
    for (name, value) in unbuffered {
        response.headers_mut().insert(name, axum::http::HeaderValue::from_static(value));
    }
    response
}
