//! Group commit: what arrives while one statement runs goes into the next one.

use futures::{StreamExt, stream::FuturesUnordered};
use kernel::{Problem, Result, kinds};
use tokio::sync::{mpsc, oneshot};

use crate::tasks;

/// The most items of one statement.
const MOST: usize = 256;
/// How many items may wait; more wait at the sender.
const WAITING: usize = 4096;
/// While one statement is on its way a second one may follow it, if it has this many items: Postgres and this process both stay
/// at work, and statements do not become small.
const IN_FLIGHT: usize = 2;
const ENOUGH: usize = 64;

type Waiting<I, O> = (I, oneshot::Sender<Result<O>>);

/// Collects items from concurrent callers and hands them over in batches; each caller gets its own answer.
pub(crate) struct Batcher<I, O> {
    sender: mpsc::Sender<Waiting<I, O>>,
}

impl<I, O> Clone for Batcher<I, O> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<I: Send + 'static, O: Send + 'static> Batcher<I, O> {
    /// `work` answers each item of a batch, in order. The batcher's task ends when the last handle is dropped.
    pub fn new<F, Fut>(name: &'static str, work: F) -> Self
    where
        F: Fn(Vec<I>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Vec<Result<O>>>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(WAITING);
        tasks::spawn(name, run(name, receiver, work));
        Self { sender }
    }

    /// Hands `item` over and waits for its answer; `None` when the batcher's task is gone.
    pub async fn submit(&self, item: I) -> Option<Result<O>> {
        let (answer, answered) = oneshot::channel();
        self.sender.send((item, answer)).await.ok()?;
        answered.await.ok()
    }
}

async fn run<I, O, F, Fut>(name: &'static str, mut receiver: mpsc::Receiver<Waiting<I, O>>, work: F)
where
    F: Fn(Vec<I>) -> Fut,
    Fut: Future<Output = Result<Vec<Result<O>>>>,
{
    let (mut flying, mut waiting) = (FuturesUnordered::new(), Vec::with_capacity(MOST));
    let mut open = true;
    while open || !waiting.is_empty() || !flying.is_empty() {
        let room = MOST - waiting.len();
        tokio::select! {
            biased;
            Some(()) = flying.next() => {}
            received = receiver.recv_many(&mut waiting, room), if open && room > 0 => open = received > 0,
            else => {} // closed: what waits goes now
        }
        if flying.is_empty() {
            // Whoever is about to submit does so first: an idle process loses nothing, a busy one gets larger batches.
            tokio::task::yield_now().await;
            while waiting.len() < MOST
                && let Ok(next) = receiver.try_recv()
            {
                waiting.push(next);
            }
        }
        let enough = if flying.is_empty() { 1 } else { ENOUGH };
        if flying.len() < IN_FLIGHT && waiting.len() >= enough {
            let (items, answers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
            let outputs = work(items);
            flying.push(async move { answer_all(name, answers, outputs.await) });
        }
    }
}

fn answer_all<O>(name: &'static str, answers: Vec<oneshot::Sender<Result<O>>>, outputs: Result<Vec<Result<O>>>) {
    match outputs {
        Ok(outputs) => answers.into_iter().zip(outputs).for_each(|(answer, output)| {
            let _ = answer.send(output);
        }),
        Err(problem) => {
            tracing::warn!(batch = name, %problem, "a batch failed");
            let kind = if tasks::is_outage(&problem) { &kinds::UNAVAILABLE } else { &kinds::INTERNAL };
            for answer in answers {
                let _ = answer.send(Err(Problem::new(kind).detail("the batch failed")));
            }
        }
    }
}
