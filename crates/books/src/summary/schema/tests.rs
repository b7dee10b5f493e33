//! The schema that models are given agrees with the types that their answers become.

use garde::Validate;

use super::*;
use crate::summary::{Component, Framework, Text};

/// A summary in which nothing is absent.
fn full() -> Content {
    let book = &crate::catalogue::builtin().unwrap()[0];
    let mut content = crate::summariser::builtin::summarise(book).unwrap();
    let component = Component { name: Text::from("First part"), description: Text::from("What it does.") };
    content.evidence = vec![Text::from("What it shows.")];
    content.criticisms = content.evidence.clone();
    content.framework = Some(Framework { name: Text::from("The model"), components: vec![component] });
    for insight in &mut content.key_insights {
        insight.quote = Some(Text::from("In its own words."));
    }
    content
}

/// Compares a value with the schema: same properties, same types, texts where texts are allowed.
fn agree(value: &Value, schema: &Value, path: &str) {
    if let Some(choices) = schema["anyOf"].as_array() {
        let named =
            choices.iter().find(|choice| choice["type"] != "null").unwrap_or_else(|| panic!("{path}: only null"));
        return agree(value, named, path);
    }
    match value {
        Value::Object(members) => {
            let said: Vec<_> = members.keys().collect();
            let known: Vec<_> =
                schema["properties"].as_object().unwrap_or_else(|| panic!("{path}: no object")).keys().collect();
            assert_eq!(said, known, "{path}");
            assert_eq!(schema["additionalProperties"], false, "{path}");
            for (name, member) in members {
                agree(member, &schema["properties"][name], &format!("{path}/{name}"));
            }
        }
        Value::Array(items) => {
            assert_eq!(schema["type"], "array", "{path}");
            for item in items {
                agree(item, &schema["items"], &format!("{path}/0"));
            }
        }
        Value::String(text) => match schema["enum"].as_array() {
            Some(names) => assert!(names.contains(&json!(text)) && names.len() == 8, "{path}"),
            None => {
                assert!(schema["type"] == "string" || schema["type"] == json!(["string", "null"]), "{path}: {schema}");
            }
        },
        other => panic!("{path}: {other}"),
    }
}

#[test]
fn the_schema_describes_exactly_what_a_summary_is() {
    agree(&json!(full()), &FOR_MODELS, "");
    assert!(!FOR_MODELS.to_string().contains("$ref"));
}

/// Every list in the schema, by its JSON pointer in a full summary, with its bounds.
fn lists(schema: &Value, path: &str, found: &mut Vec<(String, usize, usize)>) {
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        lists(choice, path, found);
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        lists(member, &format!("{path}/{name}"), found);
    }
    if schema["type"] == "array" {
        let bound = |key: &str, or: usize| schema[key].as_u64().map_or(or, |n| n as usize);
        found.push((path.to_owned(), bound("minItems", 0), bound("maxItems", usize::MAX)));
        lists(&schema["items"], &format!("{path}/0"), found);
    }
}

#[test]
fn the_bounds_of_the_schema_are_those_of_the_validation() {
    let mut found = Vec::new();
    lists(&FOR_MODELS, "", &mut found);
    assert_eq!(found.len(), 9, "{found:?}");
    for (path, least, most) in found {
        // Models are asked for ten insights; three are enough for a summary.
        let least = if path == "/key_insights" { 3 } else { least };
        let fits = |length: usize| {
            let mut value = json!(full());
            let list = value.pointer_mut(&path).and_then(Value::as_array_mut).unwrap();
            let item = list[0].clone();
            list.resize(length, item);
            let content: Content = serde_json::from_value(value).unwrap();
            content.validate().is_ok()
        };
        assert!(fits(least) && fits(most), "{path} takes {least} to {most}");
        assert!(!fits(most + 1) && (least == 0 || !fits(least - 1)), "{path} takes only {least} to {most}");
    }
}

#[test]
fn blank_and_endless_texts_are_refused_by_their_place() {
    for wrong in ["", "  \n ", &"x".repeat(1201)] {
        let mut content = full();
        content.one_page.takeaways[1] = Text::from(wrong);
        let report = content.validate().unwrap_err().to_string();
        assert!(report.contains("one_page.takeaways[1]"), "{report}");
    }
}
