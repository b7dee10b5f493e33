//! Tasks: how a reader watches the work that was done for them. A task is an execution, seen from outside.
//!
//! Its owner is the user or the API key in the execution's `triggered_by`, and whoever a domain says waits for the same work; others need
//! the permission `task.read_any`, and are told that there is nothing, so that ids cannot be probed.

mod events;
mod view;
mod watch;

use axum::{extract::State, http::header::CACHE_CONTROL, response::IntoResponse};
use edge::{Authenticated, Json, Path, Reply};
use jobs::executions::{self, Execution};
use kernel::{Actor, ExecutionId, Problem, Result, kinds};
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::view::Task;
pub use self::watch::Watch;
use crate::{Parts, modules};

/// The permission to see everybody's tasks.
const READ_ANY: &str = "task.read_any";

/// What the routes need. Cheap to clone.
#[derive(Clone)]
pub struct Tasks {
    parts: Parts,
    watch: Watch,
    draining: CancellationToken,
}

impl Tasks {
    /// Streams of events end when `draining` is cancelled.
    pub fn new(parts: Parts, watch: Watch, draining: CancellationToken) -> Self {
        Self { parts, watch, draining }
    }

    /// The execution behind a task that `actor` may see.
    async fn visible(&self, id: ExecutionId, actor: &Actor) -> Result<Execution> {
        let nothing = || Problem::new(&kinds::NOT_FOUND);
        let execution = executions::find(&self.parts.db, id).await?.ok_or_else(nothing)?;
        let person = actor.key.is_none().then_some(actor.user_id);
        let causes = [Some(actor.identity()), person.map(|id| id.to_string())];
        let owner = execution.triggered_by.is_some() && causes.contains(&execution.triggered_by);
        if owner || actor.may(READ_ANY) {
            return Ok(execution);
        }
        match person {
            Some(reader) if modules::may_watch(&self.parts, reader, id).await? => Ok(execution),
            _ => Err(nothing()),
        }
    }
}

/// The routes.
pub fn routes() -> OpenApiRouter<Tasks> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(events::events))
}

/// Shows a task.
///
/// Yours, or anybody's with the permission `task.read_any`.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", tag = "tasks", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Task)))]
async fn show(
    State(tasks): State<Tasks>,
    Authenticated(actor): Authenticated,
    Path(id): Path<ExecutionId>,
) -> Reply<impl IntoResponse> {
    let execution = tasks.visible(id, &actor).await?;
    let task = Task::of(&execution, tasks.parts.db.clock().now());
    Ok(([(CACHE_CONTROL, "no-store")], Json(task)))
}
