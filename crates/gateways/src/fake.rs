//! A real HTTP server that answers what a test tells it to and remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::IntoResponse,
};
use kernel::{Problem, Result};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    http::Patience,
    problems::{UPSTREAM_BUSY, UPSTREAM_FAILED, UPSTREAM_REFUSED, UPSTREAM_TIMEOUT},
};

/// The key every test uses; it must never come out again.
pub const KEY: &str = "hunter2-AIzaSy-key";

pub const QUICK: Patience = Patience {
    per_try: Duration::from_millis(400),
    total: Duration::from_secs(3),
    tries: 3,
    first_wait: Duration::from_millis(1),
};

/// One answer.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    after: Duration,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), after: Duration::ZERO }
    }

    pub fn json(body: &Value) -> Self {
        Self::new(200, body.to_string()).header("content-type", "application/json")
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn after(mut self, wait: Duration) -> Self {
        self.after = wait;
        self
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone, Default)]
struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

pub struct Fake {
    pub url: String,
    script: Script,
    server: JoinHandle<()>,
}

impl Fake {
    /// Answers with `replies` in turn; one request more than those is answered 418.
    #[allow(clippy::disallowed_methods)] // a test's own server, ended with it
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Script { replies: Arc::new(Mutex::new(replies.into_iter().collect())), ..Script::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(script.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, script, server }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(script): State<Script>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    script.seen.lock().unwrap().push(Seen { method, uri, headers, body });
    let reply = script.replies.lock().unwrap().pop_front().unwrap_or_else(|| Reply::new(418, "unexpected"));
    tokio::time::sleep(reply.after).await;
    let mut answer = (StatusCode::from_u16(reply.status).unwrap(), reply.body).into_response();
    for (name, value) in reply.headers {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}

/// Runs `ask`, which calls one gateway at the given URL, through everything that can go wrong between it and a service
/// whose good answer is `good`.
pub async fn assert_failures_are_told(good: &Value, ask: impl AsyncFn(String) -> Result<()>) {
    let leak = serde_json::json!({ "error": { "status": KEY, "message": KEY, "code": "KEY_NOT_VALID" } }).to_string();
    let cases = [
        (vec![Reply::new(429, leak.clone()).header("retry-after", "120")], &UPSTREAM_BUSY, Some(120)),
        (vec![Reply::new(500, leak.clone()); 3], &UPSTREAM_FAILED, None),
        (vec![Reply::new(403, leak)], &UPSTREAM_REFUSED, None),
        (vec![Reply::json(good).after(Duration::from_secs(1))], &UPSTREAM_TIMEOUT, None),
        (vec![Reply::new(200, format!("<html>{KEY}")); 3], &UPSTREAM_FAILED, None),
    ];
    for (replies, kind, seconds) in cases {
        let expected = replies.len();
        let fake = Fake::start(replies).await;
        let problem = ask(fake.url.clone()).await.expect_err(kind.slug);
        assert!(problem.is(kind), "{problem}, expected {}", kind.slug);
        assert_eq!(problem.retry_delay().map(|wait| wait.as_secs()), seconds, "{problem}");
        assert_eq!(problem.is_transient(), kind != &UPSTREAM_REFUSED, "{problem}");
        assert_eq!(fake.seen().len(), expected, "tries until {problem}");
        assert_nothing_leaks(&problem, &fake.url);
    }
    let fake = Fake::start([Reply::new(500, "oops"), Reply::json(good)]).await;
    ask(fake.url.clone()).await.expect("the second try succeeds");
    assert_eq!(fake.seen().len(), 2);
    assert!(fake.seen().iter().all(|seen| !seen.uri.to_string().contains(KEY)), "a key belongs into a header");
}

pub fn assert_nothing_leaks(problem: &Problem, url: &str) {
    let told = format!("{problem} {problem:?}");
    for secret in [KEY, url, "hunter2", "<html>", "/v1", "?q="] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}
