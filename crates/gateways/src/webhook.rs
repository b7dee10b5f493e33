//! Webhooks: deliveries to the receivers of schedules, signed as Standard Webhooks describes, to public addresses only.
//!
//! A delivery is tried once; the job that sends it has the patience. Its id stays the same over all attempts, so that the
//! receiver can tell a repetition. Whatever the receiver answers is read as little as possible and shown to nobody.

mod addresses;
mod guard;
mod signing;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use config::Config;
use kernel::{Kind, Problem, Result, ScheduleId, Secret};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use tokio::time::Instant;

use self::guard::{Guard, NotPublic, refused};
pub use self::signing::WebhookKeys;
use crate::{
    http,
    problems::{WEBHOOK_FAILED, WEBHOOK_GONE, WEBHOOK_REJECTED},
};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of an answer's body is read, in bytes; it is thrown away, but a connection can be used again only after its end.
const LARGEST_ANSWER: usize = 16 * 1024;
/// How long that may take: a receiver has no business in holding our connection.
const LONGEST_ANSWER: Duration = Duration::from_secs(1);
/// A receiver hears from us rarely.
const IDLE: Duration = Duration::from_secs(30);

/// Sends webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    client: Client,
    guard: Guard,
    keys: WebhookKeys,
}

/// One attempt to deliver.
#[derive(Clone, Debug)]
pub struct Delivery<'a> {
    /// The receiver; checked again, whatever was checked when it was saved.
    pub url: &'a str,
    /// Names the message; the same for every attempt. Printable ASCII without full stops.
    pub id: &'a str,
    /// When this attempt is made.
    pub timestamp: DateTime<Utc>,
    /// JSON.
    pub body: Vec<u8>,
    /// The secret; while it is being rotated, the new one and the old one.
    pub secrets: &'a [Secret],
    /// The longest the attempt may take, from the name's resolution to the answer.
    pub timeout: Duration,
}

/// That a delivery was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What the receiver answered, 200 to 299.
    pub status: u16,
    /// From our call to the head of its answer.
    pub duration: Duration,
}

impl Webhooks {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let guard = Guard::new(&config.schedules.webhook_allowed_hosts)?;
        let resolver = Arc::new(guard.clone());
        let client = http::build(|| {
            http::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .redirect(Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .dns_resolver(resolver.clone())
                .pool_idle_timeout(IDLE)
        })?;
        Ok(Self { client, guard, keys: WebhookKeys::derive(&config.secret_key)? })
    }

    /// `url`, if it may be called as far as it says itself; names are not resolved yet.
    ///
    /// # Errors
    /// `webhook-refused-url`, naming the field `/webhook/url`.
    pub fn check_url(&self, url: &str) -> Result<Url> {
        self.guard.check(url)
    }

    /// The secret of `schedule`, to show to its owner and to sign with. Rotation is the next `generation`.
    ///
    /// # Errors
    /// As [`WebhookKeys::secret`].
    pub fn secret(&self, schedule: ScheduleId, generation: u32) -> Result<Secret> {
        self.keys.secret(schedule, generation)
    }

    /// Delivers, once.
    ///
    /// # Errors
    /// - `webhook-refused-url`: it may not be called, perhaps because of what its name now stands for;
    /// - `webhook-gone`: the receiver wants no more deliveries, ever (410);
    /// - `webhook-rejected`: it refused this one for good (any other 4xx);
    /// - `webhook-failed`, transient: unreachable, too slow, or any other answer; with its `Retry-After` if it named one.
    pub async fn deliver(&self, delivery: Delivery<'_>) -> Result<Receipt> {
        let url = self.check_url(delivery.url)?;
        let headers = headers(&delivery)?;
        self.send(url, headers, delivery).await
    }

    async fn send(&self, url: Url, headers: HeaderMap, delivery: Delivery<'_>) -> Result<Receipt> {
        let started = Instant::now();
        let request = self.client.post(url).headers(headers).body(delivery.body).timeout(delivery.timeout);
        let answer = request.send().await.map_err(lost)?;
        let duration = started.elapsed();
        let status = answer.status();
        let outcome = if status.is_success() {
            Ok(Receipt { status: status.as_u16(), duration })
        } else {
            Err(refusal(status, answer.headers()))
        };
        // The head has said it all; what becomes of the body changes nothing.
        let _ = tokio::time::timeout(LONGEST_ANSWER, throw_away(answer)).await;
        outcome
    }
}

/// The status behind a problem, if the receiver answered at all.
pub fn status_of(problem: &Problem) -> Option<u16> {
    http::status_of(problem)
}

fn headers(delivery: &Delivery<'_>) -> Result<HeaderMap> {
    let timestamp = delivery.timestamp.timestamp();
    let signatures = signing::signatures(delivery.secrets, delivery.id, timestamp, &delivery.body)?;
    let mut signature = HeaderValue::try_from(signatures)?;
    signature.set_sensitive(true);
    Ok(HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ID, HeaderValue::try_from(delivery.id)?),
        (TIMESTAMP, HeaderValue::from(timestamp)),
        (SIGNATURE, signature),
    ]))
}

async fn throw_away(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read >= LARGEST_ANSWER {
            return;
        }
    }
}

/// What a status other than success means.
fn refusal(status: StatusCode, headers: &HeaderMap) -> Problem {
    let (kind, words): (&'static Kind, _) = match status.as_u16() {
        410 => (&WEBHOOK_GONE, "wants no more deliveries"),
        408 | 425 | 429 => (&WEBHOOK_FAILED, "asked for another try later"),
        300..=399 => (&WEBHOOK_FAILED, "sent a redirect, which is not followed"),
        400..=499 => (&WEBHOOK_REJECTED, "refused the delivery"),
        _ => (&WEBHOOK_FAILED, "failed"),
    };
    let detail = format!("The receiver {words} (status {}).", status.as_u16());
    let problem = Problem::new(kind).detail(detail).caused_by(http::Answered { status: status.as_u16(), reason: None });
    match http::retry_after(headers) {
        Some(after) if problem.is_transient() => problem.retry_after(after),
        _ => problem,
    }
}

/// A delivery that got no answer.
fn lost(error: reqwest::Error) -> Problem {
    let error = error.without_url();
    let words = match (error.is_connect(), error.is_timeout()) {
        (true, _) => "could not be reached",
        (false, true) => "did not answer in time",
        (false, false) => "broke off",
    };
    let problem = Problem::new(&WEBHOOK_FAILED).detail(format!("The receiver {words}.")).caused_by(error);
    if problem.cause::<NotPublic>().is_some() { refused("must name a public host") } else { problem }
}

#[cfg(test)]
mod tests;
