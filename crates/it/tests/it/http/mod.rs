//! What holds for every request: problems, health, documents, repeated requests, traces.

mod documents;
mod health;
mod idempotency;
mod problems;
mod rubbish;
mod traces;
mod unanswered;
