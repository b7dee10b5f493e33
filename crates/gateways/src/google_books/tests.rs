//! What Google Books answers, and what becomes of it.

use serde_json::{Value, json};

use super::*;
use crate::{
    fake::{Fake, KEY, QUICK, Reply, assert_failures_are_told},
    problems::UPSTREAM_REFUSED,
};

fn books(url: &str) -> GoogleBooks {
    let base = format!("{url}/books/v1");
    let mut books = GoogleBooks::new(&http::client().unwrap(), &base, &Secret::new(KEY.to_owned())).unwrap();
    books.upstream.patience = QUICK;
    books
}

const SEARCH: Search<'_> = Search { text: "white whale", subject: Some("Sea \"stories\""), start: 40, limit: 500 };

fn moby() -> Value {
    json!({
        "id": "x1", "etag": "e1",
        "volumeInfo": {
            "title": "Moby-Dick", "authors": ["Herman Melville"], "publishedDate": "1851-10-18", "language": "en",
            "categories": ["Fiction"], "description": "<p>A <b>whale</b> &amp; a captain.<br>2 < 3</p>",
            "imageLinks": { "smallThumbnail": "http://books.google.com/s", "thumbnail": "http://books.google.com/t" }
        }
    })
}

#[tokio::test]
async fn every_failure_says_whether_trying_again_helps() {
    let search = async |url: String| books(&url).search(&SEARCH, None).await.map(drop);
    assert_failures_are_told(&json!({ "totalItems": 0 }), search).await;
    let volume = async |url: String| books(&url).volume("x1", None).await.map(drop);
    assert_failures_are_told(&moby(), volume).await;
}

#[tokio::test]
async fn a_search_answers_typed_volumes() {
    let found = json!({ "totalItems": 900, "items": [moby(), { "id": "x2" }, { "id": "x3", "volumeInfo": { "title": "Bare" } }] });
    let fake = Fake::start([Reply::json(&found).header("etag", "page-1")]).await;
    let Fetched::Fresh { value, etag } = books(&fake.url).search(&SEARCH, None).await.unwrap() else { panic!() };
    assert_eq!((value.total, value.volumes.len(), etag.as_deref()), (900, 2, Some("page-1")));
    let expected = Volume {
        id: "x1".into(),
        title: "Moby-Dick".into(),
        authors: vec!["Herman Melville".into()],
        year: Some(1851),
        categories: vec!["Fiction".into()],
        description: Some("A whale & a captain. 2 < 3".into()),
        language: Some("en".into()),
        thumbnail: Some("https://books.google.com/t".into()),
        etag: Some("e1".into()),
    };
    assert_eq!(value.volumes[0], expected);
    assert_eq!((value.volumes[1].year, &value.volumes[1].description), (None, &None));

    let seen = &fake.seen()[0];
    let query = seen.uri.query().unwrap();
    assert_eq!((seen.uri.path(), seen.header("x-goog-api-key")), ("/books/v1/volumes", Some(KEY)));
    assert!(query.contains("q=white+whale+subject%3A%22Sea++stories+%22") && !query.contains("key="), "{query}");
    assert!(query.contains("startIndex=40") && query.contains("maxResults=40"), "{query}");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let fake = Fake::start([Reply::new(304, "")]).await;
    assert_eq!(books(&fake.url).volume("x1", Some("\"e1\"")).await.unwrap(), Fetched::NotModified);
    let seen = &fake.seen()[0];
    assert_eq!((seen.uri.path(), seen.header("if-none-match")), ("/books/v1/volumes/x1", Some("\"e1\"")));
}

#[tokio::test]
async fn a_volume_that_is_not_there_is_not_found() {
    let fake = Fake::start([Reply::new(404, "{}")]).await;
    let problem = books(&fake.url).volume("gone", None).await.unwrap_err();
    assert!(problem.is(&kinds::NOT_FOUND) && !problem.is_transient(), "{problem}");
}

#[tokio::test]
async fn a_wrong_key_is_refused_for_good() {
    let fake = Fake::start([Reply::new(400, json!({ "error": { "status": "INVALID_ARGUMENT" } }).to_string())]).await;
    let problem = books(&fake.url).search(&SEARCH, None).await.unwrap_err();
    assert!(problem.is(&UPSTREAM_REFUSED) && !problem.is_transient() && fake.seen().len() == 1, "{problem}");
}

#[test]
fn an_empty_text_searches_the_subject_alone() {
    assert_eq!(query(&Search { text: " ", subject: Some("Fiction"), start: 0, limit: 1 }), "subject:\"Fiction\"");
    assert_eq!(query(&Search { text: "tide", subject: None, start: 0, limit: 1 }), "tide");
}
