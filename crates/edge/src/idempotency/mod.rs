//! `Idempotency-Key`: a POST that is sent again is not done again.
//!
//! Owns the table `idempotency_keys`. A key belongs to the caller (or the address of an unknown one), the method and the path.
//! The first request claims it, runs to its end even when its caller hangs up, and leaves its answer for 24 hours. Each of its
//! transactions marks the key, in the same commit: so it is known whether anything was done when there is no answer, because the
//! process died in between or the answer was a fault of ours. What was done is not done again; what was not, is.
//! A route behind this layer writes through [`Db::tx`] only, in its own task, and opens no transaction before that just to
//! look: it would count as work.
//!
//! Not for routes that answer with tokens: answers are stored as they are, unless one says what to keep of it ([`KeptBody`]).

mod answer;
mod key;
mod ledger;

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::HeaderName,
    response::{IntoResponse as _, Response},
};
use futures::{FutureExt as _, future::BoxFuture};
use kernel::{Problem, Result, kinds};
use store::Db;
use tower::{Layer, Service, ServiceExt as _};
use tracing::Instrument as _;
use utoipa::IntoParams;

pub use self::{answer::KeptBody, ledger::purge};
use self::{
    answer::Stored,
    key::Claim,
    ledger::{Held, Owner},
};
use crate::{Refusal, json, problems};

/// The request header.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// `true` on an answer that was stored.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest a request with a key may run; less than [`ledger::LOCK`], after which another may take its key over.
const LONGEST_RUN: Duration = Duration::from_secs(50);

/// The layer for a route that creates or triggers: `routes!(create).layer(idempotency.clone())`.
///
/// Refuses with `idempotency-key-reused` (422), `idempotency-in-flight` and `idempotency-answer-lost` (409), and
/// `validation-failed` (422: the key).
#[derive(Clone)]
pub struct Idempotency(Db);

impl Idempotency {
    /// Keeps its keys in `db`.
    pub fn new(db: Db) -> Self {
        Self(db)
    }
}

/// The header's line in the API's document: `#[utoipa::path(params(IdempotencyKey))]`.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is read")]
pub struct IdempotencyKey {
    /// A key of your own for this request, 1 to 255 visible ASCII characters. Sent again within 24 hours with the same
    /// body, it gets the first answer again; 409 `idempotency-in-flight` while the first request is not finished, and 409
    /// `idempotency-answer-lost` if it was carried out and its answer was lost: look at what it made.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255)]
    key: Option<String>,
}

impl<S> Layer<S> for Idempotency {
    type Service = Idempotent<S>;

    fn layer(&self, inner: S) -> Idempotent<S> {
        Idempotent { inner, db: self.0.clone() }
    }
}

/// A route behind [`Idempotency`].
#[derive(Clone)]
pub struct Idempotent<S> {
    inner: S,
    db: Db,
}

impl<S> Service<Request> for Idempotent<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // `oneshot` waits for the route itself
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self { inner, db } = self.clone();
        Box::pin(async move { Ok(once(db, inner, request).await.unwrap_or_else(|p| Refusal(p).into_response())) })
    }
}

/// What to do about it.
const LOST: &str =
    "At least a part of it was done, and will not be done again. Look at what it made; to ask anew, send another key.";

async fn once<S>(db: Db, route: S, request: Request) -> Result<Response>
where
    S: Service<Request, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    let Some(key) = key::read(request.headers())? else {
        let Ok(response) = route.oneshot(request).await;
        return Ok(response);
    };
    let (parts, body) = request.into_parts();
    let body = json::body(Request::from_parts(parts.clone(), body), &()).await?;
    let claim = Claim::of(&parts, &key, &body);
    match ledger::claim(&db, &claim).await? {
        Held::Ours(owner) => {
            let request = Request::from_parts(parts, Body::from(body));
            run_to_its_end(db, owner, async move { route.oneshot(request).await }).await
        }
        Held::Answered(stored) => Ok(stored.replay()),
        Held::Reused => Err(Problem::new(&problems::KEY_REUSED)),
        Held::InFlight => Err(ledger::in_flight()),
        Held::AnswerLost => Err(Problem::new(&problems::KEY_ANSWER_LOST).detail(LOST)),
    }
}

/// In a task of its own: a caller who hangs up and asks again finds the first request's answer.
async fn run_to_its_end(
    db: Db,
    owner: Owner,
    route: impl Future<Output = Result<Response, Infallible>> + Send + 'static,
) -> Result<Response> {
    let work = async move {
        let owner = Arc::new(owner);
        let route = tokio::time::timeout(LONGEST_RUN, store::guarded(owner.clone(), route));
        let route = AssertUnwindSafe(route).catch_unwind();
        let response = match route.await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(_)) => Refusal(Problem::new(&kinds::TIMEOUT)).into_response(),
            Err(panic) => {
                settle(ledger::release(&db, &owner).await);
                resume_unwind(panic)
            }
        };
        let (response, stored) = Stored::take(response).await;
        settle(match stored {
            Some(stored) => ledger::keep(&db, &owner, stored).await,
            None => ledger::release(&db, &owner).await,
        });
        response
    };
    #[allow(clippy::disallowed_methods)] // it must outlive the request; its outcome is in the table
    let task = tokio::spawn(kernel::Trace::current().scope(work.in_current_span()));
    match task.await {
        Ok(response) => Ok(response),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(error) => Err(error.into()),
    }
}

/// What was done is done; the key frees itself when its lock ends, or says that the answer is lost.
fn settle(outcome: Result<()>) {
    if let Err(problem) = outcome {
        tracing::warn!(%problem, "the outcome of an idempotency key was not recorded");
    }
}
