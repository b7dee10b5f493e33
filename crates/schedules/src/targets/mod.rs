//! What a schedule runs: a job of ours, a command that somebody else carries out, or a call of a webhook.
//!
//! A request names exactly one of them. [`resolve`] checks it and makes of it what the row keeps: a kind of job and its
//! arguments, perhaps with placeholders that are filled in for each execution.

pub(crate) mod command;
mod faults;
mod given;
mod job;
pub(crate) mod patterns;
mod payload;
pub(crate) mod templates;
#[cfg(test)]
mod tests;
pub(crate) mod webhook;

use std::sync::Arc;

use gateways::webhook::Webhooks;
use jobs::Registry;
use kernel::{Problem, Result};
use serde_json::Value;
use store::Tx;

pub(crate) use self::given::{TargetGiven, WebhookGiven};
use self::{command::Transport, faults::Faults, patterns::AllowList};
use crate::Schedules;

/// What the row of a schedule keeps of its target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// The kind of job.
    pub kind: String,
    /// Its arguments, maybe with placeholders.
    pub args: Value,
    /// Whether `args` has placeholders.
    pub templated: bool,
}

/// What a target is checked against.
struct Known<'a> {
    registry: &'a Registry,
    webhooks: &'a Webhooks,
    allowed: AllowList,
    transport: Option<&'a Arc<dyn Transport>>,
}

/// The jobs that schedules run other than by their name.
pub(crate) fn jobs(registry: &mut Registry, schedules: &Schedules) {
    registry.add::<command::SendCommand>(schedules.clone());
    registry.add::<webhook::CallWebhook>(schedules.clone());
}

/// What `given` comes to.
///
/// # Errors
/// `validation-failed` naming every field that is wrong; `/job` when there is not exactly one target.
pub(crate) async fn resolve(cx: &Schedules, tx: &Tx, given: &TargetGiven) -> Result<Target> {
    let allowed = match given.target_command {
        Some(_) => AllowList::read(tx, &cx.settings).await?,
        None => AllowList::default(),
    };
    let known = Known { registry: cx.registry()?, webhooks: &cx.webhooks, allowed, transport: cx.transport() };
    target(&known, given)
}

fn target(known: &Known<'_>, given: &TargetGiven) -> Result<Target> {
    let mut faults = Faults::default();
    for (field, value, with, partner) in [
        ("/args", &given.args, "job", given.job.is_some()),
        ("/command_payload", &given.command_payload, "target_command", given.target_command.is_some()),
    ] {
        if value.is_some() && !partner {
            faults.push(field, format!("goes with {with}, which is not given"));
        }
    }
    let target = match (&given.job, &given.target_command, &given.webhook) {
        (Some(name), None, None) => job::target(known.registry, (name, given.args.as_ref()), &mut faults)?,
        (None, Some(name), None) => {
            let carried = (&known.allowed, known.transport);
            Some(command::target((name, given.command_payload.as_ref()), carried, &mut faults))
        }
        (None, None, Some(given)) => Some(webhook::target(known.webhooks, given, &mut faults)),
        (None, None, None) => {
            faults.push("/job", "is required, unless target_command or webhook is given");
            None
        }
        _ => {
            faults.push("/job", "must be the only one of job, target_command and webhook");
            None
        }
    };
    faults.check()?;
    target.ok_or_else(|| Problem::internal("a target without a fault was not made"))
}

/// The arguments of a single run with another payload than the schedule's: of a job, all of them. `kind` and `args` are those
/// of the schedule's row. Nothing is filled in there.
///
/// # Errors
/// `validation-failed` naming what of `/payload` is wrong.
pub(crate) fn with_payload(registry: &Registry, (kind, args): (&str, &Value), payload: Value) -> Result<Value> {
    let mut faults = Faults::default();
    payload::check(&payload, "/payload", &mut faults);
    for (pointer, _) in crate::payload::placeholders(&payload) {
        faults.push(format!("/payload{pointer}"), "has a placeholder; those of a single run are not filled in");
    }
    let replaced = |member: &str| {
        let mut args = args.clone();
        args[member] = payload.clone();
        args
    };
    let args = match kind {
        command::KIND | webhook::KIND => replaced("payload"),
        _ => {
            job::check(registry, kind, (&payload, "/payload"), &mut faults)?;
            payload
        }
    };
    faults.check()?;
    Ok(args)
}
