//! Commands: work that another service carries out. Which transport takes them there is not this crate's business.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use jobs::{Attempt, Done, Failure, Job, OrFail, Policy, Success};
use kernel::{ExecutionId, Problem, Result, Trace, kinds};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Target,
    faults::Faults,
    patterns::{AllowList, is_command},
    payload,
};
use crate::{Schedules, payload::placeholders, problems::invalid};

/// The kind of job that sends commands.
pub(crate) const KIND: &str = "schedules.command";

const NO_TRANSPORT: &str = "no command transport is configured";

/// Takes commands to whoever carries them out.
pub trait Transport: Send + Sync {
    /// Sends `command`. It may be sent again after an error: the receiver tells repetitions by its id.
    fn send(&self, command: Command) -> BoxFuture<'_, Result<()>>;
}

/// A command on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// `cmd.domain.action`.
    pub name: String,
    /// What goes with it.
    pub payload: Value,
    /// The execution: the idempotency key.
    pub id: ExecutionId,
    /// The due time; nothing when somebody asked for the run.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// What ties it to the request or the schedule that caused it.
    pub correlation_id: String,
}

/// Checks a command and its payload: shape and size, then the allow-list, then whether anything could send it.
pub(super) fn target(
    (name, payload): (&str, Option<&Value>),
    (allowed, transport): (&AllowList, Option<&Arc<dyn Transport>>),
    faults: &mut Faults,
) -> Target {
    let payload = payload.cloned().unwrap_or_else(|| Map::new().into());
    payload::check(&payload, "/command_payload", faults);
    if !is_command(name) {
        faults.push("/target_command", "must be cmd.domain.action in a-z, 0-9, - and _");
    } else if let Some(refusal) = allowed.refusal(name).filter(|_| faults.is_empty()) {
        faults.push("/target_command", refusal);
    } else if transport.is_none() && faults.is_empty() {
        faults.push("/target_command", format!("cannot be sent: {NO_TRANSPORT}"));
    }
    let templated = !placeholders(&payload).is_empty();
    let args = json!({ "name": name, "payload": payload });
    Target { kind: KIND.to_owned(), args, templated }
}

/// `schedules.command`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendCommand {
    name: String,
    #[serde(default)]
    payload: Value,
}

impl Job for SendCommand {
    type Cx = Schedules;
    const KIND: &'static str = KIND;
    const POLICY: Policy = Policy::DEFAULT.attempts(4).timeout(Duration::from_secs(30));

    async fn run(&self, cx: &Schedules, me: &Attempt) -> Result<Done, Failure> {
        let allowed = AllowList::read(cx.db.conn(), &cx.settings).await.or_fail()?;
        if let Some(refusal) = allowed.refusal(&self.name) {
            return Err(invalid("/target_command", refusal)).or_fatal();
        }
        // A worker that has one may take the next attempt.
        let none = || Problem::new(&kinds::UNAVAILABLE).detail(NO_TRANSPORT);
        let transport = cx.transport().ok_or_else(none).or_retry()?;
        let command = Command {
            name: self.name.clone(),
            payload: self.payload.clone(),
            id: me.id(),
            scheduled_for: me.scheduled_for(),
            correlation_id: Trace::current().correlation_id.to_string(),
        };
        transport.send(command).await.or_fail()?;
        Ok(Done::Ok(Success::new(json!({ "command": self.name }), format!("sent {}", self.name))))
    }
}
