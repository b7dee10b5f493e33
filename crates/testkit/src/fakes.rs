//! Outside services on real sockets: they answer what a test tells them to and remember what they were asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
    after: Duration,
}

impl Reply {
    /// A JSON answer with this status.
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body, after: Duration::ZERO }
    }

    /// A failure of the service's own.
    pub fn failure() -> Self {
        Self::new(500, json!({ "error": { "status": "INTERNAL_ERROR" } }))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Answers only after this long.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.after = wait;
        self
    }
}

/// One request that a fake got.
#[derive(Clone, Debug)]
pub struct Call {
    /// Path and query.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when there was none.
    pub body: Value,
    /// The body as it came.
    pub bytes: Bytes,
}

impl Call {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// One outside service. A call that no answer was prepared for is refused (418, which nobody tries again) and fails the test.
#[derive(Debug)]
pub struct Fake {
    name: &'static str,
    url: String,
    state: Arc<Mutex<Told>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Told {
    next: VecDeque<Reply>,
    always: Option<Reply>,
    calls: Vec<Call>,
    unexpected: Vec<String>,
}

impl Fake {
    pub(crate) async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::<Mutex<Told>>::default();
        let router = Router::new().fallback(answer).with_state(state.clone());
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Self { name, url, state, task }
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers the next call that no earlier `answer` is for.
    pub fn answer(&self, reply: Reply) {
        self.told().next.push_back(reply);
    }

    /// Answers every call for which nothing else was prepared.
    pub fn always(&self, reply: Reply) {
        self.told().always = Some(reply);
    }

    /// What it was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.told().calls.clone()
    }

    pub(crate) fn unexpected(&self) -> Vec<String> {
        let told = self.told();
        told.unexpected.iter().map(|call| format!("{} was asked {call}", self.name)).collect()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(state): State<Arc<Mutex<Told>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let reply = {
        let mut told = state.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = told.next.pop_front().or_else(|| told.always.clone());
        if reply.is_none() {
            told.unexpected.push(uri.to_string());
        }
        let parsed = serde_json::from_slice(&body).unwrap_or_default();
        told.calls.push(Call { uri, headers, body: parsed, bytes: body });
        reply.unwrap_or_else(|| Reply::new(418, json!({ "error": "nobody told me what to answer" })))
    };
    tokio::time::sleep(reply.after).await;
    let status = StatusCode::from_u16(reply.status).expect("a status");
    // A 304 has no body, and what has one is JSON.
    let body = if reply.body.is_null() { String::new() } else { reply.body.to_string() };
    let mut response = (status, [("content-type", "application/json")], body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().expect("a header's value"));
    }
    response
}

/// The outside services of one [`crate::TestApp`].
#[derive(Debug)]
pub struct Fakes {
    /// Speaks Gemini's REST protocol.
    pub gemini: Fake,
    /// Speaks the protocol of OpenAI's chat completions.
    pub openai: Fake,
    /// Speaks Google Books'.
    pub google_books: Fake,
    /// Takes webhooks, if the settings allow its host.
    pub receiver: Fake,
}

impl Fakes {
    pub(crate) async fn start() -> Self {
        Self {
            gemini: Fake::start("Gemini").await,
            openai: Fake::start("the OpenAI-compatible service").await,
            google_books: Fake::start("Google Books").await,
            receiver: Fake::start("the webhook's receiver").await,
        }
    }

    pub(crate) fn unexpected(&self) -> Vec<String> {
        [&self.gemini, &self.openai, &self.google_books, &self.receiver]
            .into_iter()
            .flat_map(Fake::unexpected)
            .collect()
    }
}

/// Gemini's answer whose text is `value`.
pub fn gemini_says(value: &Value) -> Reply {
    let content = json!({ "role": "model", "parts": [{ "text": value.to_string() }] });
    Reply::new(200, json!({ "candidates": [{ "content": content, "finishReason": "STOP" }] }))
}

/// The chat completion whose text is `value`.
pub fn openai_says(value: &Value) -> Reply {
    let message = json!({ "role": "assistant", "content": value.to_string() });
    Reply::new(200, json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }] }))
}

/// A page of Google Books with these volumes (id and title) of `total`.
pub fn volumes(total: u64, found: &[(&str, &str)]) -> Reply {
    let volume = |(id, title): &(&str, &str)| {
        json!({ "id": id, "etag": format!("e-{id}"), "volumeInfo": { "title": title, "authors": ["Ann Author"],
            "publishedDate": "1999-05-01", "categories": ["Fiction"], "description": "A book.", "language": "en" } })
    };
    let items: Vec<Value> = found.iter().map(volume).collect();
    Reply::new(200, json!({ "totalItems": total, "items": items }))
}
