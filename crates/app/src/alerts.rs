//! What must be true of `docs/alerts.yml` for its alerts to fire and to be of use; promtool checks its grammar.

use std::collections::{BTreeMap, BTreeSet};

use yaml_rust2::{Yaml, YamlLoader};

const TEXT: &str = include_str!("../../../docs/alerts.yml");
const TESTS: &str = include_str!("../../../docs/alerts.test.yml");
const METRICS: &str = include_str!("../../../docs/metrics.md");
const SEVERITIES: [&str; 2] = ["critical", "warning"];
/// Words of PromQL that stand where a metric could.
const WORDS: [&str; 5] = ["and", "or", "unless", "offset", "by"];

fn rules() -> Vec<Yaml> {
    let document = YamlLoader::load_from_str(TEXT).unwrap().remove(0);
    let groups = document["groups"].clone().into_vec().unwrap();
    assert!(groups.iter().all(|group| group["name"].as_str().is_some()));
    groups.into_iter().flat_map(|group| group["rules"].clone().into_vec().unwrap()).collect()
}

fn alerts() -> Vec<Yaml> {
    rules().into_iter().filter(|rule| rule["alert"].as_str().is_some()).collect()
}

/// The labels of each metric, as docs/metrics.md tells them.
fn documented() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let rows = METRICS.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (name, rest) = row.split_once('`').unwrap();
        let labels = rest.split('|').nth(1).unwrap().split(',').map(str::trim);
        (name, labels.filter(|label| !label.is_empty()).collect())
    })
    .collect()
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The metrics that `expr` names, each with the labels that its selector asks for.
fn selectors(expr: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    let mut rest = expr;
    while let Some(start) = rest.find(|c: char| is_name(c) || c == '{' || c == '[') {
        rest = &rest[start..];
        if let Some(close) = [('[', ']'), ('{', '}')].into_iter().find(|(open, _)| rest.starts_with(*open)) {
            rest = &rest[rest.find(close.1).unwrap()..];
            continue;
        }
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if word == "by" {
            rest = &after[after.find(')').unwrap()..];
        }
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        if is_number || WORDS.contains(&word) || after.starts_with('(') || after.starts_with(" by (") {
            continue;
        }
        let inside = after.strip_prefix('{').map_or("", |inside| inside.split('}').next().unwrap());
        let labels = inside.split(',').filter(|matcher| !matcher.is_empty());
        found.push((word, labels.map(|matcher| matcher.split(['=', '!']).next().unwrap().trim()).collect()));
    }
    found
}

#[test]
fn metrics_and_labels_are_found_in_an_expression() {
    let expr = r#"sum by (le) (rate(a_bucket[5m])) > 0.5 and b{c="x_y",d!~"z|y"} offset 1m unless (e:f or absent(g))"#;
    assert_eq!(selectors(expr), [("a_bucket", vec![]), ("b", vec!["c", "d"]), ("e:f", vec![]), ("g", vec![])]);
}

#[test]
fn every_metric_and_label_that_an_alert_asks_for_is_documented() {
    let documented = documented();
    let recorded: BTreeSet<_> = rules().iter().filter_map(|rule| rule["record"].as_str().map(str::to_owned)).collect();
    let mut asked = BTreeSet::new();
    for rule in rules() {
        let expr = rule["expr"].as_str().unwrap();
        let selectors = selectors(expr);
        assert!(!selectors.is_empty(), "{expr}");
        for (name, labels) in selectors.into_iter().filter(|(name, _)| !recorded.contains(*name)) {
            let name = name.strip_suffix("_bucket").unwrap_or(name);
            let known = documented.get(name).unwrap_or_else(|| panic!("{name} is not in docs/metrics.md"));
            assert!(labels.iter().all(|label| known.contains(label)), "{name} has {known:?}, asked for {labels:?}");
            asked.insert(name.to_owned());
        }
    }
    for must in ["processes_alive", "schedule_misfires_total", "schedule_executions_total", "scheduler_due_backlog"] {
        assert!(asked.contains(must), "{must}");
    }
}

#[test]
fn every_alert_says_how_bad_it_is_what_happened_and_what_to_do_first() {
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(name.starts_with("Bookflow") && names.insert(name.to_owned()), "{name}");
        let severity = alert["labels"]["severity"].as_str();
        assert!(severity.is_some_and(|severity| SEVERITIES.contains(&severity)), "{name}: {severity:?}");
        let text =
            |key: &str| alert["annotations"][key].as_str().unwrap_or_else(|| panic!("{name} has no {key}")).to_owned();
        assert!((10..120).contains(&text("summary").len()), "{name}");
        let first =
            text("description").split_once("First ").unwrap_or_else(|| panic!("{name}: what first?")).1.to_owned();
        assert!(first.contains('`'), "{name} names no command or query: {first}");
    }
}

#[test]
fn what_an_alert_shows_of_its_series_is_there_to_show() {
    for alert in alerts() {
        let told = format!("{:?}", alert["annotations"]);
        for shown in told.split("{{ $labels.").skip(1) {
            let label = shown.split(' ').next().unwrap();
            let kept = format!("by ({label})");
            assert!(alert["expr"].as_str().unwrap().contains(&kept), "{:?} shows {label}", alert["alert"]);
        }
    }
}

#[test]
fn every_alert_has_a_test_for_promtool() {
    YamlLoader::load_from_str(TESTS).unwrap();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(TESTS.contains(name), "{name} is not in docs/alerts.test.yml");
    }
}
