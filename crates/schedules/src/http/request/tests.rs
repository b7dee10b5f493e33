//! Any fields at all: they are read or refused by name, and a merge patch does what RFC 7396 says.

use proptest::{collection::btree_map, prelude::*, sample::select};

use super::*;
use crate::targets::templates::FIELDS;

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-10..400_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        select(vec![
            "cron",
            "skip",
            "*/5 * * * *",
            "every day at 9am",
            "Europe/Berlin",
            "2026-01-05T10:00:00Z",
            "engine.noop",
            "a\0b",
            "{{x"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof![
            "[a-c]",
            select(vec!["url", "payload", "id", "name", "schedule_id", "calendar"]).prop_map(str::to_owned)
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(name, inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn requests() -> impl Strategy<Value = Fields> {
    let name = prop_oneof![8 => select([&FIELDS[..], &["template", "parameters"]].concat()).prop_map(str::to_owned), 1 => "[a-z_/~]{0,9}"];
    btree_map(name, values(), 0..8).prop_map(|fields| fields.into_iter().collect())
}

/// How many of a family's ways are chosen.
fn chosen(fields: &Fields, family: &[&[&str]]) -> usize {
    family.iter().filter(|of| fields.get(of[0]).is_some_and(|value| !value.is_null())).count()
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_fields_are_read_and_what_is_wrong_is_told_by_their_pointers(given in requests()) {
        let mut request = ScheduleRequest::read(given.clone());
        let mut wrong = Wrong::default();
        request.tell(&mut wrong);
        if let Err(problem) = wrong.check() {
            for error in problem.errors() {
                let field = error.pointer.split('/').nth(1).unwrap_or_default().replace("~1", "/").replace("~0", "~");
                prop_assert!(given.contains_key(&field), "{} of {:?}", error.pointer, given);
            }
        }
        for (name, value) in &given {
            prop_assert_eq!(request.has(name), !value.is_null());
        }
    }

    #[test]
    fn a_merge_patch_twice_is_once_and_an_empty_one_is_none(given in requests(), patch in requests()) {
        let once = merge(given.clone(), patch.clone());
        prop_assert_eq!(merge(once.clone(), patch.clone()), once.clone());
        prop_assert_eq!(merge(given.clone(), Fields::new()), given);
        for (name, value) in &patch {
            let now = once.get(name);
            match value {
                Value::Null => prop_assert_eq!(now, None),
                Value::Object(_) => prop_assert!(now.is_some_and(Value::is_object)),
                other => prop_assert_eq!(now, Some(other)),
            }
        }
    }

    #[test]
    fn a_patch_that_chooses_one_way_takes_the_others_back(given in requests(), patch in requests()) {
        let merged = merge(given, patch.clone());
        for family in [RHYTHMS.as_slice(), TARGETS.as_slice()] {
            if chosen(&patch, family) == 1 {
                prop_assert_eq!(chosen(&merged, family), 1, "{:?}", merged);
            }
        }
    }

    #[test]
    fn what_a_patch_brings_has_no_nulls(patch in requests()) {
        prop_assert!(!has_null(&Value::Object(merge(Fields::new(), patch))));
    }
}
