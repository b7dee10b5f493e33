//! Recording what was refused: a middleware around the whole API.

use std::time::Duration;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use edge::{Label, RequestId};
use kernel::{Actor, Result};
use store::{Db, Sql};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{naming, record::LONGEST_PATH};

/// How long an answer waits for its row at most. It is usually there within a millisecond or two.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long the row is tried to be written, beside the answer.
const LONGEST_WRITE: Duration = Duration::from_secs(5);

/// For `axum::middleware::from_fn_with_state`, inside authentication: records what a known actor was refused.
///
/// That is every 403, whatever the method; and 409, 412, 422 and 428 of a request that would have changed something, when
/// the actor holds any permission at all. The answer is never changed, nor held up for longer than a quarter of a second:
/// when Postgres is away the refusal is in the log of the process only.
pub async fn refusals(State(db): State<Db>, request: Request, next: Next) -> Response {
    let Some(attempt) = Attempt::of(request.extensions().get(), &request) else {
        return next.run(request).await;
    };
    let response = next.run(request).await;
    let Some(kind) = edge::refused(&response).filter(|_| attempt.counts(response.status())) else {
        return response;
    };
    let write = async move {
        let written = tokio::time::timeout(LONGEST_WRITE, attempt.write(&db, kind.slug)).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => tracing::warn!(%problem, actor = attempt.actor, "a refusal was not recorded"),
            Err(_) => tracing::warn!(actor = attempt.actor, "a refusal was not recorded: Postgres is slow"),
        }
    };
    #[allow(clippy::disallowed_methods)] // it must outlive a caller who hangs up; what goes wrong in it is logged there
    let write = tokio::spawn(write.in_current_span());
    let _ = tokio::time::timeout(PATIENCE, write).await; // not waiting any longer is all there is to do
    response
}

/// A request of somebody known.
struct Attempt {
    actor: String,
    actor_name: String,
    /// Whether the actor has any say here: readers have none.
    privileged: bool,
    label: Option<String>,
    method: Method,
    route: String,
    path: String,
    request_id: String,
}

impl Attempt {
    fn of(actor: Option<&Actor>, request: &Request) -> Option<Self> {
        let actor = actor?;
        let route = request.extensions().get::<MatchedPath>()?;
        let id = request.extensions().get::<RequestId>();
        Some(Self {
            actor: actor.identity(),
            actor_name: actor.display_name().to_owned(),
            privileged: !actor.permissions.is_empty(),
            label: Label::of(request.headers()).ok().and_then(|label| label.0),
            method: request.method().clone(),
            route: route.as_str().to_owned(),
            path: request.uri().path().chars().take(LONGEST_PATH).collect(),
            request_id: id.map(ToString::to_string).unwrap_or_default(),
        })
    }

    fn counts(&self, status: StatusCode) -> bool {
        let writes = matches!(self.method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
        match status.as_u16() {
            403 => true,
            409 | 412 | 422 | 428 => writes && self.privileged,
            _ => false,
        }
    }

    async fn write(&self, db: &Db, problem: &'static str) -> Result<()> {
        let values: [sea_orm::Value; 11] = [
            Uuid::now_v7().into(),
            db.clock().now().into(),
            self.actor.clone().into(),
            self.actor_name.clone().into(),
            self.label.clone().into(),
            naming::action(self.method.as_str(), &self.route).into(),
            naming::target(&self.route, &self.path).into(),
            problem.into(),
            self.request_id.clone().into(),
            self.method.as_str().into(),
            self.path.clone().into(),
        ];
        db.conn().run(INSERT, values).await?;
        Ok(())
    }
}

const INSERT: &str = "
insert into audit_log (id, at, actor, actor_name, label, action, target, outcome, problem, request_id, method, path)
values ($1, $2, $3, $4, $5, $6, $7, 'refused', $8, $9, $10, $11)";
