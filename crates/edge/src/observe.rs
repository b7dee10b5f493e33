//! The outermost layer: names each request, and says once what became of it.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use tracing::Instrument as _;

use crate::{ClientIp, RequestId, Stack, TraceContext, actor::CallerSlot, trace::X_REQUEST_ID};

/// The status in the log and the metrics of a request whose caller hung up before the answer.
const CALLER_GONE: u16 = 499;

pub(crate) async fn observe(State(stack): State<Arc<Stack>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let trace = TraceContext::of(request.headers(), &stack.rng);
    let client = ClientIp::of(request.headers(), request.extensions(), stack.http.trusted_proxies);
    let mut line = Line::of(&request, id.clone(), trace);
    let extensions = request.extensions_mut();
    extensions.insert(line.caller.clone());
    extensions.insert(id.clone());
    extensions.insert(trace);
    extensions.insert(client);

    let span = tracing::info_span!("request", request_id = %id, trace_id = trace.trace_id());
    // Jobs that the request enqueues and calls that it makes belong to it.
    let scope = kernel::Trace {
        correlation_id: id.as_str().into(),
        traceparent: Some(trace.to_string().into()),
        request: Some(format!("{} {}", line.method, request.uri().path()).into()),
    };
    let mut response = scope.scope(next.run(request).instrument(span)).await;
    line.status = response.status().as_u16();
    if let Some(id) = id.header() {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    if stack.draining.is_cancelled() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The canonical line of a request, written when it is dropped: also when the caller hangs up.
struct Line {
    method: &'static str,
    route: String,
    id: RequestId,
    trace: TraceContext,
    caller: CallerSlot,
    started: Instant,
    status: u16,
}

impl Line {
    fn of(request: &Request, id: RequestId, trace: TraceContext) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        Self {
            method: label(request.method()),
            route: route.map_or("unmatched", MatchedPath::as_str).to_owned(),
            id,
            trace,
            caller: CallerSlot::default(),
            started: Instant::now(),
            status: CALLER_GONE,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let (elapsed, caller) = (self.started.elapsed(), self.caller.get());
        tracing::info!(
            method = self.method,
            route = self.route,
            status = self.status,
            duration_ms = elapsed.as_micros() as f64 / 1000.0,
            request_id = %self.id,
            trace_id = self.trace.trace_id(),
            actor = caller.map(|caller| tracing::field::display(caller.user_id)),
            api_key = caller.and_then(|caller| caller.key).map(tracing::field::display),
            "request"
        );
        let route = std::mem::take(&mut self.route);
        let labels = [("method", self.method.to_owned()), ("route", route), ("status", self.status.to_string())];
        metrics::counter!("http_requests_total", &labels).increment(1);
        metrics::histogram!("http_request_duration_seconds", &labels[..2]).record(elapsed);
    }
}

/// A bounded set of labels: anyone may invent methods.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
