//! What a job is: its arguments, where and how it runs, and how it can end.

use std::time::Duration;

use kernel::Problem;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::attempt::Attempt;

/// A kind of work. Its arguments are serde data; its behaviour is [`Job::run`].
///
/// Arguments are stored and can be read by operators: put ids into them, never secrets or addresses.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it needs to run: the services of its domain.
    type Cx: Clone + Send + Sync + 'static;
    /// `domain.verb`. Stored in rows, so it is never renamed: add the old name to [`Job::ALIASES`] instead.
    const KIND: &'static str;
    /// Former kinds that still stand in rows.
    const ALIASES: &'static [&'static str] = &[];
    /// The queue it waits in.
    const QUEUE: Queue = Queue::Default;
    /// Attempts, timeout, backoff, exclusiveness.
    const POLICY: Policy = Policy::DEFAULT;

    /// While a job of this kind with the same key waits or runs, enqueuing another one returns the first. An empty key is none.
    fn unique_key(&self) -> Option<String> {
        None
    }

    /// The JSON Schema of the arguments, if anybody with the permission may schedule this kind through the API; none: only
    /// our own code enqueues it. An object schema; `schema.rs` says which keywords it may use.
    fn schema() -> Option<Value> {
        None
    }

    /// Does the work. It may run more than once, so its effects must be made idempotent: write to Postgres through
    /// [`Attempt::commit`], and send the execution id as the idempotency key of what goes outside.
    fn run(&self, cx: &Self::Cx, me: &Attempt) -> impl Future<Output = Result<Done, Failure>> + Send;
}

/// A queue: one apalis worker with its own concurrency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// Short work.
    Default,
    /// Mail and other deliveries.
    Mail,
    /// Calls of language models: slow, few at a time.
    Ai,
    /// Long set-based work.
    Bulk,
}

impl Queue {
    /// Every queue.
    pub const ALL: [Self; 4] = [Self::Default, Self::Mail, Self::Ai, Self::Bulk];

    /// The name in rows, keys and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Mail => "mail",
            Self::Ai => "ai",
            Self::Bulk => "bulk",
        }
    }

    /// The queue of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }
}

/// How a kind of job is run.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Attempts before it counts as failed, 1 to 1000.
    pub max_attempts: u16,
    /// The longest one attempt may take.
    pub timeout: Duration,
    /// The wait between attempts.
    pub backoff: Backoff,
    /// Whether two runs of this kind must not overlap, anywhere.
    pub overlap: Overlap,
}

impl Policy {
    /// Five attempts of at most 60 s, 1 s to 10 min apart.
    pub const DEFAULT: Self = Self {
        max_attempts: 5,
        timeout: Duration::from_secs(60),
        backoff: Backoff { first: Duration::from_secs(1), most: Duration::from_secs(600) },
        overlap: Overlap::Allowed,
    };

    /// The same with another number of attempts.
    pub const fn attempts(mut self, max_attempts: u16) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// The same with another timeout.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same with another backoff.
    pub const fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.backoff = Backoff { first, most };
        self
    }

    /// The same, never two runs at a time.
    pub const fn exclusive(mut self) -> Self {
        self.overlap = Overlap::Exclusive;
        self
    }
}

/// Whether runs of one kind may overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// They may.
    Allowed,
    /// A Redis lock named after the job keeps them apart.
    Exclusive,
}

/// Exponential backoff with jitter: attempt n waits `first × 2ⁿ⁻¹`, at most `most`, times 0.5 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The wait after the first attempt.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
}

impl Backoff {
    /// The wait after `attempt` (1-based); `chance` is even in `0.0..1.0`.
    pub fn delay(self, attempt: u32, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << attempt.saturating_sub(1).min(30));
        doubled.min(self.most).mul_f64(0.5 + chance / 2.0)
    }
}

/// How an attempt ended well.
#[derive(Debug)]
pub enum Done {
    /// The work is done; the engine records it.
    Ok(Success),
    /// The work is done and recorded already, in the same transaction ([`Attempt::commit`]).
    Committed,
    /// Not now: again after this long. Does not use up an attempt.
    Snooze(Duration),
    /// No longer wanted, for this reason.
    Cancel(String),
}

/// What a finished execution keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Success {
    /// For programs.
    pub result: Value,
    /// For people: "deleted 42 codes".
    pub message: String,
}

impl Success {
    /// A success with a result and a message.
    pub fn new(result: impl Into<Value>, message: impl Into<String>) -> Self {
        Self { result: result.into(), message: message.into() }
    }
}

/// How an attempt failed. There is no conversion from [`Problem`]: every `?` in a job says which one it is ([`OrFail`]).
#[derive(Debug)]
pub enum Failure {
    /// Another attempt may succeed; `after` overrides the backoff.
    Retry {
        /// When the cause said how long to wait.
        after: Option<Duration>,
        /// What went wrong.
        source: Problem,
    },
    /// No attempt can succeed.
    Fatal(Problem),
}

impl Failure {
    /// Retries what is transient, gives up on what is not.
    pub fn by_kind(problem: Problem) -> Self {
        if problem.is_transient() { Self::retry(problem) } else { Self::Fatal(problem) }
    }

    /// A kind or arguments that this code cannot read: during a deploy an older worker meets the work of newer code, and a
    /// later attempt finds one that can. Waits longer than the backoff would.
    pub(crate) fn newer(problem: Problem) -> Self {
        Self::Retry { after: Some(Duration::from_secs(60)), source: problem }
    }

    fn retry(problem: Problem) -> Self {
        Self::Retry { after: problem.retry_delay(), source: problem }
    }
}

/// Says what an error means to a job.
pub trait OrFail<T> {
    /// Try again later.
    fn or_retry(self) -> Result<T, Failure>;
    /// Give up.
    fn or_fatal(self) -> Result<T, Failure>;
    /// Try again if the problem is transient, else give up.
    fn or_fail(self) -> Result<T, Failure>;
}

impl<T, E: Into<Problem>> OrFail<T> for Result<T, E> {
    fn or_retry(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::retry(error.into()))
    }

    fn or_fatal(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Fatal(error.into()))
    }

    fn or_fail(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::by_kind(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_is_bounded_and_never_overflows() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(600) };
        assert_eq!(backoff.delay(1, 0.0), Duration::from_millis(500));
        assert_eq!(backoff.delay(3, 1.0), Duration::from_secs(4));
        assert_eq!(backoff.delay(u32::MAX, 1.0), Duration::from_secs(600));
    }
}
