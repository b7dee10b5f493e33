//! Rate limits while Redis is away.

use std::time::{Duration, Instant};

use axum::{Router, routing::get};
use kernel::{Clock, Secret, kinds};

use super::{get_with, wrapped};
use crate::{LimitKey, Limiter, Rate, limited};

/// Nothing listens on port 1.
fn without_redis(clock: &Clock) -> Limiter {
    let redis = config::Redis { url: Secret::new("redis://127.0.0.1:1".into()), prefix: "test".into() };
    Limiter::new(&redis, clock.clone()).unwrap()
}

#[tokio::test]
async fn without_redis_each_process_counts_for_itself_and_waits_for_it_once_only() {
    let clock = Clock::manual(chrono::DateTime::UNIX_EPOCH);
    let limiter = without_redis(&clock);
    let (key, rate) = (LimitKey { scope: "login", subject: "ann@example.org" }, Rate::per_minute(2));
    let started = Instant::now();
    for _ in 0..2 {
        limiter.check(key, rate).await.unwrap();
    }
    let refused = limiter.check(key, rate).await.unwrap_err();
    assert!(refused.is(&kinds::RATE_LIMITED));
    assert_eq!(refused.retry_delay(), Some(Duration::from_secs(30)));
    assert!(started.elapsed() < Duration::from_millis(700), "{:?}", started.elapsed());
    clock.advance(Duration::from_secs(30));
    limiter.check(key, rate).await.unwrap();
    limiter.check(LimitKey { scope: "reset", ..key }, rate).await.unwrap();
}

#[tokio::test]
async fn one_address_cannot_spend_the_budget_of_another() {
    let limiter = without_redis(&Clock::manual(chrono::DateTime::UNIX_EPOCH));
    let api = Router::new().route("/", get(async || "done"));
    let health = Router::new().route("/healthz", get(async || "alive"));
    let app = wrapped(limited(api, limiter, Rate::per_minute(1)).merge(health));
    let from = async |address: &str, uri: &str| get_with(&app, uri, &[("x-forwarded-for", address)]).await;
    assert_eq!(from("1.1.1.1", "/").await.bytes, b"done");
    let refused = from("6.6.6.6, 1.1.1.1", "/").await;
    assert_eq!((refused.slug().as_str(), refused.header("retry-after")), ("rate-limited", "60"));
    assert_eq!(from("2.2.2.2", "/").await.bytes, b"done");
    assert_eq!(from("1.1.1.1", "/healthz").await.bytes, b"alive");
}
