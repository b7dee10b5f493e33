//! Where a field is (RFC 6901 JSON pointers) and what is wrong with it, from what serde and garde report.

use garde::error::Path as GardePath;
use kernel::{Problem, kinds};
use serde_path_to_error::{Path as SerdePath, Segment};

/// Everything garde refused, as one problem.
pub(crate) fn from_report(report: garde::Report) -> Problem {
    let fields = report.into_inner();
    fields.into_iter().fold(Problem::new(&kinds::VALIDATION_FAILED), |problem, (path, error)| {
        problem.field(from_garde(&path), error.message())
    })
}

/// A value of the wrong type, a missing or an unknown field: the first one that serde met.
pub(crate) fn from_serde(path: &SerdePath, message: &str) -> Problem {
    let here = from_path(path);
    let (pointer, message) = if let Some(name) = named(message, "missing field `") {
        (join(&here, name), "is required".to_owned())
    } else if let Some(name) = named(message, "unknown field `") {
        let there = if here.ends_with(&join("", name)) { here } else { join(&here, name) };
        (there, "is not a field that is known here".to_owned())
    } else {
        (here, without_value(without_position(message)))
    };
    Problem::new(&kinds::VALIDATION_FAILED).field(pointer, message)
}

/// `/a/b` and `c` make `/a/b/c`, escaped.
pub(crate) fn join(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn from_garde(path: &GardePath) -> String {
    // The last component comes first.
    let parts = path.__iter().rev().filter(|(_, part)| !part.is_empty());
    parts.fold(String::new(), |pointer, (_, part)| join(&pointer, part))
}

fn from_path(path: &SerdePath) -> String {
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => join(&pointer, &index.to_string()),
        Segment::Map { key } => join(&pointer, key),
        Segment::Enum { variant } => join(&pointer, variant),
        Segment::Unknown => pointer,
    })
}

/// What serde expected, without what it met: that may be a password in the wrong field.
pub(crate) fn without_value(message: &str) -> String {
    // What was expected comes last, whatever the value says; our own words name no value.
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("is not valid: expected {expected}"),
        None if message.contains(['`', '"', '\'', '{']) => "is not valid".to_owned(),
        None => format!("is not valid: {message}"),
    }
}

fn named<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    message.strip_prefix(before)?.split('`').next()
}

fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |end| &message[..end])
}
