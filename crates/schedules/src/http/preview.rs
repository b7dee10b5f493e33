//! When a timing is due: for schedules that are not saved yet, and for those that are.

use axum::extract::{Request, State};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use edge::{Authenticated, Json, Reply};
use kernel::Result;
use serde::Serialize;
use serde_json::Value;
use store::Tx;
use utoipa::ToSchema;

use super::{
    fields,
    request::{CalendarChoice, Exclude, Fields, Moment, ScheduleRequest, ScheduleType, TIMING, Wrong},
    view::local,
};
use crate::{
    Schedules,
    time::{Becomes, DropReason, DstGap, DstOverlap, Spec},
};

/// The most runs that are listed.
pub(super) const MOST: u32 = 1000;
/// The most due times that are looked at for those that have no run.
const LOOKED_AT: usize = 20_000;
/// How far past the last run to look for them, when there are no more runs.
const BEYOND: TimeDelta = TimeDelta::days(366);

/// When a timing is due.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "items": [{"at": "2026-03-29T01:00:00Z", "local": "2026-03-29T03:00:00+02:00",
               "note": "the clock jumps over its local time; it runs after the jump", "note_kind": "dst_moved"}],
    "dropped": []
}))]
pub(crate) struct Preview {
    /// The next runs, in order.
    #[schema(max_items = 1000)]
    items: Vec<Run>,
    /// Due times up to the last of these that have no run of their own, in order.
    #[schema(max_items = 1000)]
    dropped: Vec<DroppedRun>,
}

/// One run.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PreviewedRun)]
struct Run {
    at: DateTime<Utc>,
    /// What the clock of the time zone shows then.
    #[schema(format = DateTime, example = "2026-03-29T03:00:00+02:00")]
    local: String,
    /// What a change of the clock or a calendar did to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<String>,
    /// The same for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "dst_moved")]
    note_kind: Option<&'static str>,
}

/// A due time without a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct DroppedRun {
    /// The local time that was meant.
    #[schema(example = "2026-03-29T02:30:00")]
    local: String,
    /// The instant; of a local time that the clock jumps over, when it jumps.
    at: DateTime<Utc>,
    /// `dst_gap`, `dst_merged`, `closed`, `moved_to_opening` or `excluded`.
    #[schema(example = "dst_gap")]
    reason: &'static str,
    /// Why, for people.
    note: String,
}

impl Preview {
    /// The next `count` runs strictly after `from`.
    pub fn of(spec: &Spec, from: DateTime<Utc>, count: usize) -> Self {
        let zone = spec.zone.name();
        let runs: Vec<_> = spec.occurrences(from).take(count).collect();
        let end = runs.last().filter(|_| runs.len() == count).map(|run| run.at);
        let to = end.unwrap_or_else(|| runs.last().map_or(from, |run| run.at) + BEYOND);
        let items = runs.iter().map(|run| Run {
            at: run.at,
            local: local(run.at, zone),
            note: run.note.map(|note| note.to_string()),
            note_kind: run.note.map(crate::time::Note::name),
        });
        Self { items: items.collect(), dropped: if count == 0 { Vec::new() } else { dropped(spec, from, to) } }
    }
}

fn dropped(spec: &Spec, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DroppedRun> {
    let most = MOST as usize;
    let by_clock = spec.dropped(from, to, most).into_iter().map(|lost| DroppedRun {
        local: lost.local.to_string().replace(' ', "T"),
        at: lost.at,
        reason: match lost.reason {
            DropReason::Gap => "dst_gap",
            DropReason::Merged => "dst_merged",
        },
        note: lost.reason.to_string(),
    });
    let mut found: Vec<DroppedRun> = by_clock.collect();
    if spec.calendar.is_some() || spec.exclude_calendar.is_some() || !spec.exclude.is_empty() {
        let dues = spec.dues(from).take(LOOKED_AT).take_while(|due| due.at <= to);
        let left_out = dues.filter_map(|due| {
            let (reason, note) = match due.becomes {
                Becomes::Runs { .. } => return None,
                Becomes::Merged { into } => {
                    ("moved_to_opening", format!("the run at the opening, {into}, stands for it"))
                }
                Becomes::Closed => ("closed", "the calendar is closed".to_owned()),
                Becomes::Excluded => ("excluded", "it is excluded".to_owned()),
            };
            Some(DroppedRun { local: due.local.to_string().replace(' ', "T"), at: due.at, reason, note })
        });
        found.extend(left_out.take(most));
        found.sort_by_key(|lost| lost.at);
        found.truncate(most);
    }
    found
}

/// The fields of a timing, as in a schedule, and which of its runs.
#[derive(ToSchema)]
#[schema(example = json!({
    "cron_expression": "30 2 * * *", "timezone": "Europe/Berlin", "from": "2026-03-27T00:00:00Z", "count": 5
}))]
#[expect(dead_code, reason = "only its description is read")]
pub(super) struct PreviewRequest {
    schedule_type: Option<ScheduleType>,
    #[schema(max_length = 256)]
    cron_expression: Option<String>,
    #[schema(max_items = 20)]
    cron_expressions: Option<Vec<String>>,
    #[schema(max_length = 256)]
    phrase: Option<String>,
    exclude: Option<Exclude>,
    #[schema(minimum = 1, maximum = 31_536_000)]
    interval_seconds: Option<u32>,
    /// `start_at`, or `from`, when it is not given.
    anchor: Option<DateTime<Utc>>,
    run_at: Option<DateTime<Utc>>,
    #[schema(max_length = 64)]
    timezone: Option<String>,
    start_at: Option<DateTime<Utc>>,
    end_at: Option<DateTime<Utc>>,
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    max_runs: Option<i32>,
    calendar: Option<CalendarChoice>,
    dst_gap: Option<DstGap>,
    dst_overlap: Option<DstOverlap>,
    /// Changes no due time.
    #[schema(minimum = 0, maximum = 86_400)]
    jitter_seconds: Option<i32>,
    /// Strictly after this instant; now when it is not given.
    from: Option<DateTime<Utc>>,
    #[schema(minimum = 1, maximum = 1000, default = 10)]
    count: Option<u32>,
}

/// Lists when a schedule that is not saved yet would run. Needs the permission `schedule.read`.
///
/// Takes the fields of a schedule that say when it is due, `from` and `count`; nothing is stored.
#[utoipa::path(post, path = "/api/v1/schedules/preview", tag = "schedules", request_body = PreviewRequest,
    responses((status = 200, body = Preview)))]
pub(super) async fn preview(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    request: Request,
) -> Reply<Json<Preview>> {
    actor.require("schedule.read")?;
    let given = fields(request).await?;
    let (spec, from, count) = cx.db.tx(async |tx: Tx| asked(&tx, given).await).await?;
    Ok(Json(Preview::of(&spec, from, count)))
}

/// What is asked for.
async fn asked(tx: &Tx, mut given: Fields) -> Result<(Spec, DateTime<Utc>, usize)> {
    let mut wrong = Wrong::default();
    let (from, count) = (given.remove("from"), given.remove("count"));
    let from = from.filter(|from| !from.is_null()).map(|from| instant(&from, &mut wrong));
    let count = count.filter(|count| !count.is_null()).map_or(Some(10), |count| count.as_u64());
    let count = count.filter(|count| (1..=u64::from(MOST)).contains(count));
    if count.is_none() {
        wrong.say("/count", format!("must be from 1 to {MOST}"));
    }
    for name in given.keys().filter(|name| !TIMING.contains(&name.as_str())) {
        wrong.say(format!("/{}", name.replace('~', "~0").replace('/', "~1")), "is not a field of a timing");
    }
    let from = from.flatten().unwrap_or(tx.now());
    let mut request = ScheduleRequest::read(given);
    request.tell(&mut wrong);
    let moment = Moment { now: from, at_once: tx.now(), old: None };
    let timed = request.timing(tx, &moment, &mut wrong).await?;
    wrong.check()?;
    let (_, _, spec) =
        timed.ok_or_else(|| kernel::Problem::internal("a timing without a fault gave no computation"))?;
    let most = request.max_runs.map_or(usize::MAX, |most| most.unsigned_abs() as usize);
    Ok((spec, from, usize::try_from(count.unwrap_or(10)).unwrap_or(0).min(most)))
}

fn instant(value: &Value, wrong: &mut Wrong) -> Option<DateTime<Utc>> {
    let at = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|at| at.to_utc());
    let at = at.filter(|at| (1900..=2199).contains(&at.year()));
    if at.is_none() {
        wrong.say("/from", "must be a time in RFC 3339, such as 2026-01-05T10:00:00Z");
    }
    at
}
