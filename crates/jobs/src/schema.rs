//! Checks arguments against the JSON Schema that their job declares, and says what is wrong by JSON pointer.
//!
//! Our own schemas need nine keywords of JSON Schema 2020-12; a library that knows them all brings twenty crates. A schema
//! that uses any other keyword is refused as a whole, so that none is overlooked in silence.

use std::cmp::Ordering;

use kernel::FieldError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

const KEYWORDS: [&str; 9] =
    ["type", "enum", "minimum", "maximum", "minLength", "maxLength", "required", "properties", "additionalProperties"];
/// Keywords that say something to people and nothing about validity.
const NOTES: [&str; 5] = ["$schema", "title", "description", "default", "examples"];

/// Everything that `schema` finds wrong with `value`, which stands at the JSON pointer `at`.
///
/// # Errors
/// What is wrong with the schema itself.
pub(crate) fn check(schema: &Value, value: &Value, at: &str) -> Result<Vec<FieldError>, String> {
    examine(schema)?;
    let mut wrong = Vec::new();
    visit(schema, value, at, &mut wrong);
    Ok(wrong)
}

/// Reads `value`, which stands at `at`, as a `T`; else says where that failed, without repeating the value.
pub(crate) fn read<T: DeserializeOwned>(value: &Value, at: &str) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let here = error.path().iter().fold(at.to_owned(), |pointer, segment| match segment {
            Segment::Seq { index } => join(&pointer, &index.to_string()),
            Segment::Map { key } => join(&pointer, key),
            Segment::Enum { variant } => join(&pointer, variant),
            Segment::Unknown => pointer,
        });
        let message = error.inner().to_string();
        let named = |before| message.strip_prefix(before)?.split('`').next();
        if let Some(name) = named("missing field `") {
            return wrong(join(&here, name), "is required");
        }
        if let Some(name) = named("unknown field `") {
            let there = if here.ends_with(&join("", name)) { here } else { join(&here, name) };
            return wrong(there, "is not a field that is known here");
        }
        // What serde expected comes last; what it met comes before and may be a secret in the wrong field.
        let expected = message.rsplit_once(", expected ").map(|(_, expected)| format!(": expected {expected}"));
        wrong(here, format!("is not valid{}", expected.unwrap_or_default()))
    })
}

fn examine(schema: &Value) -> Result<(), String> {
    let object = schema.as_object().ok_or("a schema is not an object")?;
    for (keyword, means) in object {
        let readable = match keyword.as_str() {
            "type" => means.is_string(),
            "enum" | "required" => means.is_array(),
            "minimum" | "maximum" => means.is_number(),
            "minLength" | "maxLength" => means.is_u64(),
            "additionalProperties" => means.is_boolean(),
            "properties" => {
                means.as_object().into_iter().flat_map(Map::values).try_for_each(examine)?;
                means.is_object()
            }
            note => NOTES.contains(&note),
        };
        if !readable {
            let known = if KEYWORDS.contains(&keyword.as_str()) { "has a value" } else { "is a keyword" };
            return Err(format!("{keyword} {known} that is not understood here"));
        }
    }
    Ok(())
}

fn visit(schema: &Value, value: &Value, at: &str, found: &mut Vec<FieldError>) {
    let mut refuse = |message: String| found.push(wrong(at.to_owned(), message));
    let kind = schema["type"].as_str().unwrap_or_default();
    if !is_of(kind, value) {
        return refuse(format!("must be {}", article(kind)));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        refuse(format!("must be one of {}", words(allowed)));
    }
    let beyond = |bound: &str, side| order(value, &schema[bound]) == Some(side);
    if beyond("minimum", Ordering::Less) {
        refuse(format!("must be at least {}", schema["minimum"]));
    }
    if beyond("maximum", Ordering::Greater) {
        refuse(format!("must be at most {}", schema["maximum"]));
    }
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as u64;
        let bound = |name: &str| schema[name].as_u64();
        if let Some(least) = bound("minLength").filter(|least| length < *least) {
            refuse(format!("must have at least {least} characters"));
        }
        if let Some(most) = bound("maxLength").filter(|most| length > *most) {
            refuse(format!("must have at most {most} characters"));
        }
    }
    if let Some(fields) = value.as_object() {
        visit_fields(schema, fields, at, found);
    }
}

fn visit_fields(schema: &Value, fields: &Map<String, Value>, at: &str, found: &mut Vec<FieldError>) {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing = required.filter(|name| !fields.contains_key(*name));
    found.extend(missing.map(|name| wrong(join(at, name), "is required")));
    for (name, value) in fields {
        match schema["properties"].get(name) {
            Some(schema) => visit(schema, value, &join(at, name), found),
            None if schema["additionalProperties"] == Value::Bool(false) => {
                found.push(wrong(join(at, name), "is not a field that is known here"));
            }
            None => {}
        }
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => kind.is_empty(),
    }
}

fn article(kind: &str) -> String {
    match kind {
        "integer" => "a whole number".to_owned(),
        "object" | "array" => format!("an {kind}"),
        "null" => kind.to_owned(),
        _ => format!("a {kind}"),
    }
}

/// How two numbers compare, if both are; exactly where both are whole.
fn order(value: &Value, bound: &Value) -> Option<Ordering> {
    let whole = |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    match (whole(value), whole(bound)) {
        (Some(value), Some(bound)) => Some(value.cmp(&bound)),
        _ => value.as_f64()?.partial_cmp(&bound.as_f64()?),
    }
}

fn words(values: &[Value]) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    values.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// `/a/b` and `c` make `/a/b/c`, escaped (RFC 6901).
fn join(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn wrong(pointer: String, message: impl Into<String>) -> FieldError {
    FieldError { pointer, message: message.into() }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    fn found(schema: &Value, value: &Value) -> Vec<(String, String)> {
        let wrong = check(schema, value, "/args").unwrap();
        wrong.into_iter().map(|error| (error.pointer, error.message)).collect()
    }

    fn message(schema: &Value, value: &Value) -> Option<String> {
        let mut found = found(schema, value);
        assert!(found.len() <= 1, "{found:?}");
        found.pop().map(|(_, message)| message)
    }

    #[test]
    fn a_value_is_of_the_type() {
        for (kind, good, bad, words) in [
            ("object", json!({}), json!([]), "must be an object"),
            ("array", json!([1]), json!({}), "must be an array"),
            ("string", json!("1"), json!(1), "must be a string"),
            ("integer", json!(-1), json!(1.5), "must be a whole number"),
            ("integer", json!(u64::MAX), json!("1"), "must be a whole number"),
            ("number", json!(1.5), json!(null), "must be a number"),
            ("boolean", json!(false), json!(0), "must be a boolean"),
            ("null", json!(null), json!(false), "must be null"),
        ] {
            assert_eq!(message(&json!({"type": kind}), &good), None, "{kind}");
            assert_eq!(message(&json!({"type": kind}), &bad).as_deref(), Some(words), "{kind}");
        }
        assert!(check(&json!({"type": "text"}), &json!("x"), "").is_ok_and(|wrong| !wrong.is_empty()));
    }

    #[test]
    fn bounds_are_inclusive_and_exact() {
        let number = json!({"minimum": -1, "maximum": 9_007_199_254_740_993_u64});
        for (value, words) in [
            (json!(-1), None),
            (json!(9_007_199_254_740_993_u64), None),
            (json!(0.5), None),
            (json!(-2), Some("must be at least -1")),
            (json!(-1.1), Some("must be at least -1")),
            (json!(9_007_199_254_740_994_u64), Some("must be at most 9007199254740993")),
            (json!("many"), None),
        ] {
            assert_eq!(message(&number, &value).as_deref(), words, "{value}");
        }
        let text = json!({"minLength": 2, "maxLength": 3});
        assert_eq!(message(&text, &json!("äö")), None);
        assert_eq!(message(&text, &json!("ä")).as_deref(), Some("must have at least 2 characters"));
        assert_eq!(message(&text, &json!("äöüß")).as_deref(), Some("must have at most 3 characters"));
        let choice = json!({"enum": ["a", 1]});
        assert_eq!(message(&choice, &json!(1)), None);
        assert_eq!(message(&choice, &json!("b")).as_deref(), Some("must be one of a, 1"));
    }

    #[test]
    fn every_wrong_field_is_named_by_its_pointer() {
        let schema = json!({
            "type": "object",
            "required": ["to", "a/b"],
            "additionalProperties": false,
            "properties": {
                "to": {"type": "string"},
                "a/b": {"type": "object", "properties": {"n": {"type": "integer"}}},
            },
        });
        assert!(found(&schema, &json!({"to": "x", "a/b": {"n": 1, "more": true}})).is_empty());
        let pair = |pointer: &str, message: &str| (pointer.to_owned(), message.to_owned());
        assert_eq!(
            found(&schema, &json!({"a/b": {"n": "hunter2"}, "c~": 1})),
            [
                pair("/args/to", "is required"),
                pair("/args/a~1b/n", "must be a whole number"),
                pair("/args/c~0", "is not a field that is known here"),
            ]
        );
        assert_eq!(found(&schema, &json!("x")), [pair("/args", "must be an object")]);
    }

    #[test]
    fn a_schema_that_asks_for_more_than_is_checked_here_is_refused() {
        let nested = |schema: Value| json!({"type": "object", "properties": {"a": schema}});
        for schema in [json!({"pattern": "^a"}), json!({"type": ["a"]}), json!({"minLength": -1}), json!(true)] {
            assert!(check(&schema, &json!({}), "").is_err(), "{schema}");
            assert!(check(&nested(schema), &json!({}), "").is_err());
        }
        check(&nested(json!({"description": "d", "examples": [1], "default": 2})), &json!({}), "").unwrap();
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Letter {
        #[allow(dead_code)]
        to: Vec<u8>,
    }

    #[test]
    fn what_cannot_be_read_is_named_without_its_value() {
        for (args, pointer, message) in [
            (json!({}), "/args/to", "is required"),
            (json!({"to": [1], "hunter2": 1}), "/args/hunter2", "is not a field that is known here"),
            (json!({"to": [1, "hunter2"]}), "/args/to/1", "is not valid: expected u8"),
            (json!("hunter2, expected"), "/args", "is not valid: expected struct Letter"),
        ] {
            let error = read::<Letter>(&args, "/args").unwrap_err();
            assert_eq!((error.pointer.as_str(), error.message.as_str()), (pointer, message), "{args}");
        }
        read::<Letter>(&json!({"to": [1]}), "/args").unwrap();
    }
}
