//! Lists and the answers that point somewhere.

use axum::{Router, routing::get};
use kernel::Page;

use super::wrapped;
use crate::{Accepted, Created, PageQuery, Paged, Reply};

async fn numbers(page: PageQuery) -> Reply<Paged<u64>> {
    let start = page.position::<u64>()?.map_or(0, |last| last + 1);
    let rows = (start..500).take(page.limit as usize + 1).collect();
    Ok(page.answer(Page::cut(rows, page.limit, |last| *last)))
}

#[tokio::test]
async fn following_the_links_reads_the_whole_list_and_keeps_the_query() {
    let app = wrapped(Router::new().nest("/api", Router::new().route("/numbers", get(numbers))));
    let mut uri = "/api/numbers?q=a%20b%26c&limit=200".to_owned();
    let mut seen = 0;
    loop {
        let answer = super::get(&app, &uri).await;
        let body = answer.json();
        seen += body["items"].as_array().unwrap().len();
        let Some(link) = answer.header("link").strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""))
        else {
            assert!(body["next_cursor"].is_null() && answer.header("link").is_empty());
            break;
        };
        let cursor = body["next_cursor"].as_str().unwrap();
        assert_eq!(link, format!("/api/numbers?q=a+b%26c&limit=200&cursor={cursor}"));
        uri = link.to_owned();
    }
    assert_eq!(seen, 500);
}

#[tokio::test]
async fn a_limit_has_bounds_and_a_default() {
    let app = wrapped(Router::new().route("/", get(numbers)));
    assert_eq!(super::get(&app, "/").await.json()["items"].as_array().unwrap().len(), 50);
    for (uri, pointer) in [
        ("/?limit=0", "/limit"),
        ("/?limit=201", "/limit"),
        ("/?limit=-1", "/limit"),
        ("/?limit=x", "/limit"),
        ("/?cursor=!", "/cursor"),
        (&*format!("/?cursor={}", "a".repeat(1025)), "/cursor"),
    ] {
        let answer = super::get(&app, uri).await;
        assert_eq!(answer.slug(), "validation-failed", "{uri}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{uri}");
    }
}

#[tokio::test]
async fn what_was_made_or_accepted_says_where_it_is() {
    let made = async || Created { location: "/made/1".into(), body: 1 };
    let accepted = async || Accepted { location: "/tasks/1".into(), body: 2 };
    let app = wrapped(Router::new().route("/made", get(made)).route("/accepted", get(accepted)));
    let answer = super::get(&app, "/made").await;
    assert_eq!((answer.status.as_u16(), answer.header("location"), &*answer.bytes), (201, "/made/1", &b"1"[..]));
    let answer = super::get(&app, "/accepted").await;
    assert_eq!((answer.status.as_u16(), answer.header("location"), &*answer.bytes), (202, "/tasks/1", &b"2"[..]));
}
