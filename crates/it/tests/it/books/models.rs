//! Language models as summarisers: what they are sent, and that only a whole summary is kept.

use serde_json::{Value, json};
use testkit::{Reply, TestApp, gemini_says, openai_says};

use crate::shelf::{book, good_answer, made, short_answer, summary_of, used};

#[tokio::test]
async fn gemini_is_asked_for_the_schema_with_its_key_in_a_header() {
    let app = TestApp::builder().gemini().start().await;
    let ann = app.reader().await;
    app.fakes().gemini.answer(gemini_says(&good_answer()));
    ann.post(&summary_of(book())).await.expect(202);
    app.drain_all_jobs().await;
    let summary = ann.get(&summary_of(book())).await.expect(200).json();
    assert_eq!((&summary["engine"], &summary["model"]), (&json!("gemini"), &json!("gemini-flash-latest")));
    assert_eq!(summary["key_insights"].as_array().unwrap().len(), 10);

    let calls = app.fakes().gemini.calls();
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    assert_eq!(call.uri.to_string(), "/models/gemini-flash-latest:generateContent");
    assert_eq!(call.header("x-goog-api-key"), Some("gemini-key"));
    assert_eq!(call.body["store"], false);
    let schema = &call.body["generationConfig"]["responseJsonSchema"];
    assert!(schema["properties"]["one_page"].is_object(), "{schema}");
    let title = &books::catalogue::builtin().unwrap()[0].title;
    assert!(call.body["contents"].to_string().contains(title.as_str()));
}

#[tokio::test]
async fn an_openai_compatible_endpoint_is_asked_and_named() {
    let app = TestApp::builder().openai().start().await;
    let ann = app.reader().await;
    app.fakes().openai.answer(openai_says(&good_answer()));
    ann.post(&summary_of(book())).await.expect(202);
    app.drain_all_jobs().await;
    let summary = ann.get(&summary_of(book())).await.expect(200).json();
    assert_eq!((&summary["engine"], &summary["model"]), (&json!("openai-compatible"), &json!("llama3.2")));
    let calls = app.fakes().openai.calls();
    assert_eq!((calls.len(), calls[0].uri.path()), (1, "/chat/completions"));
    assert_eq!((&calls[0].body["model"], &calls[0].body["stream"]), (&json!("llama3.2"), &json!(false)));
}

#[tokio::test]
async fn an_endpoint_that_takes_no_schema_is_asked_for_plain_json() {
    let app = TestApp::builder().openai().start().await;
    let ann = app.reader().await;
    app.fakes().openai.answer(Reply::new(400, json!({ "error": { "code": "unsupported_format" } })));
    app.fakes().openai.answer(openai_says(&good_answer()));
    ann.post(&summary_of(book())).await.expect(202);
    app.drain_all_jobs().await;
    ann.get(&summary_of(book())).await.expect(200);
    let calls = app.fakes().openai.calls();
    assert_eq!(calls[1].body["response_format"], json!({ "type": "json_object" }));
}

/// What models say when they do not say a summary.
fn wrong_answers() -> [Value; 4] {
    let mut blank = good_answer();
    blank["one_page"]["headline"] = json!("  ");
    let mut extra = good_answer();
    extra["mood"] = json!("good");
    [short_answer(), blank, extra, json!({ "sorry": "I cannot" })]
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again_and_never_stored() {
    let app = TestApp::builder().gemini().start().await;
    let ann = app.reader().await;
    for wrong in &wrong_answers()[..3] {
        app.fakes().gemini.answer(gemini_says(wrong));
    }
    app.fakes().gemini.answer(gemini_says(&good_answer()));
    let task = ann.post(&summary_of(book())).await.expect(202);
    app.advance(crate::shelf::DELAY);
    app.drain_jobs().await;
    assert_eq!(made(&app).await, 0);
    let shown = ann.get(task.header("location")).await.expect(200).json();
    assert_eq!((&shown["status"], &shown["attempt"]), (&json!("scheduled"), &json!(1)));
    ann.get(&summary_of(book())).await.expect(202);
    app.drain_all_jobs().await;
    let done = &app.executions("books.summarise").await[0];
    assert_eq!((done.state.as_str(), done.attempt, made(&app).await), ("succeeded", 4, 1));
    let problems: Vec<&Value> = done.errors.as_array().unwrap().iter().map(|error| &error["problem"]).collect();
    assert_eq!(problems, [&json!("summary-malformed"); 3]);
    assert_eq!(used(&ann).await, 1);
}

#[tokio::test]
async fn a_model_that_never_answers_right_is_given_up_and_the_unit_given_back() {
    let app = TestApp::builder().openai().start().await;
    app.allow_error("books.summarise");
    let ann = app.reader().await;
    for wrong in wrong_answers() {
        app.fakes().openai.answer(openai_says(&wrong));
    }
    let task = ann.post(&summary_of(book())).await.expect(202);
    app.drain_all_jobs().await;
    assert_eq!((app.fakes().openai.calls().len(), made(&app).await, used(&ann).await), (4, 0, 0));
    let shown = ann.get(task.header("location")).await.expect(200).json();
    assert_eq!(shown["problem"]["type"], "/problems/summary-malformed");
    assert_eq!(shown["problem"]["detail"], "It was tried 4 times.");
}

#[tokio::test]
async fn a_model_that_declines_is_not_asked_again() {
    let app = TestApp::builder().gemini().start().await;
    app.allow_error("books.summarise");
    let ann = app.reader().await;
    app.fakes().gemini.answer(Reply::new(200, json!({ "candidates": [{ "finishReason": "SAFETY" }] })));
    let task = ann.post(&summary_of(book())).await.expect(202);
    app.drain_all_jobs().await;
    let shown = ann.get(task.header("location")).await.expect(200).json();
    assert_eq!((&shown["attempt"], &shown["problem"]["type"]), (&json!(1), &json!("/problems/answer-blocked")));
    assert_eq!(used(&ann).await, 0);
}

#[tokio::test]
async fn a_busy_model_is_asked_when_it_said() {
    let app = TestApp::builder().gemini().start().await;
    let ann = app.reader().await;
    app.fakes().gemini.answer(Reply::new(429, json!({})).header("retry-after", "120"));
    app.fakes().gemini.answer(gemini_says(&good_answer()));
    ann.post(&summary_of(book())).await.expect(202);
    app.drain_all_jobs().await;
    let done = &app.executions("books.summarise").await[0];
    assert_eq!((done.state.as_str(), done.attempt), ("succeeded", 2));
    assert_eq!(done.run_at.to_rfc3339(), "2026-01-05T10:02:02+00:00");
}
