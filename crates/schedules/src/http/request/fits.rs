//! Which fields go with which type of schedule, and which type the fields tell.

use super::{ScheduleRequest, ScheduleType, Wrong};

use ScheduleType::{Cron, Dependent, Immediate, Interval, OneTime};

/// Fields that go with some types only.
const BELONGS: [(&str, &[ScheduleType]); 16] = [
    ("cron_expression", &[Cron]),
    ("cron_expressions", &[Cron]),
    ("phrase", &[Cron]),
    ("dst_gap", &[Cron]),
    ("dst_overlap", &[Cron]),
    ("interval_seconds", &[Interval]),
    ("anchor", &[Interval]),
    ("run_at", &[OneTime]),
    ("exclude", &[Cron, Interval]),
    ("start_at", &[Cron, Interval]),
    ("end_at", &[Cron, Interval]),
    ("calendar", &[Cron, Interval, OneTime]),
    ("jitter_seconds", &[Cron, Interval, OneTime]),
    ("max_runs", &[Cron, Interval, Dependent]),
    ("after", &[Cron, Interval, Dependent]),
    ("join", &[Cron, Interval, Dependent]),
];

const CRONS: [&str; 3] = ["cron_expression", "cron_expressions", "phrase"];

impl ScheduleRequest {
    /// The type that is given, or the one that the other fields tell.
    pub(super) fn kind(&self, wrong: &mut Wrong) -> Option<ScheduleType> {
        if self.has("schedule_type") {
            return self.schedule_type; // one that cannot be read was refused already
        }
        let told = if CRONS.iter().any(|field| self.has(field)) {
            Some(Cron)
        } else if self.has("interval_seconds") {
            Some(Interval)
        } else if self.has("run_at") {
            Some(OneTime)
        } else if self.has("after") {
            Some(Dependent)
        } else {
            None
        };
        if told.is_none() {
            let message = "is required, unless cron_expression, phrase, interval_seconds, run_at or after tells it";
            wrong.say("/schedule_type", message);
        }
        told
    }

    /// Refuses what does not go with the type, and asks for what it needs.
    pub(super) fn fit(&self, kind: ScheduleType, wrong: &mut Wrong) {
        for (field, kinds) in BELONGS {
            if self.has(field) && !kinds.contains(&kind) {
                wrong.say(format!("/{field}"), format!("does not go with a schedule of type {}", kind.name()));
            }
        }
        if self.has("join") && !self.has("after") {
            wrong.say("/join", "goes with after, which is not given");
        }
        let given = |fields: &[&str]| fields.iter().filter(|field| self.has(field)).count();
        match kind {
            Cron if given(&CRONS) == 0 => wrong.say("/cron_expression", "is required, or cron_expressions, or phrase"),
            Cron if given(&CRONS) > 1 => {
                let others = CRONS.iter().filter(|field| self.has(field)).skip(1);
                others.for_each(|field| wrong.say(format!("/{field}"), "says again when it is due: give one of them"));
            }
            Interval if !self.has("interval_seconds") => wrong.say("/interval_seconds", "is required"),
            OneTime if !self.has("run_at") => wrong.say("/run_at", "is required"),
            Dependent if self.after.as_ref().is_none_or(Vec::is_empty) && !wrong.names("/after") => {
                wrong.say("/after", "is required: what does it run after?");
            }
            Cron | Interval | OneTime | Immediate | Dependent => {}
        }
    }
}
