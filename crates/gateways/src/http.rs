//! The one HTTP client, what an answer means, and when a call is tried again.

use std::{error::Error, fmt, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use chrono::DateTime;
use kernel::{Kind, Problem, Result, Secret};
use reqwest::{
    Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url,
    header::{DATE, ETAG, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::problems::{UPSTREAM_BUSY, UPSTREAM_FAILED, UPSTREAM_REFUSED, UPSTREAM_TIMEOUT};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const LONGEST_CALL: Duration = Duration::from_secs(120);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(86_400);
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;
const MOST_REDIRECTS: usize = 3;

/// How long one call may take and how often it is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// The longest a single try may take.
    pub per_try: Duration,
    /// The longest all tries and the waits between them may take.
    pub total: Duration,
    /// How often it is tried, at least once.
    pub tries: usize,
    /// The least wait after the first try; doubles, plus jitter.
    pub first_wait: Duration,
}

/// The answer to a request that may name the version we already have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched<T> {
    /// What we have is still current.
    NotModified,
    /// A new version, and the entity tag to name it by next time.
    Fresh { value: T, etag: Option<String> },
}

/// The client that every service shares.
pub(crate) fn client() -> Result<Client> {
    build(|| builder().connect_timeout(CONNECT_TIMEOUT).timeout(LONGEST_CALL).redirect(same_origin_only()))
}

/// What all clients have in common. Proxies are not read from the environment: only `config` reads it.
pub(crate) fn builder() -> ClientBuilder {
    Client::builder().user_agent(concat!("BookFlow/", env!("CARGO_PKG_VERSION"))).no_proxy()
}

/// Builds a client. Without CA certificates on the machine the first try fails. The process must start all the same: the
/// second trusts nobody, so that plain http to a local service works and each https call says what is wrong.
pub(crate) fn build(builder: impl Fn() -> ClientBuilder) -> Result<Client> {
    Ok(builder().build().or_else(|error| {
        tracing::warn!(%error, "no certificate authorities: calls over https will fail");
        builder().tls_certs_only([]).build()
    })?)
}

/// A redirect to another origin would carry our key there.
fn same_origin_only() -> Policy {
    Policy::custom(|attempt| {
        let stays = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
        if stays && attempt.previous().len() <= MOST_REDIRECTS { attempt.follow() } else { attempt.stop() }
    })
}

/// A base URL from the settings.
pub(crate) fn base_url(service: &'static str, url: &str) -> Result<Url> {
    Url::parse(url).map_err(|_| Problem::internal(format!("the base URL of {service} is not a URL")))
}

/// `base` with `segments` appended to its path, each percent-encoded.
pub(crate) fn under(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// `prefix` and a key as a header that debug output does not show.
pub(crate) fn key_header(service: &'static str, prefix: &str, key: &Secret) -> Result<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("{prefix}{}", key.expose()))
        .map_err(|_| Problem::internal(format!("the key of {service} has characters that a header cannot carry")))?;
    header.set_sensitive(true);
    Ok(header)
}

/// One service, as its calls see it.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub name: &'static str,
    pub client: Client,
    pub patience: Patience,
}

impl Upstream {
    /// Sends what `make` builds and reads the JSON answer, trying again where that can help.
    ///
    /// # Errors
    /// The upstream kinds of [`crate::problems`].
    pub async fn call<T: DeserializeOwned>(&self, make: impl Fn(&Client) -> RequestBuilder) -> Result<Fetched<T>> {
        retrying(self.name, self.patience, || self.once(make(&self.client))).await
    }

    async fn once<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Fetched<T>> {
        let request = match kernel::Trace::current().traceparent {
            Some(traceparent) => request.header("traceparent", &*traceparent),
            None => request,
        };
        let answer = request.timeout(self.patience.per_try).send().await.map_err(|error| self.lost(error))?;
        if answer.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::NotModified);
        }
        if !answer.status().is_success() {
            return Err(self.refusal(answer).await);
        }
        let etag = header(answer.headers(), &ETAG).map(str::to_owned);
        let body = self.body(answer).await?;
        let value = serde_json::from_slice(&body).map_err(|error| self.unreadable(&error))?;
        Ok(Fetched::Fresh { value, etag })
    }

    async fn body(&self, mut answer: Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.lost(error))? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(self.failed("sent an answer that is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What a status other than success means.
    async fn refusal(&self, answer: Response) -> Problem {
        let status = answer.status().as_u16();
        let (kind, words): (&'static Kind, _) = match status {
            429 => (&UPSTREAM_BUSY, "asked us to come back later"),
            408 | 425 | 500.. => (&UPSTREAM_FAILED, "failed"),
            _ => (&UPSTREAM_REFUSED, "refused our request"),
        };
        let after = retry_after(answer.headers());
        let reason = self.body(answer).await.ok().and_then(|body| error_code(&body));
        let problem =
            Problem::new(kind).detail(format!("{} {words}.", self.name)).caused_by(Answered { status, reason });
        match after {
            Some(after) => problem.retry_after(after),
            None => problem,
        }
    }

    /// A request that got no whole answer.
    fn lost(&self, error: reqwest::Error) -> Problem {
        let error = error.without_url();
        if error.is_timeout() && !error.is_connect() {
            return timed_out(self.name).caused_by(error);
        }
        self.failed("could not be reached or broke off").caused_by(error)
    }

    /// An answer that is not the JSON we were promised. Of serde's words only the place is kept: the rest quotes the body.
    pub fn unreadable(&self, error: &serde_json::Error) -> Problem {
        let place = format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column());
        self.failed("sent an answer that cannot be read").caused_by(place)
    }

    /// A failure that may pass, in our words.
    pub fn failed(&self, words: &str) -> Problem {
        Problem::new(&UPSTREAM_FAILED).detail(format!("{} {words}.", self.name))
    }
}

/// A service that was too slow.
pub(crate) fn timed_out(service: &'static str) -> Problem {
    Problem::new(&UPSTREAM_TIMEOUT).detail(format!("{service} did not answer in time."))
}

/// Runs `call` until it succeeds, fails for good, or patience runs out.
///
/// A timeout is not tried again here: whoever waits has waited long enough, and a job has its own, longer backoff. Neither
/// is what asks for a longer wait than is left.
pub(crate) async fn retrying<T, F>(service: &'static str, patience: Patience, call: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let started = Instant::now();
    let backoff = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(patience.first_wait)
        .with_max_times(patience.tries.saturating_sub(1));
    let work = call
        .retry(backoff)
        .when(|problem| problem.is_transient() && !problem.is(&UPSTREAM_TIMEOUT))
        .adjust(|problem, wait| {
            let wait = wait?.max(problem.retry_delay().unwrap_or_default());
            (started.elapsed() + wait < patience.total).then_some(wait)
        })
        .notify(|problem, wait| tracing::warn!(service, %problem, ?wait, "trying again"));
    timeout(patience.total, work).await.unwrap_or_else(|_| Err(timed_out(service)))
}

/// What a service answered instead of success.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The service's own code for it, such as `INVALID_ARGUMENT`.
    pub reason: Option<String>,
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it answered {}", self.status)?;
        self.reason.iter().try_for_each(|reason| write!(f, " {reason}"))
    }
}

impl Error for Answered {}

/// The status behind a problem, if a service answered with one.
pub(crate) fn status_of(problem: &Problem) -> Option<u16> {
    problem.cause::<Answered>().map(|answered| answered.status)
}

/// The symbolic code of an error body. Anything that does not look like one is dropped: a body may quote anything.
fn error_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let symbolic = |code: &&str| {
        let one_case = |is: fn(&char) -> bool| code.chars().all(|c| c == '_' || is(&c));
        let cased = one_case(char::is_ascii_uppercase) || one_case(char::is_ascii_lowercase);
        code.len() <= 40 && code.contains('_') && cased
    };
    let fields = ["/error/status", "/error/code", "/error/type"];
    fields.iter().filter_map(|field| body.pointer(field)?.as_str()).find(symbolic).map(str::to_owned)
}

/// `Retry-After` as seconds or as a date, which is measured against the answer's own `Date`; at most a day.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let after = header(headers, &RETRY_AFTER)?.trim();
    let seconds = after.parse().ok().map(Duration::from_secs);
    let wait = seconds.or_else(|| {
        let until = DateTime::parse_from_rfc2822(after).ok()?;
        let now = DateTime::parse_from_rfc2822(header(headers, &DATE)?).ok()?;
        Some((until - now).to_std().unwrap_or_default())
    })?;
    Some(wait.min(LONGEST_RETRY_AFTER))
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests;
