//! Whatever goes wrong, the answer is a problem.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
    routing::{get, post},
};
use kernel::{BookId, Problem, kinds};
use serde_json::json;

use super::{Word, actor, http, send, with, wrapped};
use crate::{Authenticated, Json, Path, Query, Reply};

#[tokio::test]
async fn an_unknown_path_is_a_problem_that_names_it() {
    let answer = super::get(&wrapped(Router::new()), "/nowhere?secret=1").await;
    assert_eq!(answer.slug(), "not-found");
    assert_eq!(answer.json()["instance"], "/nowhere");
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
    let app = wrapped(Router::new().route("/", post(async || "done")));
    let answer = super::get(&app, "/").await;
    assert_eq!((answer.slug().as_str(), answer.header("allow")), ("method-not-allowed", "POST"));
}

#[tokio::test]
async fn a_refusal_shows_its_detail_fields_and_members() {
    let refuse = async || -> Reply<()> {
        let problem = Problem::new(&kinds::CONFLICT).detail("taken").field("/email", "is taken").with("plan", "free");
        Err(problem.retry_after(Duration::from_millis(1500)))?
    };
    let answer = super::get(&wrapped(Router::new().route("/{a}", get(refuse))), "/x").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.header("retry-after"), "2");
    let wanted = json!({
        "type": "/problems/conflict", "title": "The request conflicts with the present state", "status": 409,
        "detail": "taken", "instance": "/x", "request_id": answer.header("x-request-id"),
        "errors": [{"pointer": "/email", "message": "is taken"}], "plan": "free",
    });
    assert_eq!(answer.json(), wanted);
}

#[tokio::test]
async fn an_error_or_a_panic_shows_nothing_of_its_cause() {
    let fail = async || -> Reply<()> { Err(std::io::Error::other("hunter2"))? };
    let burst = async || -> Reply<()> { panic!("hunter2") };
    let app = wrapped(Router::new().route("/fail", get(fail)).route("/burst", get(burst)));
    for path in ["/fail", "/burst"] {
        let answer = super::get(&app, path).await;
        assert_eq!(answer.slug(), "internal-error");
        assert!(!String::from_utf8(answer.bytes).unwrap().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_late_answer_is_a_timeout() {
    let short = config::Http { request_timeout: Duration::from_millis(20), ..http() };
    let app = with(Router::new().route("/", get(async || futures::future::pending::<()>().await)), short);
    let answer = super::get(&app, "/").await;
    assert_eq!((answer.status.as_u16(), answer.slug().as_str(), answer.header("retry-after")), (503, "timeout", "1"));
}

#[tokio::test]
async fn what_a_library_says_in_plain_text_becomes_a_problem() {
    let number = async |axum::extract::Path(number): axum::extract::Path<u8>| number.to_string();
    let app = wrapped(Router::new().route("/{number}", get(number)));
    assert_eq!(super::get(&app, "/300").await.slug(), "malformed-request");
}

#[tokio::test]
async fn a_caller_must_be_known_where_it_matters() {
    let routes = Router::new().route("/mine", get(async |_: Authenticated| "yours"));
    let unknown = wrapped(routes.clone());
    let answer = super::get(&unknown, "/mine").await;
    assert_eq!((answer.slug().as_str(), answer.header("www-authenticate")), ("unauthenticated", "Bearer"));

    let known = wrapped(routes.layer(axum::middleware::from_fn(
        async |mut request: axum::extract::Request, next: axum::middleware::Next| {
            crate::authenticate(request.extensions_mut(), actor());
            next.run(request).await
        },
    )));
    assert_eq!(super::get(&known, "/mine").await.bytes, b"yours");
}

#[derive(serde::Deserialize, garde::Validate)]
struct Filter {
    #[garde(range(min = 1, max = 9))]
    depth: Option<u8>,
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let two = async |Path((id, page)): Path<(BookId, u32)>| format!("{id} {page}");
    let routes = Router::new()
        .route("/one/{id}", get(async |Path(id): Path<BookId>| id.to_string()))
        .route("/two/{id}/{page}", get(two))
        .route("/query", get(async |Query(filter): Query<Filter>| format!("{:?}", filter.depth)));
    let app = wrapped(Router::new().nest("/api", routes));
    let id = BookId::new();
    assert_eq!(super::get(&app, &format!("/api/one/{id}")).await.bytes, id.to_string().as_bytes());
    assert_eq!(super::get(&app, "/api/query?depth=3").await.bytes, b"Some(3)");
    for (uri, pointer) in [
        ("/api/one/17", "/id"),
        ("/api/two/17/1", "/id"),
        (&*format!("/api/two/{id}/x"), "/page"),
        ("/api/query?depth=x", "/depth"),
        ("/api/query?depth=10", "/depth"),
    ] {
        let answer = super::get(&app, uri).await;
        assert_eq!(answer.slug(), "validation-failed", "{uri}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{uri}: {}", answer.json());
    }
}

#[tokio::test]
async fn an_absent_body_is_fine_where_it_is_optional() {
    let maybe = async |text: Option<Json<Word>>| text.map_or("nothing".to_owned(), |Json(Word(text))| text);
    let app = wrapped(Router::new().route("/", post(maybe)));
    let ask = async |request: Request<Body>| send(&app, request).await;
    assert_eq!(ask(Request::post("/").body(Body::empty()).unwrap()).await.bytes, b"nothing");
    let json = Request::post("/").header("content-type", "application/json");
    assert_eq!(ask(json.body(Body::from("\"some\"")).unwrap()).await.bytes, b"some");
    let text = ask(Request::post("/").body(Body::from("some")).unwrap()).await;
    assert_eq!(text.slug(), "unsupported-media-type");
}
