//! The test kit itself: what a test leaves behind fails it.

use jobs::{Enqueue, Noop, Trouble};
use serde_json::json;
use testkit::{Reply, TestApp};

use crate::shelf::{book, summary_of};

#[tokio::test]
#[should_panic(expected = "engine.noop is queued since")]
async fn work_that_is_due_and_was_not_done_fails_a_test() {
    let app = TestApp::start().await;
    app.enqueue(&Noop::default(), Enqueue::now()).await;
}

#[tokio::test]
async fn work_that_is_not_due_yet_does_not() {
    let app = TestApp::start().await;
    app.enqueue(&Noop::default(), Enqueue::after(std::time::Duration::from_secs(1))).await;
}

#[tokio::test]
#[should_panic(expected = "asked to fail for good")]
async fn an_error_in_the_log_fails_a_test_that_did_not_declare_it() {
    let app = TestApp::start().await;
    app.enqueue(&Noop { fail: Some(Trouble::Fatal), ..Noop::default() }, Enqueue::now()).await;
    app.drain_jobs().await;
}

#[tokio::test]
#[should_panic(expected = "/api/v1/plans")]
async fn a_secret_in_the_log_fails_a_test() {
    let app = TestApp::start().await;
    app.never_logs("/api/v1/plans");
    app.get("/api/v1/plans").await.expect(200);
}

#[tokio::test]
#[should_panic(expected = "Gemini was asked /models/")]
async fn an_outside_call_that_nobody_expected_fails_a_test() {
    let app = TestApp::builder().gemini().start().await;
    app.allow_error("books.summarise");
    app.reader().await.post(&summary_of(book())).await.expect(202);
    app.drain_all_jobs().await;
}

#[tokio::test]
async fn every_test_has_a_database_a_redis_prefix_and_a_clock_of_its_own() {
    let (one, other) = (TestApp::start().await, TestApp::start().await);
    one.reader().await;
    one.advance(std::time::Duration::from_secs(60));
    for (app, people) in [(&one, 1), (&other, 0)] {
        assert_eq!(crate::shelf::count(app, "select count(*) from users").await, people);
    }
    assert_ne!(one.parts().config.redis.prefix, other.parts().config.redis.prefix);
    assert_eq!(other.clock().now(), testkit::START);
}

#[tokio::test]
async fn a_fake_answers_in_order_and_remembers_what_it_was_asked() {
    let app = TestApp::builder().google_books().start().await;
    let google = &app.fakes().google_books;
    google.always(Reply::new(403, json!({})));
    google.answer(testkit::volumes(1, &[("g1", "Dune")]));
    let search = async |words: &str| {
        let page = app.get(&format!("/api/v1/books?q={words}")).await.expect(200).json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!((search("dune").await, search("xylophone").await), (1, 0));
    let asked: Vec<_> = google.calls().into_iter().map(|call| call.uri.query().unwrap().to_owned()).collect();
    assert!(asked[0].contains("q=dune") && asked[1].contains("q=xylophone"), "{asked:?}");
}
