//! Why an execution ran, as one sentence.

use crate::row::Row;

/// One sentence for people, made from what the row says.
pub(crate) fn of(row: &Row) -> String {
    let cause = cause(row);
    match (row.state.as_str(), row.lateness_ms()) {
        ("skipped" | "missed", _) => {
            let why = row.message.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("{cause}; it was {}{why}.", row.state)
        }
        (_, Some(0)) => format!("{cause}; it started on time."),
        (_, Some(ms)) => format!("{cause}; it started {} after it was due.", duration(ms)),
        ("queued", None) => format!("{cause}; it is to run at {}.", instant(row.run_at)),
        (_, None) => format!("{cause}; it did not start."),
    }
}

fn cause(row: &Row) -> String {
    let by = row.triggered_by.as_deref().map(|by| format!(", for {by}")).unwrap_or_default();
    match row.trigger.as_str() {
        "schedule" => format!("{}{}", due(row), caught_up(row)),
        "backfill" => format!("{}, in a range of past due times that was asked for", due(row)),
        "manual" => format!("Somebody asked for this run{by}"),
        "chain" => format!("Another execution ended, and this one follows it{by}"),
        "retry" if row.schedule_id.is_some() => format!("Somebody asked for it again; {}", lower(&due(row))),
        "retry" => format!("Somebody asked for it again{by}"),
        _ => format!("A request, or a job on its behalf, asked for it{by}"),
    }
}

fn due(row: &Row) -> String {
    let name = row.schedule_name.as_deref().unwrap_or("that is gone");
    match row.scheduled_for {
        Some(at) => format!("The schedule {name} was due at {}", instant(at)),
        None => format!("The schedule {name} asked for it"),
    }
}

/// What the tick noted behind the schedule's name: that it was caught up, and how late.
fn caught_up(row: &Row) -> &str {
    let noted = row.triggered_by.as_deref().and_then(|by| by.strip_prefix("schedule "));
    let rest = noted.and_then(|noted| noted.strip_prefix(row.schedule_name.as_deref()?));
    rest.filter(|rest| rest.starts_with(", ")).unwrap_or_default()
}

fn lower(sentence: &str) -> String {
    sentence.strip_prefix("The ").map_or_else(|| sentence.to_owned(), |rest| format!("the {rest}"))
}

fn instant(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

fn duration(ms: i64) -> String {
    if ms < 10_000 { format!("{ms} ms") } else { format!("{} s", ms / 1000) }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use uuid::Uuid;

    use super::*;

    fn row(trigger: &str, state: &str, late_ms: Option<i64>) -> Row {
        let at: DateTime<Utc> = "2026-01-05T02:00:00Z".parse().unwrap();
        Row {
            id: Uuid::nil(),
            kind: "engine.noop".into(),
            queue: "default".into(),
            state: state.into(),
            schedule_id: None,
            schedule_name: None,
            scheduled_for: None,
            run_at: at,
            started_at: late_ms.map(|ms| at + TimeDelta::milliseconds(ms)),
            finished_at: None,
            duration_ms: None,
            attempt: 1,
            max_attempts: 4,
            priority: 5,
            trigger: trigger.into(),
            triggered_by: Some("ann".into()),
            correlation_id: "c".into(),
            worker: None,
            progress: None,
            message: None,
        }
    }

    fn scheduled(trigger: &str, state: &str, late_ms: Option<i64>) -> Row {
        let plain = row(trigger, state, late_ms);
        let by = Some("schedule nightly".to_owned());
        let name = Some("nightly".to_owned());
        let due = Some(plain.run_at);
        Row { schedule_id: Some(Uuid::nil()), schedule_name: name, scheduled_for: due, triggered_by: by, ..plain }
    }

    #[test]
    fn a_due_time_names_its_schedule_and_says_how_late_it_was() {
        let due = "The schedule nightly was due at 2026-01-05T02:00:00Z";
        assert_eq!(of(&scheduled("schedule", "succeeded", Some(0))), format!("{due}; it started on time."));
        assert_eq!(
            of(&scheduled("schedule", "failed", Some(40))),
            format!("{due}; it started 40 ms after it was due.")
        );
        let mut late = scheduled("schedule", "succeeded", Some(90_400));
        late.triggered_by = Some("schedule nightly, caught up 90 s late: no worker ran at its time".into());
        let words = "caught up 90 s late: no worker ran at its time; it started 90 s after it was due.";
        assert_eq!(of(&late), format!("{due}, {words}"));
    }

    #[test]
    fn what_was_not_run_says_why() {
        let mut skipped = scheduled("schedule", "skipped", None);
        skipped.message = Some("an earlier run of this schedule is not over".into());
        assert!(of(&skipped).ends_with("; it was skipped: an earlier run of this schedule is not over."));
        assert!(of(&row("api", "cancelled", None)).ends_with("asked for it, for ann; it did not start."));
    }

    #[test]
    fn what_waits_says_when_it_runs_and_a_retry_what_it_was_first() {
        assert_eq!(
            of(&row("manual", "queued", None)),
            "Somebody asked for this run, for ann; it is to run at 2026-01-05T02:00:00Z."
        );
        let again = of(&scheduled("retry", "succeeded", Some(3)));
        assert!(again.starts_with("Somebody asked for it again; the schedule nightly was due at"), "{again}");
    }
}
