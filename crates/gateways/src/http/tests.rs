//! Time limits, retries and redirects against a real server, and that no key gets into an error.

use std::{env, process::Command};

use serde_json::json;

use super::*;
use crate::fake::{Fake, KEY, QUICK, Reply, assert_failures_are_told, assert_nothing_leaks};

async fn ask(url: &str) -> Result<Fetched<Value>> {
    let upstream = Upstream { name: "Test", client: client().unwrap(), patience: QUICK };
    upstream.call(|client| client.get(format!("{url}/v1/things?q=1")).header("x-goog-api-key", KEY)).await
}

#[tokio::test]
async fn every_failure_says_whether_trying_again_helps() {
    assert_failures_are_told(&json!({}), async |url| ask(&url).await.map(drop)).await;
}

#[tokio::test]
async fn an_answer_comes_with_its_entity_tag_and_we_say_who_asks() {
    let fake = Fake::start([Reply::json(&json!({ "a": 1 })).header("etag", "\"v1\"")]).await;
    let fetched = ask(&fake.url).await.unwrap();
    assert_eq!(fetched, Fetched::Fresh { value: json!({ "a": 1 }), etag: Some("\"v1\"".to_owned()) });
    assert!(fake.seen()[0].header("user-agent").unwrap().starts_with("BookFlow/"));
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for() {
    let fake = Fake::start([Reply::new(429, "").header("retry-after", "1"), Reply::json(&json!(1))]).await;
    let started = Instant::now();
    ask(&fake.url).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1) && fake.seen().len() == 2);
}

#[tokio::test]
async fn a_refusal_keeps_the_services_code_but_not_its_words() {
    let body = json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": "hunter2" } });
    let fake = Fake::start([Reply::new(400, body.to_string())]).await;
    let problem = ask(&fake.url).await.unwrap_err();
    assert_eq!(problem.to_string(), "upstream-refused: Test refused our request.: it answered 400 INVALID_ARGUMENT");
    assert_eq!(status_of(&problem), Some(400));
}

#[tokio::test]
async fn what_nobody_listens_to_has_failed_and_its_address_is_not_told() {
    let url = Fake::start([]).await.url.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let problem = ask(&closed).await.unwrap_err();
    assert!(problem.is(&UPSTREAM_FAILED) && problem.is_transient(), "{problem}");
    assert_nothing_leaks(&problem, &url);
    assert_nothing_leaks(&problem, &closed);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let fake = Fake::start(vec![Reply::new(200, vec![b' '; LARGEST_ANSWER + 1]); 3]).await;
    let upstream = Upstream {
        name: "Test",
        client: client().unwrap(),
        patience: Patience { per_try: Duration::from_secs(20), total: Duration::from_secs(60), ..QUICK },
    };
    let problem = upstream.call::<Value>(|client| client.get(&fake.url)).await.unwrap_err();
    assert!(problem.to_string().contains("too large"), "{problem}");
}

#[tokio::test]
async fn a_key_follows_a_redirect_on_its_own_host_only() {
    let other = Fake::start([Reply::json(&json!("stolen"))]).await;
    let fake = Fake::start([Reply::new(307, "").header("location", format!("{}/v1/things", other.url))]).await;
    let problem = ask(&fake.url).await.unwrap_err();
    assert!(problem.is(&UPSTREAM_REFUSED) && other.seen().is_empty(), "{problem}");
    assert_nothing_leaks(&problem, &other.url);

    let fake = Fake::start([Reply::new(307, "").header("location", "/v2"), Reply::json(&json!("moved"))]).await;
    assert_eq!(ask(&fake.url).await.unwrap(), Fetched::Fresh { value: json!("moved"), etag: None });
    assert_eq!(fake.seen()[1].header("x-goog-api-key"), Some(KEY));
}

#[tokio::test]
async fn a_stalled_service_is_given_up_within_the_total_patience() {
    let slow = Reply::new(500, "").after(Duration::from_millis(150));
    let fake = Fake::start(vec![slow; 9]).await;
    let patience = Patience { total: Duration::from_millis(400), tries: 9, ..QUICK };
    let upstream = Upstream { name: "Test", client: client().unwrap(), patience };
    let started = Instant::now();
    let problem = upstream.call::<Value>(|client| client.get(&fake.url)).await.unwrap_err();
    assert!(problem.is_transient() && started.elapsed() < Duration::from_millis(1500), "{problem}");
    assert!(fake.seen().len() < 9);
}

#[test]
fn retry_after_may_be_a_date() {
    let read = |pairs: &[(HeaderName, &str)]| {
        retry_after(&pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    };
    let date = (DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
    let after = |text: &'static str| (RETRY_AFTER, text);
    assert_eq!(read(&[date.clone(), after("Sun, 06 Nov 1994 08:50:07 GMT")]), Some(Duration::from_secs(30)));
    assert_eq!(read(&[date.clone(), after("Sun, 06 Nov 1994 08:00:00 GMT")]), Some(Duration::ZERO));
    assert_eq!(read(&[after("Sun, 06 Nov 1994 08:50:07 GMT")]), None);
    assert_eq!(read(&[after("999999999")]), Some(LONGEST_RETRY_AFTER));
    assert_eq!(read(&[after("soon")]), None);
}

#[test]
fn segments_cannot_leave_the_base_path() {
    let base = base_url("Test", "https://example.org/books/v1").unwrap();
    assert_eq!(
        under(&base, &["volumes", "a/../b?c#d"]).as_str(),
        "https://example.org/books/v1/volumes/a%2F..%2Fb%3Fc%23d"
    );
    assert_eq!(under(&base, &["volumes", ".."]).as_str(), "https://example.org/books/v1/volumes");
}

/// Runs itself once more in an environment in which no certificate can be found.
#[tokio::test]
#[allow(clippy::disallowed_methods)] // the certificates' place is the environment of the child only
async fn without_certificate_authorities_the_client_still_starts() {
    const NOWHERE: &str = "/nonexistent/certificates";
    if env::var_os("SSL_CERT_FILE").is_none_or(|file| file != NOWHERE) {
        let me = "http::tests::without_certificate_authorities_the_client_still_starts";
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", me])
            .env("SSL_CERT_FILE", NOWHERE)
            .env("SSL_CERT_DIR", NOWHERE)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && printed.contains("1 passed"), "{printed}");
        return;
    }
    let strict = Client::builder().build();
    assert!(strict.is_err(), "this machine finds certificates elsewhere: the test would prove nothing");
    let fake = Fake::start([Reply::json(&json!("plain"))]).await;
    assert_eq!(ask(&fake.url).await.unwrap(), Fetched::Fresh { value: json!("plain"), etag: None });
    let problem = ask(&fake.url.replace("http:", "https:")).await.unwrap_err();
    assert!(problem.is(&UPSTREAM_FAILED), "{problem}");
}
