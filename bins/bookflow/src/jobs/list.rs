//! `bookflow jobs list`.

use clap::Args;
use jobs::{
    Queue,
    executions::{self, Execution, Filter},
};
use kernel::{Result, page};

use crate::{
    output::{instant, or_dash, shortened, table},
    session::Session,
};

/// The states of an execution.
const STATES: [&str; 7] = ["queued", "running", "succeeded", "failed", "cancelled", "skipped", "missed"];

/// Which executions.
#[derive(Args)]
pub struct List {
    /// Only those in this state
    #[arg(long, value_parser = STATES)]
    state: Option<String>,
    /// Only those of this kind, such as books.summarise
    #[arg(long)]
    kind: Option<String>,
    /// Only those of this queue
    #[arg(long, value_parser = Queue::ALL.map(Queue::name))]
    queue: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = page::DEFAULT_LIMIT, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
}

/// Lists them.
pub async fn run(session: &Session, list: List) -> Result<()> {
    let filter = Filter { state: list.state, kind: list.kind, queue: list.queue, before: None };
    let found = executions::list(&session.parts.db, &filter, list.limit).await?;
    session.output.print(&found, |found| match found.as_slice() {
        [] => "no executions".to_owned(),
        found => {
            let rows: Vec<_> = found.iter().map(row).collect();
            table(["ID", "KIND", "QUEUE", "STATE", "ATTEMPT", "RUN AT", "TOOK", "MESSAGE"], &rows)
        }
    })
}

fn row(execution: &Execution) -> [String; 8] {
    let last_error = execution.errors.as_array().and_then(|errors| errors.last()?["error"].as_str());
    let message = execution.message.as_deref().or(last_error);
    [
        execution.id.to_string(),
        execution.kind.clone(),
        execution.queue.clone(),
        execution.state.clone(),
        format!("{}/{}", execution.attempt, execution.max_attempts),
        instant(execution.run_at),
        or_dash(execution.duration_ms, |ms| format!("{ms} ms")),
        or_dash(message, |message| shortened(message, 60)),
    ]
}
