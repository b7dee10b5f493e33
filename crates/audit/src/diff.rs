//! What changed between two states of a resource, by JSON pointer (RFC 6901), without secrets and of bounded size.

use std::{collections::BTreeSet, sync::LazyLock};

use serde::Serialize;
use serde_json::{Map, Value};

/// Shown in place of a secret.
const HIDDEN: &str = "***";
/// The longest value that is stored whole, in bytes of JSON.
const LONGEST: usize = 1024;
/// Differences that are listed at most; one more says how many there were.
const MOST: usize = 200;
/// A member whose name holds one of these words, in any spelling (`apiKey`, `api_key`, `API-KEY`), is a secret.
const SECRET: [&str; 12] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "authorization",
    "credential",
    "cookie",
    "keyhash",
    "apikey",
    "privatekey",
    "signingkey",
];

type Members = Map<String, Value>;

/// One place that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Where, from the top of the resource.
    pub pointer: String,
    /// What was there; null when nothing was.
    pub before: Value,
    /// What is there now; null when nothing is.
    pub after: Value,
}

/// The places that differ, in the order of their pointers. `None` is a resource that is not there (yet, or any more).
///
/// Objects are compared member by member, everything else whole. A secret that changed is listed as `***`; a value of
/// more than 1 KiB is cut, and says so.
pub fn diff(before: Option<&Value>, after: Option<&Value>) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), before.unwrap_or(&Value::Null), after.unwrap_or(&Value::Null), &mut found);
    if found.len() > MOST {
        let more = found.len() - MOST;
        found.truncate(MOST);
        let note = Value::String(format!("and {more} more differences"));
        found.push(Difference { pointer: String::new(), before: Value::Null, after: note });
    }
    found
}

fn compare(pointer: String, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    let Some((before, after)) = both_objects(before, after) else {
        found.push(Difference { pointer, before: shown(before), after: shown(after) });
        return;
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let member = |object: &Map<String, Value>| object.get(name).cloned().unwrap_or(Value::Null);
        let (old, new) = (member(before), member(after));
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        if !is_secret(name) {
            compare(pointer, &old, &new, found);
        } else if old != new {
            found.push(Difference { pointer, before: hidden(&old), after: hidden(&new) });
        }
    }
}

/// An object that came or went is compared with an empty one, so that its members are listed one by one.
fn both_objects<'a>(before: &'a Value, after: &'a Value) -> Option<(&'a Members, &'a Members)> {
    static EMPTY: LazyLock<Members> = LazyLock::new(Map::new);
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => Some((before, after)),
        (Value::Null, Value::Object(after)) if !after.is_empty() => Some((&EMPTY, after)),
        (Value::Object(before), Value::Null) if !before.is_empty() => Some((before, &EMPTY)),
        _ => None,
    }
}

fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    SECRET.iter().any(|word| plain.contains(word))
}

/// Whether a secret is set may be known.
fn hidden(value: &Value) -> Value {
    if value.is_null() { Value::Null } else { HIDDEN.into() }
}

/// The value without the secrets in it, cut when it is long.
fn shown(value: &Value) -> Value {
    let value = without_secrets(value);
    let (text, bytes) = match &value {
        Value::String(text) => (text.clone(), text.len()),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            let bytes = text.len();
            (text, bytes)
        }
        _ => return value,
    };
    if bytes <= LONGEST {
        return value;
    }
    let note = format!("… (shortened from {bytes} bytes)");
    let end = text.floor_char_boundary(LONGEST - note.len());
    Value::String(format!("{}{note}", &text[..end]))
}

fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let value = if is_secret(name) { hidden(value) } else { without_secrets(value) };
                (name.clone(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_secrets).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn listed(before: &Value, after: &Value) -> Value {
        serde_json::to_value(diff(Some(before), Some(after))).unwrap()
    }

    #[test]
    fn members_are_compared_one_by_one_and_arrays_whole() {
        let before =
            json!({ "name": "a", "timing": { "cron": "0 9 * * *", "zone": "UTC" }, "tags": ["x"], "a/b~c": 1 });
        let after =
            json!({ "name": "a", "timing": { "cron": "0 8 * * *", "zone": "UTC" }, "tags": ["x", "y"], "a/b~c": 2 });
        let wanted = json!([
            { "pointer": "/a~1b~0c", "before": 1, "after": 2 },
            { "pointer": "/tags", "before": ["x"], "after": ["x", "y"] },
            { "pointer": "/timing/cron", "before": "0 9 * * *", "after": "0 8 * * *" },
        ]);
        assert_eq!(listed(&before, &after), wanted);
    }

    #[test]
    fn what_came_or_went_is_listed_by_its_members() {
        let thing = json!({ "name": "a", "calendar": { "zone": "UTC" }, "nothing": null });
        let came = diff(None, Some(&thing));
        let pointers: Vec<_> = came.iter().map(|d| (d.pointer.as_str(), d.before.is_null())).collect();
        assert_eq!(pointers, [("/calendar/zone", true), ("/name", true)]);
        assert!(diff(Some(&thing), None).iter().all(|d| d.after.is_null()));
        assert_eq!(diff(None, None), []);
    }

    #[test]
    fn no_secret_is_shown_wherever_it_stands() {
        let before = json!({ "webhook": { "signing_secret": "hunter2" }, "key_hash": "hunter2", "password": null });
        let after = json!({
            "webhook": { "signing_secret": "hunter3", "url": "https://example.org" },
            "key_hash": "hunter2",
            "password": "hunter4",
            "payload": [{ "Authorization": "Bearer hunter5", "accessToken": ["hunter6"], "plain": 1 }],
        });
        let wanted = json!([
            { "pointer": "/password", "before": null, "after": "***" },
            { "pointer": "/payload", "before": null,
              "after": [{ "Authorization": "***", "accessToken": "***", "plain": 1 }] },
            { "pointer": "/webhook/signing_secret", "before": "***", "after": "***" },
            { "pointer": "/webhook/url", "before": null, "after": "https://example.org" },
        ]);
        assert_eq!(listed(&before, &after), wanted);
    }

    #[test]
    fn long_values_and_long_lists_are_cut_and_say_so() {
        let text = "é".repeat(5000);
        let found = diff(Some(&json!({ "a": "" })), Some(&json!({ "a": text, "b": vec!["x"; 5000] })));
        for difference in &found {
            let shown = difference.after.as_str().unwrap();
            assert!(shown.len() <= LONGEST && shown.contains("shortened from"), "{shown}");
        }
        let many: Map<String, Value> = (0..1000).map(|n| (n.to_string(), n.into())).collect();
        let found = diff(None, Some(&Value::Object(many)));
        assert_eq!((found.len(), found[MOST].after.as_str()), (MOST + 1, Some("and 800 more differences")));
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), "[a-z~/]{0,3}".prop_map(Value::from)];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-z~/]{1,2}", inner, 0..3)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_pointer_leads_to_what_is_told(before in json_value(), after in json_value()) {
            let found = diff(Some(&before), Some(&after));
            let at = |value: &Value, pointer: &str| value.pointer(pointer).cloned().unwrap_or_default();
            for difference in &found {
                prop_assert_eq!(&at(&before, &difference.pointer), &difference.before);
                prop_assert_eq!(&at(&after, &difference.pointer), &difference.after);
                prop_assert_ne!(&difference.before, &difference.after);
            }
            prop_assert!(diff(Some(&before), Some(&before)).is_empty());
        }
    }
}
