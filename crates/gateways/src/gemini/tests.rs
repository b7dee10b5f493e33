//! Gemini's good, blocked, truncated and failing answers.

use serde_json::{Value, json};

use super::*;
use crate::{
    fake::{Fake, KEY, QUICK, Reply, assert_failures_are_told},
    problems::{ANSWER_BLOCKED, UPSTREAM_FAILED},
};

fn gemini(url: &str) -> Gemini {
    let settings = Summarizer {
        delay: Duration::ZERO,
        gemini_key: None,
        gemini_model: "gemini-test".to_owned(),
        gemini_url: format!("{url}/v1beta"),
        openai_url: None,
        openai_model: String::new(),
        openai_key: None,
    };
    let mut gemini = Gemini::new(&http::client().unwrap(), &settings, &Secret::new(KEY.to_owned())).unwrap();
    gemini.upstream.patience = QUICK;
    gemini
}

fn said(text: &str, finish: &str) -> Value {
    json!({ "candidates": [{ "content": { "parts": [{ "text": text }] }, "finishReason": finish }] })
}

async fn answer_to(reply: &Value) -> (Result<Value>, usize) {
    let fake = Fake::start([Reply::json(reply)]).await;
    let answer = gemini(&fake.url).generate_json("be brief", "what is it?", &json!({ "type": "object" })).await;
    (answer, fake.seen().len())
}

#[tokio::test]
async fn every_failure_says_whether_trying_again_helps() {
    let ask = async |url: String| gemini(&url).generate_json("s", "p", &json!({})).await.map(drop);
    assert_failures_are_told(&said("{}", "STOP"), ask).await;
}

#[tokio::test]
async fn a_prompt_is_answered_by_json_of_the_schema() {
    let parts = json!([{ "text": "let me think", "thought": true }, { "text": "{\"a\":" }, { "text": "1}" }]);
    let reply = json!({ "candidates": [{ "content": { "parts": parts, "role": "model" }, "finishReason": "STOP" }] });
    let fake = Fake::start([Reply::json(&reply)]).await;
    let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
    let gemini = gemini(&fake.url);
    assert_eq!(gemini.generate_json("be brief", "what is a?", &schema).await.unwrap(), json!({ "a": 1 }));
    assert_eq!(gemini.model(), "gemini-test");

    let seen = &fake.seen()[0];
    assert_eq!(seen.uri.to_string(), "/v1beta/models/gemini-test:generateContent");
    assert_eq!((seen.method.as_str(), seen.header("x-goog-api-key")), ("POST", Some(KEY)));
    let body = seen.json();
    assert_eq!(
        body["generationConfig"],
        json!({ "responseMimeType": "application/json", "responseJsonSchema": schema })
    );
    assert_eq!(body["systemInstruction"]["parts"][0]["text"], "be brief");
    assert_eq!(body["contents"][0]["parts"][0]["text"], "what is a?");
    assert_eq!(body["store"], json!(false));
}

#[tokio::test]
async fn a_declined_prompt_is_not_worth_another_try() {
    let declined =
        [json!({ "promptFeedback": { "blockReason": "SAFETY" } }), said("", "SAFETY"), said("{", "RECITATION")];
    for reply in declined {
        let problem = answer_to(&reply).await.0.unwrap_err();
        assert!(problem.is(&ANSWER_BLOCKED) && !problem.is_transient(), "{problem}");
    }
}

#[tokio::test]
async fn an_answer_that_is_empty_cut_off_or_not_json_is_left_to_the_jobs_next_attempt() {
    let cases = [
        (json!({}), "empty"),
        (said("", "STOP"), "empty"),
        (said("{\"a\":", "MAX_TOKENS"), "cut off"),
        (said("hunter2 says hello", "STOP"), "cannot be read"),
        (said("{}", "MALFORMED_FUNCTION_CALL"), "before its answer was complete"),
    ];
    for (reply, words) in cases {
        let (answer, calls) = answer_to(&reply).await;
        let problem = answer.unwrap_err();
        assert!(problem.is(&UPSTREAM_FAILED) && problem.is_transient(), "{problem}");
        assert!(problem.to_string().contains(words) && !problem.to_string().contains("hunter2"), "{problem}");
        assert_eq!(calls, 1, "an answer that was paid for is not asked for again at once");
    }
}
