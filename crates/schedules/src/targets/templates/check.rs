//! What a template must be before it is saved, so that making a schedule from it can only fail by what is given then.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::{NewTemplate, Parameter};
use crate::{
    payload::{KNOWN, placeholders},
    targets::{
        faults::{Faults, join},
        payload::{known_names, storable, too_large},
    },
};

/// The most parameters of a template.
pub(super) const MOST_PARAMETERS: usize = 50;
/// The longest text that a parameter can be, in characters.
pub(super) const LONGEST_TEXT: usize = 1000;
/// The largest template, in bytes of JSON.
const LARGEST: usize = 128 * 1024;
/// The longest name of a parameter.
const LONGEST_NAME: usize = 64;

/// The fields of a schedule that a template can have: all but those that name a template.
pub(crate) const FIELDS: [&str; 35] = [
    "name",
    "description",
    "schedule_type",
    "cron_expression",
    "cron_expressions",
    "phrase",
    "exclude",
    "interval_seconds",
    "anchor",
    "run_at",
    "timezone",
    "start_at",
    "end_at",
    "max_runs",
    "jitter_seconds",
    "calendar",
    "job",
    "args",
    "target_command",
    "command_payload",
    "webhook",
    "priority",
    "tags",
    "max_retries",
    "retry_delay",
    "timeout_seconds",
    "misfire_grace_seconds",
    "catch_up",
    "overlap",
    "max_instances",
    "dst_gap",
    "dst_overlap",
    "pause_on_failure",
    "after",
    "join",
];

/// Where a schedule has its payloads: only there are the placeholders of a run filled in.
const PAYLOADS: [&str; 3] = ["/args", "/command_payload", "/webhook/payload"];

/// What is wrong with `new`.
pub(crate) fn faults(new: &NewTemplate) -> Faults {
    let mut faults = Faults::default();
    text("/name", &new.name, (1, 255), &mut faults);
    if new.name.parse::<Uuid>().is_ok() {
        faults.push("/name", "must not look like an id: a template is asked for by either");
    }
    text("/description", &new.description, (0, 2000), &mut faults);
    parameters(&new.parameters, &mut faults);
    schedule(new, &mut faults);
    faults
}

fn text(pointer: &str, text: &str, (least, most): (usize, usize), faults: &mut Faults) {
    if !(least..=most).contains(&text.chars().count()) {
        faults.push(pointer, format!("must have {least} to {most} characters"));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        faults.push(pointer, "has control characters");
    }
}

fn parameters(parameters: &[Parameter], faults: &mut Faults) {
    if parameters.len() > MOST_PARAMETERS {
        faults.push("/parameters", format!("has more than {MOST_PARAMETERS} items"));
    }
    let mut names = BTreeSet::new();
    for (at, parameter) in parameters.iter().enumerate() {
        let name = format!("/parameters/{at}/name");
        if !is_identifier(&parameter.name) {
            faults.push(&name, "must be 1 to 64 of a-z, 0-9 and _, and not begin with a digit");
        } else if KNOWN.contains(&parameter.name.as_str()) {
            faults.push(&name, "is a placeholder that every run fills in");
        } else if !names.insert(&parameter.name) {
            faults.push(&name, "is the name of an earlier parameter");
        }
        if let Some(description) = &parameter.description {
            text(&format!("/parameters/{at}/description"), description, (0, 500), faults);
        }
        if let Some(default) = &parameter.default {
            let pointer = format!("/parameters/{at}/default");
            match wrong(parameter, default) {
                Some(message) => faults.push(pointer, message),
                None if parameter.required => faults.push(pointer, "is never used: the parameter is required"),
                None => {}
            }
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(known) && !name.as_bytes()[0].is_ascii_digit()
}

/// What is wrong with a value of `parameter`, if anything is.
pub(super) fn wrong(parameter: &Parameter, value: &Value) -> Option<String> {
    if !parameter.kind.admits(value) {
        return Some(format!("must be a {}", parameter.kind.name()));
    }
    let text = value.as_str().unwrap_or_default();
    if text.chars().count() > LONGEST_TEXT {
        return Some(format!("must have at most {LONGEST_TEXT} characters"));
    }
    text.contains('\0').then(|| "must not have NUL characters".to_owned())
}

fn schedule(new: &NewTemplate, faults: &mut Faults) {
    let schedule = Value::Object(new.schedule.clone());
    if let Some(message) = too_large(&schedule, LARGEST) {
        return faults.push("/schedule", message);
    }
    storable(&schedule, "/schedule", faults);
    for name in new.schedule.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        faults.push(join("/schedule", name), "is not a field of a schedule that a template can have");
    }
    let known: BTreeSet<&str> = new.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    for (pointer, name) in placeholders(&schedule) {
        let at_run_time = KNOWN.contains(&name.as_str());
        let in_payload = PAYLOADS.iter().any(|payload| is_within(&pointer, payload));
        let message = match (known.contains(name.as_str()), at_run_time, in_payload) {
            (true, ..) | (_, true, true) => continue,
            (_, true, false) => {
                format!("has {{{{{name}}}}}, which is filled in in args, command_payload and webhook/payload only")
            }
            _ => format!("has {{{{{name}}}}}, which is no parameter; every run knows {}", known_names()),
        };
        faults.push(format!("/schedule{pointer}"), message);
    }
}

fn is_within(pointer: &str, place: &str) -> bool {
    pointer.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
