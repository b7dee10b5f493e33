//! The catalogue and the summaries: what readers find, what they pay for, and what they get back.

use std::time::Duration;

use serde_json::{Value, json};
use store::Sql;
use testkit::{Builder, Person, Reply, TestApp, openai_says, volumes};

const KIND: &str = "books.summarise";

async fn start(builder: Builder) -> TestApp {
    let app = builder.start().await;
    books::seed(app.db()).await.unwrap();
    app
}

async fn titles(app: &TestApp, query: &str) -> Vec<String> {
    let page = app.get(&format!("/api/v1/books?{query}")).await.expect(200).json();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|book| book["title"].as_str().unwrap().to_owned()).collect()
}

/// The path of the summary of the first book found.
async fn summary_of(app: &TestApp, query: &str) -> String {
    let page = app.get(&format!("/api/v1/books?q={query}")).await.expect(200).json();
    format!("/api/v1/books/{}/summary", page["items"][0]["id"].as_str().unwrap())
}

/// Runs what was asked for, with its delay and its retries: a summary has four attempts.
async fn finish(app: &TestApp) {
    for _ in 0..5 {
        app.advance(Duration::from_secs(10)); // longer than the delay and each wait; a token lives 15 minutes
        app.drain_jobs().await;
    }
}

async fn used(reader: &Person<'_>) -> u64 {
    let usage = reader.get("/api/v1/me/usage").await.expect(200).json();
    usage["usage"]["summaries"]["used"].as_u64().unwrap()
}

/// What a language model answers: `insights` of them.
fn answer(insights: usize) -> Value {
    let text = "Something that the book says.";
    let insight = json!({ "title": text, "description": text, "theme": "power", "application": text, "quote": null });
    json!({
        "main_argument": { "problem": text, "solution": text, "why_it_matters": text },
        "framework": { "name": text, "components": [{ "name": text, "description": text }] },
        "key_insights": vec![insight; insights],
        "implementation_guide": { "steps": [text], "pitfalls": [text], "quick_wins": [text] },
        "evidence": [text], "criticisms": [],
        "one_page": { "headline": text, "core_message": text, "principles": [text, text, text],
            "takeaways": [text, text, text], "who_should_read": text, "bottom_line": text },
    })
}

#[tokio::test]
async fn books_are_found_by_words_by_beginnings_and_by_category() {
    let app = start(TestApp::builder()).await;
    assert_eq!(titles(&app, "q=crime%20and%20pun").await, ["Crime and Punishment"]);
    assert_eq!(titles(&app, "q=%22art%20of%20war%22").await, ["The Art of War"]);
    assert_eq!(titles(&app, "q=plato%20-republic").await, Vec::<String>::new());
    assert_eq!(titles(&app, "q=darwin&category=Adventure").await[0], "The Voyage of the Beagle");
    let categories = app.get("/api/v1/books/categories").await.expect(200).json();
    let horror = categories["items"].as_array().unwrap().iter().find(|item| item["name"] == "Horror").unwrap();
    assert_eq!(horror["books"], titles(&app, "category=Horror").await.len());
    app.get("/api/v1/books?q=%00").await.expect_problem("validation-failed");
    app.get("/api/v1/books/6c3f1e2a-0000-4000-8000-000000000000").await.expect_problem("not-found");
}

#[tokio::test]
async fn paging_shows_every_book_once() {
    let app = start(TestApp::builder()).await;
    let mut seen = Vec::new();
    let mut path = "/api/v1/books?limit=20".to_owned();
    loop {
        let page = app.get(&path).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|book| book["id"].to_string()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/books?limit=20&cursor={cursor}");
    }
    let pages = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), pages), (48, 48));
    assert_eq!(books::seed(app.db()).await.unwrap(), 0, "an unchanged catalogue is not written again");
}

#[tokio::test]
async fn google_books_answers_and_its_cache_when_it_does_not() {
    let app =
        start(TestApp::builder().google_books().config(|c| c.catalogue.cache_ttl = Duration::from_secs(60))).await;
    let google = &app.fakes().google_books;
    google.answer(volumes(3, &[("a", "First"), ("b", "Second"), ("a", "First")]).header("etag", "\"v1\""));
    assert_eq!(titles(&app, "q=novel&limit=2").await, ["First", "Second"]);
    assert_eq!(titles(&app, "q=%20Novel&limit=2").await, ["First", "Second"], "asked the same again");
    assert_eq!(google.calls().len(), 1);
    assert_eq!(google.calls()[0].header("x-goog-api-key"), Some("books-key"));

    app.advance(Duration::from_secs(61));
    google.answer(Reply::new(304, Value::Null));
    assert_eq!(titles(&app, "q=novel&limit=2").await, ["First", "Second"]);
    assert_eq!(google.calls()[1].header("if-none-match"), Some("\"v1\""));

    app.advance(Duration::from_secs(61));
    google.always(Reply::new(403, json!({})));
    assert_eq!(titles(&app, "q=novel&limit=2").await, ["First", "Second"], "the old answer serves");
    assert_eq!(titles(&app, "q=moby").await, ["Moby-Dick"], "what was never asked is looked for in Postgres");
    let first = app.get("/api/v1/books?q=novel&limit=2").await.json();
    let next = first["next_cursor"].as_str().unwrap();
    app.get(&format!("/api/v1/books?q=novel&limit=2&cursor={next}")).await.expect_problem("catalogue-unavailable");
}

#[tokio::test]
async fn a_summary_is_made_once_and_paid_for_once_per_reader() {
    let app = start(TestApp::builder()).await;
    let (ann, ben, cleo) = (app.reader().await, app.reader().await, app.reader().await);
    let path = summary_of(&app, "plato").await;
    ann.get(&path).await.expect_problem("summary-not-requested");
    let asked = ann.post(&path).await.expect(202);
    let task = asked.json()["task_id"].as_str().unwrap().to_owned();
    assert_eq!(asked.header("location"), format!("/api/v1/tasks/{task}"));
    assert_eq!(asked.json()["status"], "scheduled");
    assert_eq!(ann.post(&path).await.expect(202).json()["task_id"], task);
    assert_eq!(ben.post(&path).await.expect(202).json()["task_id"], task);
    assert_eq!(ben.get(&path).await.expect(202).json()["task_id"], task);
    ben.get(&format!("/api/v1/tasks/{task}")).await.expect(200);
    cleo.get(&format!("/api/v1/tasks/{task}")).await.expect_problem("not-found");

    finish(&app).await;
    let finished = ben.get(&format!("/api/v1/tasks/{task}")).await.expect(200).json();
    assert_eq!((&finished["status"], &finished["result_url"]), (&json!("succeeded"), &json!(path)));
    let summary = ann.get(&path).await.expect(200).json();
    assert_eq!((&summary["engine"], &summary["model"]), (&json!("built-in extractive"), &Value::Null));
    assert!(summary["key_insights"].as_array().unwrap().len() >= 3);
    cleo.get(&path).await.expect_problem("summary-not-requested");
    assert_eq!(cleo.post(&path).await.expect(200).json()["one_page"], summary["one_page"]);
    cleo.get(&path).await.expect(200);
    for reader in [&ann, &ben, &cleo] {
        reader.post(&path).await.expect(200);
        assert_eq!(used(reader).await, 1);
    }
    assert_eq!(app.executions(KIND).await.len(), 1);
}

#[tokio::test]
async fn a_crowd_that_asks_at_once_waits_for_one_execution() {
    let app = start(TestApp::builder()).await;
    let path = summary_of(&app, "dracula").await;
    let (ann, ben, cleo, dan) = tokio::join!(app.reader(), app.reader(), app.reader(), app.reader());
    let crowd = [&ann, &ben, &cleo, &dan];
    let requests = (0..20).map(|turn| crowd[turn % crowd.len()].post(&path).send());
    for asked in futures::future::join_all(requests).await {
        asked.expect(202);
    }
    assert_eq!(app.executions(KIND).await.len(), 1);
    finish(&app).await;
    for reader in crowd {
        reader.get(&path).await.expect(200);
        assert_eq!(used(reader).await, 1);
    }
}

#[tokio::test]
async fn a_spent_quota_names_the_plan_and_nothing_is_enqueued() {
    let app = start(TestApp::builder()).await;
    let reader = app.reader().await;
    reader.post(&summary_of(&app, "plato").await).await.expect(202);
    let other = summary_of(&app, "dracula").await;
    let refused = reader.post(&other).await.expect_problem("usage-limit-reached").json();
    assert_eq!((&refused["plan"], &refused["limit"]), (&json!("free"), &json!(1)));
    reader.get(&other).await.expect_problem("summary-not-requested");
    assert_eq!(app.executions(KIND).await.len(), 1);
    finish(&app).await;
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again_and_never_stored() {
    let app = start(TestApp::builder().openai()).await;
    let reader = app.reader().await;
    let path = summary_of(&app, "walden").await;
    let model = &app.fakes().openai;
    model.answer(openai_says(&answer(9)));
    model.answer(openai_says(&json!({ "mood": "good" })));
    model.answer(openai_says(&answer(10)));
    reader.post(&path).await.expect(202);
    finish(&app).await;
    let summary = reader.get(&path).await.expect(200).json();
    assert_eq!((&summary["engine"], &summary["model"]), (&json!("openai-compatible"), &json!("llama3.2")));
    assert_eq!(summary["key_insights"].as_array().unwrap().len(), 10);
    assert_eq!(app.executions(KIND).await[0].attempt, 3);
    let schema = &model.calls()[0].body["response_format"]["json_schema"]["schema"];
    assert_eq!(schema["properties"]["key_insights"]["minItems"], 10);
}

#[tokio::test]
async fn when_it_fails_for_good_everybody_is_refunded_once_and_can_ask_again() {
    let app = start(TestApp::builder().openai()).await;
    app.allow_error("summary-malformed");
    let (ann, ben) = (app.reader().await, app.reader().await);
    let path = summary_of(&app, "walden").await;
    app.fakes().openai.always(openai_says(&answer(1)));
    let task = ann.post(&path).await.expect(202).json()["task_id"].as_str().unwrap().to_owned();
    ben.post(&path).await.expect(202);
    assert_eq!((used(&ann).await, used(&ben).await), (1, 1));
    finish(&app).await;
    assert_eq!((used(&ann).await, used(&ben).await), (0, 0));
    ann.get(&path).await.expect_problem("summary-not-requested");
    let failed = ben.get(&format!("/api/v1/tasks/{task}")).await.expect(200).json();
    assert_eq!(failed["problem"]["type"], "/problems/summary-malformed");

    app.fakes().openai.always(openai_says(&answer(10)));
    assert_ne!(ann.post(&path).await.expect(202).json()["task_id"], task);
    finish(&app).await;
    ann.get(&path).await.expect(200);
    assert_eq!((used(&ann).await, used(&ben).await), (1, 0));
}

#[tokio::test]
async fn a_worker_that_dies_in_the_last_attempt_does_not_keep_the_units() {
    let app = start(TestApp::builder()).await;
    let reader = app.reader().await;
    let path = summary_of(&app, "walden").await;
    reader.post(&path).await.expect(202);
    // As the sweeper leaves it: nothing of the domain's own code has run.
    let dead = "update executions set state = 'failed', finished_at = created_at where kind = $1";
    app.db().conn().run(dead, [KIND.into()]).await.unwrap();
    reader.get(&path).await.expect_problem("summary-not-requested");
    assert_eq!(used(&reader).await, 1);

    app.declare_schedules().await;
    for _ in 0..3 {
        app.advance(Duration::from_secs(60));
        app.tick().await;
        app.drain_jobs().await;
        assert_eq!(used(&reader).await, 0);
    }
}

#[tokio::test]
async fn a_reader_who_asks_before_a_failure_was_noticed_is_not_charged_twice() {
    let app = start(TestApp::builder()).await;
    let (ann, ben) = (app.reader().await, app.reader().await);
    let path = summary_of(&app, "walden").await;
    let first = ann.post(&path).await.expect(202).json();
    ben.post(&path).await.expect(202);
    let dead = "update executions set state = 'cancelled', finished_at = created_at where kind = $1";
    app.db().conn().run(dead, [KIND.into()]).await.unwrap();
    let second = ann.post(&path).await.expect(202).json();
    assert_ne!(first["task_id"], second["task_id"]);
    assert_eq!((used(&ann).await, used(&ben).await), (1, 0));
    finish(&app).await;
    ann.get(&path).await.expect(200);
    ben.get(&path).await.expect_problem("summary-not-requested");
}

#[tokio::test]
async fn too_little_text_fails_at_once_and_costs_nothing() {
    let app = start(TestApp::builder().google_books()).await;
    app.allow_error("too-little-to-summarise");
    app.fakes().google_books.answer(volumes(1, &[("x", "Nearly nothing")]));
    let reader = app.reader().await;
    let path = summary_of(&app, "nothing").await;
    reader.post(&path).await.expect(202);
    finish(&app).await;
    assert_eq!(used(&reader).await, 0);
    assert_eq!(app.executions(KIND).await[0].attempt, 1);
}

#[tokio::test]
async fn the_same_key_gets_the_same_answer() {
    let app = start(TestApp::builder()).await;
    let reader = app.reader().await;
    let path = summary_of(&app, "walden").await;
    let first = reader.post(&path).idempotency_key("k").await.expect(202);
    finish(&app).await;
    let again = reader.post(&path).idempotency_key("k").await.expect(202);
    assert_eq!((again.header("idempotency-replayed"), again.text()), ("true", first.text()));
    reader.post(&path).await.expect(200);
}
