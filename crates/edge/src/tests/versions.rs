//! ETag, If-Match and If-None-Match.

use axum::{Router, http::StatusCode, routing::get};

use super::{get_with, wrapped};
use crate::{ContentTag, ETag, IfMatch, Json, Reply};

fn app() -> Router {
    let read = async || (ETag(7), Json("seven"));
    let write = async |seen: IfMatch| -> Reply<Json<&str>> {
        seen.check(7)?;
        Ok(Json("written"))
    };
    wrapped(Router::new().route("/read", get(read)).route("/write", get(write)))
}

#[tokio::test]
async fn a_write_needs_the_present_version() {
    let app = app();
    assert_eq!(super::get(&app, "/write").await.slug(), "precondition-required");
    for old in ["\"6\"", "W/\"7\"", "7", "\"seven\"", "\"1\", \"2\""] {
        let answer = get_with(&app, "/write", &[("if-match", old)]).await;
        assert_eq!(answer.slug(), "precondition-failed", "{old}");
    }
    for present in ["\"7\"", "*", "\"6\", \"7\""] {
        assert_eq!(get_with(&app, "/write", &[("if-match", present)]).await.status, StatusCode::OK, "{present}");
    }
}

#[tokio::test]
async fn a_read_of_what_the_caller_has_is_not_modified() {
    let app = app();
    assert_eq!(super::get(&app, "/read").await.header("etag"), "\"7\"");
    for known in ["\"7\"", "W/\"7\"", "\"5\", \"7\"", "*"] {
        let answer = get_with(&app, "/read", &[("if-none-match", known)]).await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!((answer.header("etag"), &*answer.bytes), ("\"7\"", &b""[..]));
    }
    assert_eq!(get_with(&app, "/read", &[("if-none-match", "\"6\"")]).await.bytes, b"\"seven\"");
}

#[tokio::test]
async fn a_tag_of_the_content_is_a_version_for_writes_and_the_very_answer_for_reads() {
    let read = async || (ContentTag::of(7, b"seven"), Json("seven"));
    let write = async |seen: Option<IfMatch>| -> Reply<Json<&str>> {
        if let Some(seen) = seen {
            seen.check(7)?;
        }
        Ok(Json("written"))
    };
    let app = wrapped(Router::new().route("/read", get(read)).route("/write", get(write)));
    let tag = super::get(&app, "/read").await.header("etag").to_owned();
    assert!(tag.starts_with("\"7-") && tag.len() == 20, "{tag}");
    assert_eq!(get_with(&app, "/read", &[("if-none-match", &tag)]).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(get_with(&app, "/read", &[("if-none-match", "\"7\"")]).await.status, StatusCode::OK);
    for seen in [tag.as_str(), "\"7\"", "\"7-0123456789abcdef\""] {
        assert_eq!(get_with(&app, "/write", &[("if-match", seen)]).await.status, StatusCode::OK, "{seen}");
    }
    assert_eq!(super::get(&app, "/write").await.status, StatusCode::OK);
    let old = format!("\"6{}", tag.trim_start_matches("\"7"));
    assert_eq!(get_with(&app, "/write", &[("if-match", &old)]).await.slug(), "precondition-failed");
}
