//! The last touch on every answer: plain refusals become problems, problems learn their request, headers that protect.

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use kernel::{Problem, kinds};
use serde_json::{Map, Value};

use crate::{
    Refusal, RequestId,
    refusal::{PROBLEM_JSON, Refused},
};

/// No problem comes near this many bytes; one that did would lose its body.
const MAX_PROBLEM: usize = 256 * 1024;

pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().map(ToString::to_string).unwrap_or_default();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        response = as_problem(response);
        log(&response, &id);
        response = located(response, path, id).await;
    }
    protect(response.headers_mut());
    response
}

/// The router's own 404 and 405, and whatever else a library says in plain text, keeping their headers (`Allow`).
fn as_problem(response: Response) -> Response {
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let plain = media_type.is_none_or(|media_type| media_type.starts_with("text/plain"));
    let kind = kinds::ALL.iter().find(|kind| kind.status == response.status().as_u16());
    let (true, Some(kind)) = (plain, kind) else {
        return response;
    };
    let mut problem = Refusal(Problem::new(kind)).into_response();
    for (name, value) in response.headers() {
        if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

/// A fault of our own is logged here and nowhere else, with its cause.
fn log(response: &Response, request_id: &str) {
    let Some(Refused(problem)) = response.extensions().get() else {
        return;
    };
    match response.status() {
        StatusCode::INTERNAL_SERVER_ERROR => tracing::error!(request_id, problem = %problem, "request failed"),
        status if status.is_server_error() => tracing::warn!(request_id, problem = %problem, "request refused"),
        _ => {}
    }
}

/// Adds `instance` and `request_id`; a problem that is replayed gets those of the request at hand.
async fn located(response: Response, path: String, id: String) -> Response {
    if response.headers().get(header::CONTENT_TYPE).is_none_or(|value| value != PROBLEM_JSON) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_PROBLEM).await.unwrap_or_default();
    let body = match serde_json::from_slice::<Map<String, Value>>(&bytes) {
        Ok(mut problem) => {
            problem.insert("instance".to_owned(), path.into());
            problem.insert("request_id".to_owned(), id.into());
            parts.headers.remove(header::CONTENT_LENGTH);
            Body::from(serde_json::to_vec(&problem).unwrap_or_default())
        }
        Err(_) => Body::from(bytes),
    };
    Response::from_parts(parts, body)
}

fn protect(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Heard over TLS only, which ends in front of us.
    let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
    headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = media_type.contains("json");
    if is_json && !headers.contains_key(header::CACHE_CONTROL) {
        // An answer is its caller's alone. One with a tag may be kept by them, and is asked for again each time.
        let kept = if headers.contains_key(header::ETAG) { "private, no-cache" } else { "no-store" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    }
    // Pages bring a policy of their own.
    if is_json && !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    }
}
