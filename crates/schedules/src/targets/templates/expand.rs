//! Making the fields of a schedule from a template.

use kernel::Result;
use serde_json::{Map, Value};
use store::Tx;

use super::{Fields, Parameter, check, find};
use crate::{
    payload::{fill, placeholders},
    problems::invalid,
    targets::faults::{Faults, join},
};

/// The most bytes that parameters may add to a template: one may stand in many places.
const MOST_ADDED: usize = 1024 * 1024;

/// The fields of the schedule that the template of that name or id makes with `parameters`; those in `overrides` take the
/// place of the template's. What each run fills in is left as it is.
///
/// # Errors
/// `validation-failed` naming `/template` when there is none, and `/parameters/x` for each that is missing, unknown or wrong.
pub(crate) async fn expand(tx: &Tx, template: &str, parameters: &Fields, overrides: Fields) -> Result<Fields> {
    let row = find(tx, template).await?.ok_or_else(|| invalid("/template", "is the name or id of no template"))?;
    let mut made = made(&row.schedule, &values(&row.parameters()?, parameters)?)?;
    made.extend(overrides);
    Ok(made)
}

/// The values of a template's parameters.
///
/// # Errors
/// `validation-failed` naming each that is missing, unknown or wrong.
pub(super) fn values(declared: &[Parameter], given: &Fields) -> Result<Fields> {
    let mut faults = Faults::default();
    let mut values = Map::new();
    for parameter in declared {
        let pointer = format!("/parameters/{}", parameter.name);
        let value = match given.get(&parameter.name).filter(|value| !value.is_null()) {
            Some(value) => {
                if let Some(message) = check::wrong(parameter, value) {
                    faults.push(pointer, message);
                }
                value.clone()
            }
            None if parameter.required => {
                faults.push(pointer, "is required");
                continue;
            }
            None => parameter.default.clone().unwrap_or_default(),
        };
        values.insert(parameter.name.clone(), value);
    }
    for name in given.keys().filter(|name| declared.iter().all(|parameter| parameter.name != **name)) {
        faults.push(join("/parameters", name), format!("is no parameter of the template; {}", offer(declared)));
    }
    faults.check()?;
    Ok(values)
}

/// The parameters that there are, in words.
fn offer(declared: &[Parameter]) -> String {
    let names: Vec<&str> = declared.iter().map(|parameter| parameter.name.as_str()).collect();
    if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) }
}

/// A template's schedule with its parameters filled in.
///
/// # Errors
/// `validation-failed` naming `/parameters` when that would be too large.
pub(super) fn made(schedule: &Value, values: &Fields) -> Result<Fields> {
    let added: usize = placeholders(schedule)
        .iter()
        .filter_map(|(_, name)| values.get(name))
        .map(|value| value.as_str().map_or(8, str::len))
        .sum();
    if added > MOST_ADDED {
        return Err(invalid("/parameters", "would make the schedule too large"));
    }
    match fill(schedule, values) {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}
