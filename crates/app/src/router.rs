//! What each process serves, and in which order a request passes through it.

use axum::{
    Router,
    extract::{Request, State},
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use edge::{Rate, Refusal, Stack};
use tokio_util::sync::CancellationToken;

use crate::{
    Parts, docs,
    health::{self, Health, Readiness},
    modules, openapi, problem_pages,
    tasks::{self, Tasks},
    telemetry::Metrics,
};

/// What a process's routes are made of, beside the parts.
pub struct Surroundings {
    /// Answers for the process.
    pub health: Health,
    /// Closes the API while the schema is not current.
    pub readiness: Readiness,
    /// What is served at `/metrics`.
    pub metrics: Metrics,
    /// Cancelled once the process drains.
    pub draining: CancellationToken,
}

/// Web: the API behind the rate limit, the schema gate and authentication; health, metrics and documents beside it.
pub fn web(parts: &Parts, tasks: Tasks, around: Surroundings) -> Router {
    let api: Router = modules::routes(parts).merge(tasks::routes().with_state(tasks)).into();
    let rate = Rate::per_minute(parts.config.http.rate_limit_per_minute);
    let api = authenticated(api, parts).layer(from_fn_with_state(around.readiness.clone(), gate));
    let api = edge::limited(api, parts.limiter.clone(), rate);
    let documents = docs::routes(openapi::document(parts)).merge(problem_pages::routes());
    let routes = api.merge(own(parts, &around)).merge(documents);
    edge::stack(routes, stack(parts, around.draining))
}

/// Worker: health and metrics only.
pub fn worker(parts: &Parts, around: Surroundings) -> Router {
    edge::stack(own(parts, &around), stack(parts, around.draining))
}

fn own(parts: &Parts, around: &Surroundings) -> Router {
    let probes: Router = health::probes().with_state(around.health.clone()).into();
    let details: Router = health::details().with_state(around.health.clone()).into();
    probes.merge(authenticated(details, parts)).merge(metrics(around.metrics.clone()))
}

/// Further in than the check of tokens, so that it knows whom it records as refused.
fn authenticated(routes: Router, parts: &Parts) -> Router {
    let routes = routes.layer(from_fn_with_state(parts.db.clone(), audit::refusals));
    routes.layer(from_fn_with_state(parts.accounts.clone(), accounts::authenticate))
}

fn stack(parts: &Parts, draining: CancellationToken) -> Stack {
    Stack { http: parts.config.http.clone(), rng: parts.rng.clone(), draining }
}

/// Refuses requests while the schema is older than the program.
async fn gate(State(readiness): State<Readiness>, request: Request, next: Next) -> Response {
    match readiness.gate().await {
        Ok(()) => next.run(request).await,
        Err(problem) => Refusal(problem).into_response(),
    }
}

fn metrics(metrics: Metrics) -> Router {
    let text = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    Router::new().route("/metrics", get(async move || (text, metrics.render())))
}
