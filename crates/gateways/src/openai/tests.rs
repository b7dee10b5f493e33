//! Answers of OpenAI-compatible endpoints, with and without schemas.

use std::time::Duration;

use kernel::Secret;
use serde_json::{Value, json};

use super::*;
use crate::{
    fake::{Fake, KEY, QUICK, Reply, assert_failures_are_told},
    problems::{ANSWER_BLOCKED, UPSTREAM_FAILED, UPSTREAM_REFUSED},
};

fn openai(url: &str, key: Option<&str>) -> OpenAi {
    let settings = Summarizer {
        delay: Duration::ZERO,
        gemini_key: None,
        gemini_model: String::new(),
        gemini_url: String::new(),
        openai_url: None,
        openai_model: "llama-test".to_owned(),
        openai_key: key.map(|key| Secret::new(key.to_owned())),
    };
    let mut openai = OpenAi::new(&http::client().unwrap(), &settings, &format!("{url}/v1")).unwrap();
    openai.upstream.patience = QUICK;
    openai
}

fn said(content: &str, finish: &str) -> Value {
    json!({ "choices": [{ "message": { "role": "assistant", "content": content }, "finish_reason": finish }] })
}

#[tokio::test]
async fn every_failure_says_whether_trying_again_helps() {
    let ask = async |url: String| openai(&url, Some(KEY)).generate_json("s", "p", &json!({})).await.map(drop);
    assert_failures_are_told(&said("{}", "stop"), ask).await;
}

#[tokio::test]
async fn a_prompt_is_answered_by_json_of_the_schema() {
    let fake = Fake::start([Reply::new(500, ""), Reply::json(&said("```json\n{\"a\": 1}\n```", "stop"))]).await;
    let schema = json!({ "type": "object" });
    let openai = openai(&fake.url, Some(KEY));
    assert_eq!(openai.generate_json("be brief", "what is a?", &schema).await.unwrap(), json!({ "a": 1 }));
    assert_eq!(openai.model(), "llama-test");

    let seen = fake.seen();
    let bearer = format!("Bearer {KEY}");
    assert_eq!((seen[1].uri.path(), seen[1].header("authorization")), ("/v1/chat/completions", Some(bearer.as_str())));
    let body = seen[1].json();
    assert_eq!((&body["model"], &body["messages"][1]["content"]), (&json!("llama-test"), &json!("what is a?")));
    assert_eq!(body["response_format"]["json_schema"]["schema"], schema);
    assert!(seen[0].header("idempotency-key").is_some());
    assert_eq!(seen[0].header("idempotency-key"), seen[1].header("idempotency-key"), "one question, one key");
}

#[tokio::test]
async fn a_server_that_refuses_schemas_is_asked_for_plain_json_and_remembered() {
    let good = Reply::json(&said("{\"a\":1}", "stop"));
    let fake = Fake::start([Reply::new(400, "{}"), good.clone(), good]).await;
    let openai = openai(&fake.url, None);
    let schema = json!({ "title": "Marker" });
    openai.generate_json("s", "p", &schema).await.unwrap();
    openai.clone().generate_json("s", "p", &schema).await.unwrap();
    let formats: Vec<_> = fake.seen().iter().map(|seen| seen.json()["response_format"]["type"].clone()).collect();
    assert_eq!(formats, ["json_schema", "json_object", "json_object"]);
    assert!(fake.seen()[1].json()["messages"][0]["content"].as_str().unwrap().contains("Marker"));
    assert!(fake.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test]
async fn a_server_that_refuses_everything_is_not_taken_for_one_without_schemas() {
    let fake = Fake::start([Reply::new(400, "{}"), Reply::new(400, "{}"), Reply::json(&said("{}", "stop"))]).await;
    let openai = openai(&fake.url, None);
    assert!(openai.generate_json("s", "p", &json!({})).await.unwrap_err().is(&UPSTREAM_REFUSED));
    openai.generate_json("s", "p", &json!({})).await.unwrap();
    assert_eq!(fake.seen()[2].json()["response_format"]["type"], "json_schema");
}

#[tokio::test]
async fn what_is_not_an_answer_says_why() {
    let refused = json!({ "choices": [{ "message": { "content": null, "refusal": "no" }, "finish_reason": "stop" }] });
    let cases = [
        (refused, &ANSWER_BLOCKED),
        (said("", "content_filter"), &ANSWER_BLOCKED),
        (said("{\"a\":", "length"), &UPSTREAM_FAILED),
        (said("", "stop"), &UPSTREAM_FAILED),
        (said("hello", "stop"), &UPSTREAM_FAILED),
        (json!({ "choices": [] }), &UPSTREAM_FAILED),
    ];
    for (reply, kind) in cases {
        let fake = Fake::start([Reply::json(&reply)]).await;
        let problem = openai(&fake.url, None).generate_json("s", "p", &json!({})).await.unwrap_err();
        assert!(problem.is(kind), "{problem}");
        assert_eq!(fake.seen().len(), 1);
    }
}
