//! A job of ours as the target: any kind that declares itself schedulable.

use chrono::{DateTime, Utc};
use jobs::{Registry, problems};
use kernel::Result;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Target, faults::Faults, payload};
use crate::payload::{fill, placeholders, values};

/// Checks a kind and its arguments.
///
/// # Errors
/// `internal-error` for a kind whose schema cannot be checked. What is wrong with the request goes to `faults`.
pub(super) fn target(
    registry: &Registry,
    (name, args): (&str, Option<&Value>),
    faults: &mut Faults,
) -> Result<Option<Target>> {
    let args = args.cloned().unwrap_or_else(|| Map::new().into());
    payload::check(&args, "/args", faults);
    check(registry, name, (&args, "/args"), faults)?;
    let templated = !placeholders(&args).is_empty();
    Ok(registry.info(name).map(|info| Target { kind: info.kind.to_owned(), args, templated }))
}

/// Checks arguments that stand at the pointer `at`, as they would be filled in; before a first success, too.
///
/// # Errors
/// As [`target`].
pub(super) fn check(registry: &Registry, kind: &str, (args, at): (&Value, &str), faults: &mut Faults) -> Result<()> {
    let wrong_with = |last_success: Option<DateTime<Utc>>| {
        let filled = fill(args, &values(Uuid::nil(), DateTime::UNIX_EPOCH, last_success));
        wrong(registry, (kind, at), &filled)
    };
    let usual = wrong_with(Some(DateTime::UNIX_EPOCH))?;
    if usual.is_empty() {
        faults.absorb(wrong_with(None)?, ": {{last_success_at}} is null before the first success");
    } else {
        faults.absorb(usual, "");
    }
    Ok(())
}

/// What is wrong with `args` of `kind`, which stand at the pointer `at`.
fn wrong(registry: &Registry, (kind, at): (&str, &str), args: &Value) -> Result<Faults> {
    let mut faults = Faults::default();
    match registry.check_args(kind, args, at) {
        Ok(_) => {}
        Err(problem) if problem.is(&problems::BAD_ARGS) => faults.take(&problem),
        Err(problem) if problem.is(&problems::UNKNOWN_KIND) => {
            faults.push("/job", format!("is no job that there is; {}", offer(registry)));
        }
        Err(problem) if problem.is(&problems::NOT_SCHEDULABLE) => {
            faults.push("/job", format!("is not for schedules; {}", offer(registry)));
        }
        Err(problem) => return Err(problem),
    }
    Ok(faults)
}

/// The jobs that may be scheduled, in words.
fn offer(registry: &Registry) -> String {
    let kinds = registry.kinds().map(|info| info.kind).filter(|kind| registry.schedulable(kind).is_some());
    format!("these can be scheduled: {}", kinds.collect::<Vec<_>>().join(", "))
}
