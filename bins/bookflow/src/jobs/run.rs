//! `bookflow jobs run`.

use clap::Args;
use jobs::{Enqueue, Trigger, enqueue_work};
use kernel::{Problem, Result, kinds};
use serde::Serialize;
use serde_json::Value;

use crate::{output::instant, session::Session};

/// What to run.
#[derive(Args)]
pub struct Run {
    /// The kind of job, such as accounts.purge_codes
    kind: String,
    /// Its arguments, as JSON
    #[arg(long, default_value = "{}")]
    args: String,
}

/// The execution that waits.
#[derive(Serialize)]
struct Queued {
    id: kernel::ExecutionId,
    /// Whether it is a new one: a unique job that waits or runs already is not enqueued again.
    created: bool,
    kind: &'static str,
    queue: &'static str,
    run_at: chrono::DateTime<chrono::Utc>,
}

/// Enqueues it, unless it is unique and waits or runs already; a worker finds it within a second.
pub async fn run(session: &Session, run: Run) -> Result<()> {
    let args: Value = serde_json::from_str(&run.args)
        .map_err(|error| Problem::new(&kinds::MALFORMED).detail(format!("--args is not JSON: {error}")))?;
    let work = app::modules::registry(&session.parts).work(&run.kind, args)?;
    let (kind, queue) = (work.kind, work.queue.name());
    let options = Enqueue::now().trigger(Trigger::Manual).by("cli");
    let enqueued = session.parts.db.tx(async |tx| enqueue_work(&tx, work.clone(), options.clone()).await).await?;
    let queued = Queued { id: enqueued.id, created: enqueued.created, kind, queue, run_at: enqueued.run_at };
    session.output.print(&queued, |queued| {
        let (kind, id, run_at) = (queued.kind, queued.id, instant(queued.run_at));
        if queued.created {
            format!("queued {kind} as {id}, runs at {run_at}")
        } else {
            format!("{kind} waits or runs already, as {id}, since {run_at}; it is unique")
        }
    })
}
