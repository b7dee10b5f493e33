//! The built-in catalogue: searching, paging, categories.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::TestApp;

use crate::shelf::{book, books};

fn titles(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

async fn search(app: &TestApp, query: &str) -> Vec<String> {
    titles(&app.get(&format!("/api/v1/books?{query}")).await.expect(200).json())
}

#[tokio::test]
async fn a_book_is_found_by_title_author_subject_and_what_it_is_about() {
    let app = TestApp::start().await;
    assert_eq!(search(&app, "q=walden").await[0], "Walden");
    assert!(search(&app, "q=thoreau").await.contains(&"Walden".to_owned()));
    assert_eq!(search(&app, "q=wald").await[0], "Walden", "the last word may be unfinished");
    assert!(search(&app, "q=%22vindication%20of%20the%20rights%22").await[0].contains("Vindication"));
    assert!(search(&app, "q=cabin%20pond").await.contains(&"Walden".to_owned()), "words of the description");
    assert!(search(&app, "q=xylophone%20quasar").await.is_empty());
    let without = search(&app, "q=philosophy%20-walden").await;
    assert!(!without.is_empty() && !without.contains(&"Walden".to_owned()), "{without:?}");
}

#[tokio::test]
async fn a_book_shows_all_that_is_known_of_it() {
    let app = TestApp::start().await;
    let shown = app.get(&format!("/api/v1/books/{}", book())).await.expect(200).json();
    assert_eq!(shown["id"], book().to_string());
    for member in ["title", "description"] {
        assert!(!shown[member].as_str().unwrap().is_empty(), "{shown}");
    }
    assert!(!shown["authors"].as_array().unwrap().is_empty() && !shown["categories"].as_array().unwrap().is_empty());
    let nobodys = uuid::Uuid::nil();
    app.get(&format!("/api/v1/books/{nobodys}")).await.expect_problem("not-found");
    app.get("/api/v1/books/walden").await.expect_problem("validation-failed");
}

#[tokio::test]
async fn paging_shows_every_book_once_and_follows_the_link() {
    let app = TestApp::start().await;
    let (mut path, mut seen, mut pages) = ("/api/v1/books?limit=7".to_owned(), Vec::new(), 0);
    loop {
        let answer = app.get(&path).await.expect(200);
        let page = answer.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        pages += 1;
        let link = answer.header("link").to_owned();
        if page["next_cursor"].is_null() {
            assert_eq!(link, "");
            break;
        }
        path = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap().to_owned();
        assert!(path.contains("limit=7") && path.contains(page["next_cursor"].as_str().unwrap()), "{path}");
    }
    assert_eq!(seen.len(), books().len());
    assert_eq!(pages, books().len().div_ceil(7));
    let all: BTreeSet<String> = books().iter().map(ToString::to_string).collect();
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
}

#[tokio::test]
async fn categories_are_counted_and_filter() {
    let app = TestApp::start().await;
    let categories = app.get("/api/v1/books/categories").await.expect(200).json();
    let rows = categories["items"].as_array().unwrap();
    assert!(rows.len() > 3, "{categories}");
    let counts: Vec<u64> = rows.iter().map(|row| row["books"].as_u64().unwrap()).collect();
    assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
    for row in rows.iter().take(3) {
        let name = row["name"].as_str().unwrap().replace(' ', "%20").replace('&', "%26");
        let found = app.get(&format!("/api/v1/books?limit=200&category={name}")).await.expect(200).json();
        let found = found["items"].as_array().unwrap();
        assert_eq!(found.len() as u64, row["books"].as_u64().unwrap(), "{name}");
        assert!(found.iter().all(|book| book["categories"].as_array().unwrap().contains(&row["name"])), "{name}");
    }
    assert!(search(&app, "category=No%20such%20one").await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let app = TestApp::start().await;
    let long = "q=".to_owned() + &"x".repeat(201);
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=many", "/limit"),
        ("cursor=!!", "/cursor"),
        ("cursor=Nw", "/cursor"),
        (long.as_str(), "/q"),
        ("q=a%00b", "/q"),
        ("category=", "/category"),
    ] {
        let refused = app.get(&format!("/api/v1/books?{query}")).await.expect_problem("validation-failed").json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{query}: {refused}");
    }
    // Whatever is in a search, it is only a search.
    for words in ["%27", "%5C", "a%20%26%20%7C%20b", "%28%28", "%3A*", "the", "-", "%22", "or", "🙂"] {
        app.get(&format!("/api/v1/books?q={words}")).await.expect(200);
    }
}
