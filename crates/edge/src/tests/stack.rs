//! What the stack does for every request.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Request, StatusCode},
    response::sse::Event,
    routing::{get, post},
};
use futures::StreamExt as _;
use kernel::Rng;
use tokio_util::sync::CancellationToken;

use super::{Word, http, send, with, wrapped};
use crate::{Json, Stack, events};

#[tokio::test]
async fn every_answer_has_its_request_id_and_protective_headers() {
    let app = wrapped(Router::new().route("/", get(async || Json(1))));
    let answer = super::get_with(&app, "/", &[("x-request-id", "mine-1")]).await;
    assert_eq!(answer.header("x-request-id"), "mine-1");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!((answer.header("server"), answer.header("x-powered-by")), ("", ""));
    assert!(super::get(&app, "/").await.header("x-request-id").parse::<uuid::Uuid>().is_ok());
}

#[tokio::test]
async fn an_answer_is_kept_by_nobody_but_its_caller_and_only_with_a_tag() {
    let tagged = async || (crate::ETag(7), Json(1));
    let own = async || ([("cache-control", "public, max-age=60")], Json(1));
    let app = wrapped(Router::new().route("/tagged", get(tagged)).route("/own", get(own)));
    assert_eq!(super::get(&app, "/tagged").await.header("cache-control"), "private, no-cache");
    assert_eq!(super::get(&app, "/own").await.header("cache-control"), "public, max-age=60");
    assert_eq!(super::get(&app, "/nowhere").await.header("cache-control"), "no-store", "problems too");
}

#[tokio::test]
async fn a_draining_process_asks_for_the_connection_to_be_closed() {
    let draining = CancellationToken::new();
    let stack = Stack { http: http(), rng: Rng::seeded(1), draining: draining.clone() };
    let app = crate::stack(Router::new().route("/", get(async || "up")), stack);
    assert_eq!(super::get(&app, "/").await.header("connection"), "");
    draining.cancel();
    assert_eq!(super::get(&app, "/").await.header("connection"), "close");
}

#[tokio::test]
async fn json_is_compressed_for_those_who_take_it() {
    let app = wrapped(Router::new().route("/", get(async || Json("a".repeat(5000)))));
    let packed = super::get_with(&app, "/", &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.bytes.len() < 500);
    assert_eq!(super::get(&app, "/").await.bytes.len(), 5002);
}

#[tokio::test]
async fn a_stream_of_events_is_neither_cut_by_the_timeout_nor_compressed() {
    let stream = async || {
        let late = futures::stream::iter(0..3).then(async |n| {
            tokio::time::sleep(Duration::from_millis(60)).await;
            Event::default().data(format!("tick {n}"))
        });
        events(late.boxed(), CancellationToken::new())
    };
    let short = config::Http { request_timeout: Duration::from_millis(50), ..http() };
    let app = with(Router::new().route("/", get(stream)), short);
    let answer = super::get_with(&app, "/", &[("accept-encoding", "gzip")]).await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!(answer.header("content-encoding"), "");
    assert_eq!(String::from_utf8(answer.bytes).unwrap(), "data: tick 0\n\ndata: tick 1\n\ndata: tick 2\n\n");
}

#[tokio::test]
async fn an_endless_stream_ends_at_shutdown() {
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    let app = wrapped(Router::new().route("/", get(async move || events(futures::stream::pending(), token))));
    let request = Request::get("/").body(Body::empty()).unwrap();
    let reading = send(&app, request);
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        shutdown.cancel();
    };
    let (answer, ()) = tokio::time::timeout(Duration::from_secs(2), async { tokio::join!(reading, stopping) })
        .await
        .expect("the stream must end");
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_of_listed_origins_may_call_and_others_may_not() {
    let app = wrapped(Router::new().route("/", post(async || "done")));
    let preflight = async |origin: &str| {
        let request = Request::options("/")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,idempotency-key");
        send(&app, request.body(Body::empty()).unwrap()).await
    };
    let ours = preflight("https://app.example").await;
    assert_eq!(ours.status, StatusCode::OK);
    assert_eq!(ours.header("access-control-allow-origin"), "https://app.example");
    assert!(ours.header("access-control-allow-headers").contains("idempotency-key"));
    assert_eq!(ours.header("x-content-type-options"), "nosniff");
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn without_origins_options_is_a_method_like_others_and_answers_do_not_vary() {
    let closed = config::Http { cors_origins: Vec::new(), ..http() };
    let app = with(Router::new().route("/", get(async || Json(1))), closed);
    let options = async |path: &str| send(&app, Request::options(path).body(Body::empty()).unwrap()).await;
    assert_eq!(options("/nowhere").await.slug(), "not-found");
    let answer = options("/").await;
    assert_eq!((answer.slug().as_str(), answer.header("allow")), ("method-not-allowed", "GET,HEAD"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let read = super::get(&app, "/").await;
    assert!(!read.header("vary").contains("origin"), "{}", read.header("vary"));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_also_without_a_length() {
    let app = wrapped(Router::new().route("/", post(async |Json(Word(text)): Json<Word>| text)));
    let chunks = futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 100]))));
    for body in [Body::from(vec![b' '; 1025]), Body::from_stream(chunks)] {
        let request = Request::post("/").header("content-type", "application/json").body(body).unwrap();
        assert_eq!(send(&app, request).await.slug(), "payload-too-large");
    }
}
