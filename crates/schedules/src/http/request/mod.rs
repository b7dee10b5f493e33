//! A schedule as a request gives it: its fields, read one by one, so that everything wrong is told at once.

mod draft;
mod fits;
mod timing;
mod words;
mod wrong;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::{
    draft::EXPANDED,
    timing::Moment,
    words::{CatchUpWord, ConditionWord, JoinWord, OverlapWord, ScheduleType},
    wrong::{Wrong, has_nul},
};
use crate::{
    targets::{TargetGiven, WebhookGiven},
    time::{DstGap, DstOverlap, Outside},
};

/// The fields of a JSON object.
pub(crate) type Fields = Map<String, Value>;

/// The fields that say when a schedule is due.
pub(crate) const TIMING: [&str; 16] = [
    "schedule_type",
    "cron_expression",
    "cron_expressions",
    "phrase",
    "exclude",
    "interval_seconds",
    "anchor",
    "run_at",
    "timezone",
    "start_at",
    "end_at",
    "max_runs",
    "calendar",
    "dst_gap",
    "dst_overlap",
    "jitter_seconds",
];

/// A schedule. A field that is null counts as one that is absent.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({
    "name": "nightly-report", "description": "Yesterday's figures, every working day",
    "phrase": "every weekday at 6:30am", "timezone": "Asia/Jakarta", "calendar": {"name": "jakarta-office"},
    "job": "engine.noop", "args": {"sleep_ms": 250},
    "tags": ["reports"], "priority": 7, "max_retries": 3, "retry_delay": 300, "overlap": "queue_one", "catch_up": "latest"
}))]
pub(crate) struct ScheduleRequest {
    /// Unique among the creator's schedules.
    #[schema(required = true, value_type = String, min_length = 1, max_length = 255)]
    pub name: Option<String>,
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// May be left out where the other fields tell.
    pub schedule_type: Option<ScheduleType>,
    /// Five fields, six (second first) or seven (year last), or a name such as `@daily`. An English phrase is taken for `phrase`.
    #[schema(max_length = 256, example = "0 9 * * MON-FRI")]
    pub cron_expression: Option<String>,
    /// Several, whose union counts.
    #[schema(max_items = 20)]
    pub cron_expressions: Option<Vec<String>>,
    /// English, such as `every weekday at 9am` or `every 15 minutes between 8am and 6pm in Europe/Berlin`.
    #[schema(max_length = 256)]
    pub phrase: Option<String>,
    /// What is left out: cron expressions of local times, and at most one calendar while it is open.
    #[schema(value_type = Option<Exclude>)]
    pub exclude: Option<Value>,
    #[schema(minimum = 1, maximum = 31_536_000)]
    pub interval_seconds: Option<u32>,
    /// The run from which intervals are counted; `start_at`, or when the schedule is made, when it is not given.
    pub anchor: Option<DateTime<Utc>>,
    /// When a single run is due.
    pub run_at: Option<DateTime<Utc>>,
    /// An IANA name: the clock that is meant. UTC when it is not given.
    #[schema(max_length = 64, example = "Europe/Berlin")]
    pub timezone: Option<String>,
    /// Nothing is due before it.
    pub start_at: Option<DateTime<Utc>>,
    /// Nothing is due after it.
    pub end_at: Option<DateTime<Utc>>,
    /// After so many runs it is completed.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub max_runs: Option<i32>,
    /// Each run is put off by up to so much, the same at each look, always less than the gap to the next one.
    #[schema(minimum = 0, maximum = 86_400, default = 0)]
    pub jitter_seconds: Option<i32>,
    /// It runs only while this calendar is open.
    #[schema(value_type = Option<CalendarChoice>)]
    pub calendar: Option<Value>,
    /// The kind of job to run; `GET /api/v1/schedules/jobs` lists them.
    #[schema(max_length = 200, example = "engine.noop")]
    pub job: Option<String>,
    /// The job's arguments. Texts may hold `{{scheduled_for}}`, `{{execution_id}}` and `{{last_success_at}}`.
    #[schema(value_type = Option<Object>)]
    pub args: Option<Value>,
    /// The command to send, `cmd.domain.action`.
    #[schema(max_length = 200)]
    pub target_command: Option<String>,
    /// What goes with the command, at most 64 KiB.
    pub command_payload: Option<Value>,
    /// The URL to call, with a signature.
    pub webhook: Option<WebhookGiven>,
    /// Above 5 its runs go to the front of the line.
    #[schema(minimum = 1, maximum = 10, default = 5)]
    pub priority: Option<i16>,
    #[schema(max_items = 20, example = json!(["reports"]))]
    pub tags: Option<Vec<String>>,
    /// How often a run that fails is tried again.
    #[schema(minimum = 0, maximum = 10, default = 3)]
    pub max_retries: Option<i32>,
    /// Seconds before the first of these; each further wait is twice as long, with jitter.
    #[schema(minimum = 1, maximum = 86_400, default = 300)]
    pub retry_delay: Option<i32>,
    /// The longest one attempt may take. The job's own when it is not given.
    #[schema(minimum = 1, maximum = 86_400)]
    pub timeout_seconds: Option<i32>,
    /// Later than this after its due time, a run counts as missed.
    #[schema(minimum = 0, maximum = 31_536_000, default = 300)]
    pub misfire_grace_seconds: Option<i32>,
    /// `latest` when it is not given.
    pub catch_up: Option<CatchUpWord>,
    /// `skip` when it is not given.
    pub overlap: Option<OverlapWord>,
    /// How many runs may overlap with `overlap` `allow`.
    #[schema(minimum = 1, maximum = 1000, default = 3)]
    pub max_instances: Option<i32>,
    /// What becomes of local times that the clock jumps over; `next_valid` when it is not given.
    pub dst_gap: Option<DstGap>,
    /// What becomes of local times that the clock shows twice; `first` when it is not given.
    pub dst_overlap: Option<DstOverlap>,
    /// Pauses it, with the reason, when a run has failed for good.
    #[schema(default = false)]
    pub pause_on_failure: Option<bool>,
    /// Schedules after whose runs it runs.
    #[schema(max_items = 50)]
    pub after: Option<Vec<AfterGiven>>,
    /// `all` when it is not given.
    pub join: Option<JoinWord>,
    /// The name of a template; the fields that are given replace those of the template.
    #[schema(max_length = 255)]
    pub template: Option<String>,
    /// The parameters of the template.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
    /// What was given, field by field, without nulls.
    #[serde(skip)]
    #[schema(ignore)]
    fields: Fields,
    /// What is wrong with single fields.
    #[serde(skip)]
    #[schema(ignore)]
    wrong: Wrong,
}

/// A schedule after which another one runs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AfterGiven {
    pub schedule_id: Uuid,
    #[serde(default = "success")]
    #[schema(required = false, default = "success")]
    pub on: ConditionWord,
}

fn success() -> ConditionWord {
    ConditionWord::Success
}

/// What a schedule leaves out: one thing, or several.
#[derive(ToSchema)]
#[schema(example = json!(["0 12 * * *", {"calendar": "public-holidays"}]))]
#[serde(untagged)]
#[expect(dead_code, reason = "only its description is read")]
pub(crate) enum Exclude {
    Several(Vec<ExcludeItem>),
    One(ExcludeItem),
}

/// One thing that a schedule leaves out.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its description is read")]
pub(crate) enum ExcludeItem {
    /// A cron expression.
    Expression(String),
    Calendar {
        /// Its name or id.
        calendar: String,
    },
}

/// A calendar by name or id, as a text or as an object.
#[derive(ToSchema)]
#[schema(example = json!({"name": "jakarta-office", "outside": "next_open"}))]
#[serde(untagged)]
#[expect(dead_code, reason = "only its description is read")]
pub(crate) enum CalendarChoice {
    NameOrId(String),
    Object {
        id: Option<Uuid>,
        name: Option<String>,
        /// `skip` when it is not given.
        outside: Option<Outside>,
    },
}

impl ScheduleRequest {
    /// Reads what is given. What is wrong is remembered and told by [`ScheduleRequest::draft`], together with the rest.
    pub fn read(given: Fields) -> Self {
        let fields: Fields = given.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let mut wrong = Wrong::default();
        wrong.unkeepable(&fields);
        let mut readable = Fields::new();
        for (name, value) in &fields {
            let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
            match edge::from_value::<Self>(&alone) {
                Ok(_) => drop(readable.insert(name.clone(), value.clone())),
                Err(problem) => wrong.extend(problem.errors().iter().cloned()),
            }
        }
        let request: Self = serde_json::from_value(Value::Object(readable)).unwrap_or_default();
        let mut request = Self { fields, wrong, ..request };
        request.check_bounds();
        request
    }

    /// Adds what is wrong with single fields.
    pub fn tell(&mut self, wrong: &mut Wrong) {
        wrong.absorb(std::mem::take(&mut self.wrong));
    }

    /// Whether the field is given, right or wrong.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    fn check_bounds(&mut self) {
        let mut wrong = std::mem::take(&mut self.wrong);
        wrong.text("/name", self.name.as_deref(), (1, 255));
        wrong.text("/description", self.description.as_deref(), (0, 2000));
        wrong.text("/template", self.template.as_deref(), (1, 255));
        wrong.range("interval_seconds", self.interval_seconds, (1, 31_536_000));
        wrong.range("max_runs", self.max_runs, (1, i32::MAX));
        wrong.range("jitter_seconds", self.jitter_seconds, (0, 86_400));
        wrong.range("priority", self.priority, (1, 10));
        wrong.range("max_retries", self.max_retries, (0, 10));
        wrong.range("retry_delay", self.retry_delay, (1, 86_400));
        wrong.range("timeout_seconds", self.timeout_seconds, (1, 86_400));
        wrong.range("misfire_grace_seconds", self.misfire_grace_seconds, (0, 31_536_000));
        wrong.range("max_instances", self.max_instances, (1, 1000));
        let tags = self.tags.iter().flatten();
        tags.enumerate().for_each(|(at, tag)| wrong.text(&format!("/tags/{at}"), Some(tag), (1, 50)));
        for (field, length, most) in [
            ("tags", self.tags.as_ref().map(Vec::len), 20),
            ("after", self.after.as_ref().map(Vec::len), 50),
            ("cron_expressions", self.cron_expressions.as_ref().map(Vec::len), 20),
        ] {
            if length.is_some_and(|length| length > most) {
                wrong.say(format!("/{field}"), format!("has more than {most} items"));
            }
        }
        self.wrong = wrong;
    }

    /// The target, as `targets` reads it.
    pub fn target(&self) -> TargetGiven {
        TargetGiven {
            job: self.job.clone(),
            args: self.args.clone(),
            target_command: self.target_command.clone(),
            command_payload: self.command_payload.clone(),
            webhook: self.webhook.clone(),
        }
    }
}

/// Applies a JSON merge patch (RFC 7396) to what was given for a schedule. What the patch gives of the rhythm or of the target
/// takes the place of the present one: a schedule has one of each.
pub(crate) fn merge(mut given: Fields, patch: Fields) -> Fields {
    let gives = |name: &str| patch.get(name).is_some_and(|value| !value.is_null());
    for family in [RHYTHMS.as_slice(), TARGETS.as_slice()] {
        if let Some(chosen) = family.iter().find(|of| gives(of[0])) {
            let others = family.iter().filter(|of| of[0] != chosen[0]).flat_map(|of| of.iter());
            others.for_each(|name| drop(given.remove(*name)));
        }
    }
    if RHYTHMS.iter().any(|of| gives(of[0])) && !patch.contains_key("schedule_type") {
        given.remove("schedule_type");
    }
    let mut target = Value::Object(given);
    merge_patch(&mut target, Value::Object(patch));
    match target {
        Value::Object(given) => given,
        _ => Fields::new(),
    }
}

/// The fields of each rhythm; the first one chooses it.
const RHYTHMS: [&[&str]; 5] =
    [&["cron_expression"], &["cron_expressions"], &["phrase"], &["interval_seconds", "anchor"], &["run_at"]];
/// The fields of each target; the first one chooses it.
const TARGETS: [&[&str]; 3] = [&["job", "args"], &["target_command", "command_payload"], &["webhook"]];

fn merge_patch(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge_patch(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests;
