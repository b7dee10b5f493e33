//! Group commit: what arrives while one statement runs goes into the next one.

use kernel::{Problem, Result, kinds};
use tokio::sync::{mpsc, oneshot};

use crate::tasks;

/// The most items of one statement.
const MOST: usize = 256;
/// How many items may wait; more wait at the sender.
const WAITING: usize = 4096;

/// Collects items from concurrent callers and hands them over in batches; each caller gets its own answer.
pub(crate) struct Batcher<I, O> {
    sender: mpsc::Sender<(I, oneshot::Sender<Result<O>>)>,
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
        Fut: Future<Output = Result<Vec<Result<O>>>> + Send,
    {
        let (sender, mut receiver) = mpsc::channel::<(I, oneshot::Sender<Result<O>>)>(WAITING);
        tasks::spawn(name, async move {
            let mut waiting = Vec::with_capacity(MOST);
            while let Some(first) = receiver.recv().await {
                waiting.push(first);
                // Whoever is about to submit does so first: an idle process loses nothing, a busy one gets larger batches.
                tokio::task::yield_now().await;
                while waiting.len() < MOST
                    && let Ok(next) = receiver.try_recv()
                {
                    waiting.push(next);
                }
                let (items, answers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
                match work(items).await {
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
        });
        Self { sender }
    }

    /// Hands `item` over and waits for its answer; `None` when the batcher's task is gone.
    pub async fn submit(&self, item: I) -> Option<Result<O>> {
        let (answer, answered) = oneshot::channel();
        self.sender.send((item, answer)).await.ok()?;
        answered.await.ok()
    }
}
