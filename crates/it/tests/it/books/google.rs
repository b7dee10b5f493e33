//! Google Books as the catalogue: cached with its entity tags, and replaced by the cache when it fails.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Reply, TestApp, volumes};

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

async fn start() -> TestApp {
    TestApp::builder().google_books().start().await
}

async fn search(app: &TestApp, query: &str) -> Vec<Value> {
    let page = app.get(&format!("/api/v1/books?{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

fn titles(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_search_asks_google_once_a_day_with_the_key_in_a_header() {
    let app = start().await;
    let google = &app.fakes().google_books;
    google.answer(volumes(2, &[("g1", "Dune"), ("g2", "Dune Messiah")]).header("etag", "\"page-1\""));
    let found = search(&app, "q=dune&limit=10").await;
    assert_eq!(titles(&found), ["Dune", "Dune Messiah"]);
    assert_eq!(search(&app, "q=%20DUNE&limit=10").await, found, "the cache answers, whatever the case");
    let calls = google.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].header("x-goog-api-key"), Some("books-key"));
    assert!(calls[0].uri.path() == "/volumes" && !calls[0].uri.to_string().contains("books-key"), "{:?}", calls[0]);

    app.advance(DAY);
    google.answer(Reply::new(304, Value::Null));
    assert_eq!(search(&app, "q=dune&limit=10").await, found);
    assert_eq!(google.calls()[1].header("if-none-match"), Some("\"page-1\""));
    assert_eq!(search(&app, "q=dune&limit=10").await, found);
    assert_eq!(google.calls().len(), 2, "what Google confirmed is fresh again");
}

#[tokio::test]
async fn when_google_fails_an_older_answer_serves_and_else_what_stands_in_postgres() {
    let app = start().await;
    let google = &app.fakes().google_books;
    google.answer(volumes(1, &[("g1", "Dune")]));
    let found = search(&app, "q=dune").await;
    app.advance(2 * DAY);
    google.always(Reply::new(403, json!({ "error": { "status": "QUOTA_EXCEEDED" } })));
    assert_eq!(search(&app, "q=dune").await, found);
    assert_eq!(titles(&search(&app, "q=walden").await)[0], "Walden");
    assert_eq!(titles(&search(&app, "q=dune&limit=3").await), ["Dune"], "never asked like this, but known");
}

#[tokio::test]
async fn a_failing_google_is_tried_a_few_times_and_then_left_alone() {
    let app = start().await;
    app.fakes().google_books.always(Reply::failure());
    assert_eq!(titles(&search(&app, "q=walden").await)[0], "Walden");
    assert_eq!(app.fakes().google_books.calls().len(), 3);
}

#[tokio::test]
async fn a_list_goes_on_in_the_catalogue_where_it_began() {
    let app = start().await;
    let google = &app.fakes().google_books;
    google.answer(volumes(3, &[("g1", "Dune"), ("g2", "Dune Messiah")]));
    let first = app.get("/api/v1/books?q=dune&limit=2").await.expect(200).json();
    let next = format!("/api/v1/books?q=dune&limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    google.answer(Reply::new(403, json!({})));
    app.get(&next).await.expect_problem("catalogue-unavailable");
    app.advance(MINUTE);
    google.answer(volumes(3, &[("g3", "Children of Dune")]));
    let second = app.get(&next).await.expect(200).json();
    assert_eq!(
        (second["items"][0]["title"].as_str(), second["next_cursor"].is_null()),
        (Some("Children of Dune"), true)
    );
    assert!(google.calls()[2].uri.query().unwrap().contains("startIndex=2"));
}

#[tokio::test]
async fn a_book_of_googles_is_read_anew_when_it_is_old_and_shown_in_any_case() {
    let app = start().await;
    let google = &app.fakes().google_books;
    google.answer(volumes(1, &[("g1", "Dune")]));
    let id = search(&app, "q=dune").await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/books/{id}");
    assert_eq!(app.get(&path).await.expect(200).json()["title"], "Dune");
    assert_eq!(google.calls().len(), 1, "it is fresh");
    app.advance(2 * DAY);
    google.answer(Reply::new(200, json!({ "id": "g1", "etag": "e-2", "volumeInfo": { "title": "Dune (new)" } })));
    assert_eq!(app.get(&path).await.expect(200).json()["title"], "Dune (new)");
    assert_eq!(google.calls()[1].header("if-none-match"), Some("e-g1"));
    app.advance(2 * DAY);
    google.answer(Reply::new(403, json!({})));
    assert_eq!(app.get(&path).await.expect(200).json()["title"], "Dune (new)");
}

#[tokio::test]
async fn while_google_fails_it_is_asked_once_a_minute_and_nobody_else_waits() {
    let app = start().await;
    let google = &app.fakes().google_books;
    google.answer(volumes(1, &[("g1", "Dune")]));
    let found = search(&app, "q=dune").await;
    let path = format!("/api/v1/books/{}", found[0]["id"].as_str().unwrap());
    app.advance(2 * DAY);
    google.always(Reply::new(403, json!({})));
    let mut asked = google.calls().len();
    for _ in 0..2 {
        for _ in 0..3 {
            assert_eq!(search(&app, "q=dune").await, found);
            assert_eq!(titles(&search(&app, "q=walden").await)[0], "Walden");
            app.get(&path).await.expect(200);
        }
        asked += 3;
        assert_eq!(google.calls().len(), asked, "each once");
        app.advance(MINUTE + Duration::from_secs(1));
    }
    google.always(volumes(1, &[("g1", "Dune")]));
    search(&app, "q=walden").await;
    assert_eq!(google.calls().len(), asked + 1, "an outage is not remembered for longer");
}

#[tokio::test]
async fn a_volume_that_is_gone_is_asked_for_once_a_day() {
    let app = start().await;
    let google = &app.fakes().google_books;
    google.answer(volumes(1, &[("g1", "Dune")]));
    let path = format!("/api/v1/books/{}", search(&app, "q=dune").await[0]["id"].as_str().unwrap());
    app.advance(2 * DAY);
    google.answer(Reply::new(404, json!({})));
    for _ in 0..3 {
        assert_eq!(app.get(&path).await.expect(200).json()["title"], "Dune");
        app.advance(2 * MINUTE);
    }
    assert_eq!(google.calls().len(), 2);
}

#[tokio::test]
async fn control_characters_from_google_do_no_harm() {
    let app = start().await;
    let google = &app.fakes().google_books;
    let dirty = |text: &str| format!("{text}\u{0}\u{7}");
    let volume = json!({ "id": dirty("g1"), "etag": dirty("e1"), "volumeInfo": {
        "title": dirty("Dune"), "authors": [dirty("Frank Herbert")], "categories": [dirty("Fiction")],
        "description": dirty("Sand."), "language": dirty("en"),
        "imageLinks": { "thumbnail": format!("https://books.example/{}", dirty("cover")) } } });
    google.answer(Reply::new(200, json!({ "totalItems": 1, "items": [volume] })));
    let found = search(&app, "q=dune").await;
    assert_eq!((&found[0]["title"], &found[0]["language"]), (&json!("Dune"), &json!("en")));
    app.advance(2 * DAY);
    google.answer(Reply::new(304, Value::Null));
    let path = format!("/api/v1/books/{}", found[0]["id"].as_str().unwrap());
    app.get(&path).await.expect(200);
    assert_eq!(google.calls()[1].header("if-none-match"), Some("e1"));
}

#[tokio::test]
async fn browsing_without_words_asks_nobody() {
    let app = start().await;
    assert!(search(&app, "limit=5").await.len() == 5);
    app.get("/api/v1/books/categories").await.expect(200);
    assert!(app.fakes().google_books.calls().is_empty());
}
