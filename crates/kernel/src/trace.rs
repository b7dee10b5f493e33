//! What ties a request, the jobs it enqueues and their outgoing calls together.

use std::sync::Arc;

use uuid::Uuid;

tokio::task_local! {
    static CURRENT: Trace;
}

/// The trace of the work at hand. It follows the task: `edge` sets it for a request, the runner for an attempt, and
/// `jobs::enqueue` and the gateways read it, so that no operation has to pass it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The request id; for jobs, the one of the request that began the chain.
    pub correlation_id: Arc<str>,
    /// W3C `traceparent` of the present span.
    pub traceparent: Option<Arc<str>>,
    /// Method and path of the request at hand, without its query: `POST /api/v1/trials`. `None` in a job.
    pub request: Option<Arc<str>>,
}

impl Trace {
    /// A trace that begins here.
    pub fn begin() -> Self {
        Self { correlation_id: Uuid::now_v7().to_string().into(), traceparent: None, request: None }
    }

    /// The trace of the current task, or a new one.
    pub fn current() -> Self {
        Self::present().unwrap_or_else(Self::begin)
    }

    /// The trace of the current task, if it has one.
    pub fn present() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs `work` under this trace.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }
}
