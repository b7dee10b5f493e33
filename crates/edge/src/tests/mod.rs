//! The kit as a caller sees it: whole requests through the stack, no server.

mod document;
mod limits;
mod lists;
mod log;
mod refusals;
mod stack;
mod versions;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use kernel::{Actor, Rng, UserId};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::Stack;

pub(crate) fn http() -> config::Http {
    config::Http {
        host: "127.0.0.1".into(),
        port: 1,
        worker_port: 2,
        request_timeout: Duration::from_secs(5),
        body_limit: 1024,
        cors_origins: vec!["https://app.example".into()],
        trusted_proxies: 1,
        rate_limit_per_minute: 100,
        auth_rate_limit_per_minute: 10,
    }
}

fn wrapped(routes: Router) -> Router {
    with(routes, http())
}

fn with(routes: Router, http: config::Http) -> Router {
    crate::stack(routes, Stack { http, rng: Rng::seeded(7), draining: CancellationToken::new() })
}

fn actor() -> Actor {
    let (user_id, session_id) = (UserId::new(), uuid::Uuid::nil());
    Actor { user_id, session_id, key: None, role: "reader".into(), permissions: Arc::default() }
}

/// The smallest body.
#[derive(serde::Deserialize, garde::Validate)]
#[serde(transparent)]
#[garde(transparent)]
struct Word(#[garde(length(max = 9))] String);

/// An answer, read to its end.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The slug of a problem, after checking what all problems have in common.
    fn slug(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert!(["", &*self.bytes.len().to_string()].contains(&self.header("content-length")));
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem["type"].as_str().unwrap().strip_prefix("/problems/").unwrap().to_owned()
    }
}

async fn send(app: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, bytes }
}

async fn get(app: &Router, uri: &str) -> Answer {
    get_with(app, uri, &[]).await
}

async fn get_with(app: &Router, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
    send(app, request.body(Body::empty()).unwrap()).await
}
