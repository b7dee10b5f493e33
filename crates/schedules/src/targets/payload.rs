//! What any payload must be, whatever it is for: small, storable, and with placeholders that exist.

use serde_json::Value;

use super::faults::{Faults, join};
use crate::payload::{KNOWN, placeholders};

/// The largest payload or arguments, in bytes of JSON.
pub(crate) const LARGEST_PAYLOAD: usize = 64 * 1024;

/// Gathers what is wrong with `payload`, which stands at the JSON pointer `at`.
pub(super) fn check(payload: &Value, at: &str, faults: &mut Faults) {
    if let Some(message) = too_large(payload, LARGEST_PAYLOAD) {
        return faults.push(at, message);
    }
    storable(payload, at, faults);
    for (pointer, name) in placeholders(payload) {
        if !KNOWN.contains(&name.as_str()) {
            faults.push(format!("{at}{pointer}"), format!("has {{{{{name}}}}}; there are {}", known_names()));
        }
    }
}

/// What is wrong with the size of `value`, if anything is.
pub(super) fn too_large(value: &Value, most: usize) -> Option<String> {
    let size = value.to_string().len();
    (size > most).then(|| format!("must have at most {most} bytes as JSON; it has {size}"))
}

/// Gathers the texts that Postgres cannot keep: those with NUL characters.
pub(super) fn storable(value: &Value, at: &str, faults: &mut Faults) {
    match value {
        Value::String(text) if text.contains('\0') => faults.push(at, "must not have NUL characters"),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| storable(item, &format!("{at}/{index}"), faults));
        }
        Value::Object(members) => {
            for (name, member) in members {
                if name.contains('\0') {
                    faults.push(at, "must not have NUL characters in the names of its members");
                }
                storable(member, &join(at, name), faults);
            }
        }
        _ => {}
    }
}

/// `{{scheduled_for}}, {{execution_id}} and {{last_success_at}}`.
pub(super) fn known_names() -> String {
    let named = KNOWN.map(|name| format!("{{{{{name}}}}}"));
    match named.split_last() {
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}
