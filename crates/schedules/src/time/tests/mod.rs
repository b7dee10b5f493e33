//! Tests of the time module: a table of cases, a second-by-second oracle, properties, and single behaviours.

mod behaviour;
mod calendars;
mod expressions;
mod ledger;
mod limits;
mod oracle;
mod properties;
mod table;

use chrono::{DateTime, Utc};

use super::{Cron, DstGap, DstOverlap, Spec, Timing, Zone};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn cron(expr: &str) -> Cron {
    expr.parse().unwrap_or_else(|error| panic!("{expr}: {error}"))
}

fn spec(expr: &str, zone_name: &str) -> Spec {
    Spec::cron(cron(expr), zone(zone_name))
}

fn with_policy(cron: Cron, zone: Zone, (gap, overlap): (DstGap, DstOverlap)) -> Spec {
    Spec::new(Timing::Cron { exprs: vec![cron], gap, overlap }, zone)
}

fn next(spec: &Spec, after: &str, count: usize) -> Vec<String> {
    spec.occurrences(at(after))
        .take(count)
        .map(|run| run.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        .collect()
}
