//! The transport of commands: takes down what schedules send.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use kernel::{Problem, Result};
use schedules::{Command, Transport};

/// Commands that were sent. Each is accepted unless a refusal was prepared for it.
#[derive(Default)]
pub struct Commands(Mutex<State>);

#[derive(Default)]
struct State {
    sent: Vec<Command>,
    refusals: VecDeque<Problem>,
}

impl Commands {
    /// What was sent so far, the refused ones too.
    pub fn sent(&self) -> Vec<Command> {
        self.state().sent.clone()
    }

    /// Refuses the next command that no earlier refusal is for.
    pub fn refuse(&self, problem: Problem) {
        self.state().refusals.push_back(problem);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Commands {
    fn send(&self, command: Command) -> BoxFuture<'_, Result<()>> {
        let mut state = self.state();
        state.sent.push(command);
        let outcome = state.refusals.pop_front().map_or(Ok(()), Err);
        Box::pin(std::future::ready(outcome))
    }
}
