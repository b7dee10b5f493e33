//! A task's changes as server-sent events.

use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use edge::{Authenticated, Path, Reply};
use futures::{Stream, stream};
use kernel::{Clock, ExecutionId};
use tokio::sync::watch;

use super::{Tasks, view::Task, watch::Seen};

/// Follows a task.
///
/// Server-sent events named `task`, each with the task as JSON: first as it is now, then on every change of its status or
/// progress. Ends after a final status (`succeeded`, `failed`, `cancelled`), and when the server stops: then connect again.
#[utoipa::path(get, path = "/api/v1/tasks/{id}/events", tag = "tasks", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Task, content_type = "text/event-stream")))]
pub(super) async fn events(
    State(tasks): State<Tasks>,
    Authenticated(actor): Authenticated,
    Path(id): Path<ExecutionId>,
) -> Reply<Response> {
    let clock = tasks.parts.db.clock().clone();
    let first = Task::of(&tasks.visible(id, &actor).await?, clock.now());
    let follow = Follow { told: None, next: Some(first), seen: tasks.watch.follow(id), clock };
    Ok(edge::events(follow.stream(), tasks.draining))
}

/// Where one stream of events stands.
struct Follow {
    told: Option<Task>,
    next: Option<Task>,
    seen: watch::Receiver<Seen>,
    clock: Clock,
}

impl Follow {
    fn stream(self) -> impl Stream<Item = Event> {
        stream::unfold(self, async |mut follow| {
            let task = follow.next().await?;
            let event = Event::default().event("task").json_data(&task).ok()?;
            follow.told = Some(task);
            Some((event, follow))
        })
    }

    /// The next state to tell; `None` once a final one was told.
    async fn next(&mut self) -> Option<Task> {
        if self.told.as_ref().is_some_and(|task| task.status.is_final()) {
            return None;
        }
        if let Some(first) = self.next.take() {
            return Some(first);
        }
        loop {
            self.seen.changed().await.ok()?;
            let seen = self.seen.borrow_and_update().clone()?;
            let task = Task::of(&seen, self.clock.now());
            let told = self.told.as_ref().map(|told| (told.status, told.progress));
            if told != Some((task.status, task.progress)) {
                return Some(task);
            }
        }
    }
}
