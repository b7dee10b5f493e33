//! Placeholders in arguments and payloads: `{{scheduled_for}}`, `{{execution_id}}`, `{{last_success_at}}`.
//!
//! They are filled in when an execution is made. A text that is one placeholder and nothing else becomes its value, so that
//! a missing `last_success_at` is `null`; inside a longer text it is empty.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

/// The placeholders that every payload may use.
pub(crate) const KNOWN: [&str; 3] = ["scheduled_for", "execution_id", "last_success_at"];

/// Their values for one execution.
pub(crate) fn values(
    execution: Uuid,
    scheduled_for: DateTime<Utc>,
    last_success_at: Option<DateTime<Utc>>,
) -> Map<String, Value> {
    let instant = |at: DateTime<Utc>| Value::from(at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    Map::from_iter([
        ("scheduled_for".to_owned(), instant(scheduled_for)),
        ("execution_id".to_owned(), Value::from(execution.to_string())),
        ("last_success_at".to_owned(), last_success_at.map_or(Value::Null, instant)),
    ])
}

/// `template` with every placeholder that `values` has filled in; others stay.
pub(crate) fn fill(template: &Value, values: &Map<String, Value>) -> Value {
    match template {
        Value::String(text) => fill_text(text, values),
        Value::Array(items) => items.iter().map(|item| fill(item, values)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), fill(value, values))).collect())
        }
        other => other.clone(),
    }
}

fn fill_text(text: &str, values: &Map<String, Value>) -> Value {
    if let Some(Piece::Placeholder(name, _)) = only(pieces(text)) {
        return values.get(name).cloned().unwrap_or_else(|| text.into());
    }
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => filled += text,
            Piece::Placeholder(name, whole) => match values.get(name) {
                Some(Value::String(value)) => filled += value,
                Some(Value::Null) => {}
                Some(value) => filled += &value.to_string(),
                None => filled += whole,
            },
        }
    }
    filled.into()
}

/// The names of all placeholders in `template`, with the JSON pointer to the text that each stands in.
pub(crate) fn placeholders(template: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(template, &mut String::new(), &mut found);
    found
}

fn collect(template: &Value, pointer: &mut String, found: &mut Vec<(String, String)>) {
    let mut below = |step: &str, value: &Value| {
        let length = pointer.len();
        pointer.push('/');
        *pointer += &step.replace('~', "~0").replace('/', "~1");
        collect(value, pointer, found);
        pointer.truncate(length);
    };
    match template {
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| below(&at.to_string(), item)),
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name, value)),
        Value::String(text) => found.extend(pieces(text).filter_map(|piece| match piece {
            Piece::Placeholder(name, _) => Some((pointer.clone(), name.to_owned())),
            Piece::Text(_) => None,
        })),
        _ => {}
    }
}

enum Piece<'a> {
    Text(&'a str),
    /// Its name, and the text that it stands for.
    Placeholder(&'a str, &'a str),
}

/// The text in order. Braces that are never closed are text.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (text, inner) = rest.split_once("{{").unwrap_or((rest, ""));
        if !text.is_empty() {
            rest = &rest[text.len()..];
            return Some(Piece::Text(text));
        }
        let Some((name, after)) = inner.split_once("}}") else {
            // Nothing is closed from here on: all of it is text, and is not searched again at every brace.
            return Some(Piece::Text(std::mem::take(&mut rest)));
        };
        let whole = &rest[..rest.len() - after.len()];
        rest = after;
        Some(Piece::Placeholder(name.trim(), whole))
    })
}

fn only<'a>(mut pieces: impl Iterator<Item = Piece<'a>>) -> Option<Piece<'a>> {
    let first = pieces.next()?;
    pieces.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn known() -> Map<String, Value> {
        values(Uuid::nil(), DateTime::UNIX_EPOCH, None)
    }

    #[test]
    fn placeholders_are_filled_in_wherever_a_text_stands() {
        let template = json!({"at": "{{scheduled_for}}", "list": ["run {{ execution_id }}!"], "n": 1, "last": "{{last_success_at}}"});
        let filled = fill(&template, &known());
        let wanted = json!({"at": "1970-01-01T00:00:00Z", "list": ["run 00000000-0000-0000-0000-000000000000!"], "n": 1, "last": null});
        assert_eq!(filled, wanted);
        assert_eq!(fill(&json!("since {{last_success_at}}."), &known()), json!("since ."));
    }

    #[test]
    fn what_is_no_placeholder_stays_as_it_is() {
        for text in ["{{unclosed", "}} {", "{{other}}", "a {{other}} b", "", "é{{"] {
            assert_eq!(fill(&json!(text), &known()), json!(text));
        }
    }

    #[test]
    fn each_placeholder_is_found_with_its_place() {
        let template = json!({"a/b": ["x", "{{one}} and {{two}}"]});
        let wanted = [("/a~1b/1".to_owned(), "one".to_owned()), ("/a~1b/1".to_owned(), "two".to_owned())];
        assert_eq!(placeholders(&template), wanted);
    }

    #[test]
    fn braces_that_are_never_closed_are_read_once() {
        let began = std::time::Instant::now();
        let text = json!("{".repeat(1024 * 1024));
        assert_eq!((fill(&text, &known()), placeholders(&text).len()), (text.clone(), 0));
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }

    proptest! {
        #[test]
        fn what_nobody_knows_stays_and_what_is_known_is_gone(text in "([{} a-z_é]|[{][{]|[}][}]|[{][{] ?execution_id ?[}][}]){0,12}") {
            prop_assert_eq!(fill(&json!(text), &Map::new()), json!(text.clone()));
            let found = placeholders(&json!(text));
            let filled = fill(&json!(text), &known()).to_string();
            let known = found.iter().filter(|(_, name)| name == "execution_id").count();
            prop_assert_eq!(filled.matches(&Uuid::nil().to_string()).count(), known, "{} from {}", filled, text);
        }
    }
}
