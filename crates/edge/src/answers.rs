//! Answers that point somewhere: 201 and 202 with a `Location`.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use kernel::Problem;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Json, Refusal};

/// 201: the thing was made and is at `location` (a path such as `/api/v1/books/…`).
#[derive(Clone, Debug)]
pub struct Created<T> {
    /// Its path.
    pub location: String,
    /// Its view.
    pub body: T,
}

/// 202: the work was accepted; watch `location` (`/api/v1/tasks/{id}`).
#[derive(Clone, Debug)]
pub struct Accepted<T> {
    /// The path of the task.
    pub location: String,
    /// The task's view.
    pub body: T,
}

/// Work that was accepted: what a 202 says of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TaskView {
    /// Watch `/api/v1/tasks/{task_id}`.
    pub task_id: Uuid,
    /// `scheduled` when it runs later, `queued`, or `running`.
    #[schema(example = "scheduled")]
    pub status: &'static str,
    /// When it runs at the earliest.
    pub run_at: DateTime<Utc>,
}

impl From<TaskView> for Accepted<TaskView> {
    fn from(task: TaskView) -> Self {
        Self { location: format!("/api/v1/tasks/{}", task.task_id), body: task }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        located(StatusCode::CREATED, &self.location, self.body)
    }
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        located(StatusCode::ACCEPTED, &self.location, self.body)
    }
}

fn located(status: StatusCode, location: &str, body: impl Serialize) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (status, [(header::LOCATION, location)], Json(body)).into_response(),
        Err(error) => Refusal(Problem::internal(error)).into_response(),
    }
}
