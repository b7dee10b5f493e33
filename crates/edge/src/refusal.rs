//! Problems as answers: RFC 9457 `application/problem+json`.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::{Kind, Problem, kinds};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What a handler returns; `?` takes a [`Problem`] and every other error.
pub type Reply<T> = Result<T, Refusal>;

/// A [`Problem`] on its way to the caller.
#[derive(Debug)]
pub struct Refusal(pub Problem);

impl<E: Into<Problem>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The problem behind a response, for the one log line that names its cause.
#[derive(Clone)]
pub(crate) struct Refused(pub Arc<Problem>);

/// The kind of problem that `response` tells of; `None` for what is no refusal, or the replay of an earlier one.
pub fn refused<B>(response: &axum::http::Response<B>) -> Option<&'static Kind> {
    response.extensions().get().map(|Refused(problem)| problem.kind())
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = as_outage(self.0);
        let status = StatusCode::from_u16(problem.kind().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&ProblemDetails::from(&problem)).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        if let Some(seconds) = retry_seconds(&problem) {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Refused(Arc::new(problem)));
        response
    }
}

/// An outage that came past `store` (through an entity) is `unavailable` too.
fn as_outage(problem: Problem) -> Problem {
    let lost = store::is_connection_loss(&problem) || store::is_retryable(&problem);
    if problem.is(&kinds::INTERNAL) && lost {
        return problem.recast(&kinds::UNAVAILABLE).retry_after(Duration::from_secs(1));
    }
    problem
}

/// Whole seconds, at least one; every 429 and 503 names some.
fn retry_seconds(problem: &Problem) -> Option<u64> {
    let waits = matches!(problem.kind().status, 429 | 503).then_some(Duration::from_secs(1));
    let delay = problem.retry_delay().or(waits)?;
    Some(delay.as_secs() + u64::from(delay.subsec_nanos() > 0)).map(|seconds| seconds.max(1))
}

/// What every refusal looks like (RFC 9457); some kinds add members of their own.
#[derive(Serialize, ToSchema)]
pub struct ProblemDetails {
    /// `/problems/{slug}`: the kind of problem. Stable.
    #[serde(rename = "type")]
    #[schema(example = "/problems/validation-failed")]
    kind: String,
    /// The kind in words.
    #[schema(example = "Some fields are not valid")]
    title: String,
    /// The HTTP status.
    #[schema(example = 422, minimum = 400, maximum = 599)]
    status: u16,
    /// What happened in this case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/v1/books", nullable = false)]
    instance: Option<String>,
    /// The id of the request, as in the `X-Request-Id` header: name it when you ask about this problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<String>,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<InvalidField>,
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

/// One field that is wrong.
#[derive(Serialize, ToSchema)]
pub struct InvalidField {
    /// A JSON pointer into the body, or `/name` of a parameter.
    #[schema(example = "/email")]
    pointer: String,
    /// What is wrong with it.
    message: String,
}

impl From<&Problem> for ProblemDetails {
    fn from(problem: &Problem) -> Self {
        let kind = problem.kind();
        // What was said about our own fault is for the log.
        let shown = kind.status != 500;
        let fields = problem.errors().iter().filter(|_| shown);
        let members = problem.members().iter().filter(|_| shown);
        Self {
            kind: format!("/problems/{}", kind.slug),
            title: kind.title.to_owned(),
            status: kind.status,
            detail: problem.detail_text().filter(|_| shown).map(str::to_owned),
            instance: None,
            request_id: None,
            errors: fields
                .map(|field| InvalidField { pointer: field.pointer.clone(), message: field.message.clone() })
                .collect(),
            members: members.map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_of_at_least_one() {
        let wait = |millis| {
            let problem = Problem::new(&kinds::RATE_LIMITED).retry_after(Duration::from_millis(millis));
            retry_seconds(&problem)
        };
        assert_eq!((wait(0), wait(1), wait(1000), wait(1001)), (Some(1), Some(1), Some(1), Some(2)));
        assert_eq!(retry_seconds(&Problem::new(&kinds::UNAVAILABLE)), Some(1));
        assert_eq!(retry_seconds(&Problem::new(&kinds::NOT_FOUND)), None);
    }

    #[test]
    fn our_own_fault_shows_nothing_of_itself() {
        let problem = Problem::internal("disk on fire").detail("secret").with("member", 1).field("/x", "y");
        let details = serde_json::to_value(ProblemDetails::from(&problem)).unwrap();
        let wanted = serde_json::json!({
            "type": "/problems/internal-error", "title": "Something went wrong on our side", "status": 500
        });
        assert_eq!(details, wanted);
    }

    #[test]
    fn a_lost_database_is_unavailable_wherever_it_was_noticed() {
        let lost = sea_orm::DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout);
        let response = Refusal::from(lost).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
