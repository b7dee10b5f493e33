//! Requests to a [`TestApp`], through the whole stack, and what it answers.

use std::{
    future::{Future, IntoFuture},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, BodyDataStream, Bytes, to_bytes},
    extract::ConnectInfo,
    http::{self, HeaderMap, Method, header},
    response::Response,
};
use futures::StreamExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::TestApp;

/// The longest that an answer may take, streams included.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request to be sent: `app.get("/api/v1/me").bearer(&token).await`.
#[must_use = "it is sent when it is awaited"]
pub struct Request {
    router: Router,
    builder: http::request::Builder,
    body: Body,
    from: IpAddr,
}

impl TestApp {
    /// A request with any method.
    pub fn request(&self, method: Method, path: &str) -> Request {
        Request {
            router: self.router(),
            builder: http::Request::builder().method(method).uri(path),
            body: Body::empty(),
            from: Ipv4Addr::new(192, 0, 2, 1).into(),
        }
    }

    /// GET.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// POST.
    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// PATCH.
    pub fn patch(&self, path: &str) -> Request {
        self.request(Method::PATCH, path)
    }

    /// PUT.
    pub fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }
}

impl Request {
    /// Authenticates with an access token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Names the attempt, so that it can be repeated.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sends JSON.
    pub fn json(self, body: Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sends any bytes, without a media type.
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = Body::from(bytes.into());
        self
    }

    /// Comes from another address than 192.0.2.1.
    pub fn from(mut self, address: &str) -> Self {
        self.from = address.parse().expect("an IP address");
        self
    }

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Answer {
        let (what, response) = self.answered().await;
        let (parts, body) = response.into_parts();
        let body = within(&what, to_bytes(body, usize::MAX)).await.expect("a whole body");
        Answer { what, status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Sends it and follows the server-sent events of the answer.
    pub async fn events(self) -> Events {
        let (what, response) = self.answered().await;
        assert_eq!(response.status(), 200, "{what}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream", "{what}");
        let (parts, body) = response.into_parts();
        Events { what, headers: parts.headers, chunks: body.into_data_stream(), read: String::new() }
    }

    async fn answered(self) -> (String, Response) {
        let mut request = self.builder.body(self.body).expect("a request");
        let what = format!("{} {}", request.method(), request.uri());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(self.from, 40_000)));
        let Ok(response) = within(&what, self.router.oneshot(request)).await;
        (what, response)
    }
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| panic!("{what} was not answered within {PATIENCE:?}"))
}

/// A stream of server-sent events.
pub struct Events {
    what: String,
    /// The headers of the answer.
    pub headers: HeaderMap,
    chunks: BodyDataStream,
    read: String,
}

impl Events {
    /// The data of the next event; `None` once the stream has ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.read.find("\n\n") {
                let event: String = self.read.drain(..end + 2).collect();
                // One without data is a comment that keeps the stream alive.
                let Some(data) = event.lines().find_map(|line| line.strip_prefix("data:")) else {
                    continue;
                };
                return Some(serde_json::from_str(data.trim()).expect("JSON in an event"));
            }
            let chunk = within(&self.what, self.chunks.next()).await?.expect("a stream that does not break");
            self.read += std::str::from_utf8(&chunk).expect("text");
        }
    }
}

impl IntoFuture for Request {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    what: String,
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Demands a status, showing the body when it is another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} answered {}", self.what, self.text());
        self
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} did not answer JSON: {}", self.what, self.text()))
    }

    /// A header as text; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The slug of the problem it is. Checks what every problem must have.
    #[track_caller]
    pub fn problem(&self) -> String {
        assert_eq!(
            self.header(header::CONTENT_TYPE.as_str()),
            "application/problem+json",
            "{}: {}",
            self.what,
            self.text()
        );
        let problem = self.json();
        let text = |member: &str| problem[member].as_str().unwrap_or_default().to_owned();
        assert_eq!(problem["status"], self.status, "{}", self.what);
        assert!(!text("title").is_empty() && text("instance").starts_with('/'), "{}: {problem}", self.what);
        assert_eq!(text("request_id"), self.header("x-request-id"), "{}", self.what);
        let slug = text("type").strip_prefix("/problems/").map(str::to_owned);
        slug.unwrap_or_else(|| panic!("{}: {problem}", self.what))
    }

    /// Demands a problem of this kind: its slug, and the status that goes with it.
    #[track_caller]
    pub fn expect_problem(self, slug: &str) -> Self {
        assert_eq!(self.problem(), slug, "{} answered {}", self.what, self.text());
        let kind = app::modules::problem_kind(slug).expect("a kind that is declared");
        assert_eq!(self.status, kind.status, "{}", self.what);
        self
    }
}
