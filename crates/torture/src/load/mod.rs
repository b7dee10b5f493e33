//! The steady load: jobs of every sort, and schedules that are due every second.

mod api;
mod jobs;
mod schedules;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use store::Db;
use uuid::Uuid;

pub use self::{
    jobs::{Load, probe},
    schedules::{ROOM, Schedules},
};

/// What a producer was told about a job of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is committed: it exists once.
    Committed(Uuid),
    /// The same, but the answer with its id is lost.
    Done,
    /// It is not wanted, since this job of the same key waits or runs: it does not exist.
    Refused { other: Uuid, key: String },
    /// Nothing certain: it exists once or not at all.
    Unknown,
    /// The same, although it was asked for with a key again and again.
    Unanswered,
}

impl Answer {
    /// Its name, the id and the key in it.
    fn columns(&self) -> (&'static str, Option<Uuid>, Option<&str>) {
        match self {
            Self::Committed(id) => ("committed", Some(*id), None),
            Self::Done => ("committed", None, None),
            Self::Refused { other, key } => ("refused", Some(*other), Some(key)),
            Self::Unknown => ("unknown", None, None),
            Self::Unanswered => ("unanswered", None, None),
        }
    }
}

/// What producers were told, job by job. A job is known by its marker, which stands in its arguments.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<Line>>>);

#[derive(Clone)]
struct Line {
    marker: String,
    answer: Answer,
    asked_at: DateTime<Utc>,
}

impl Told {
    /// Takes down one.
    pub fn note(&self, marker: &str, answer: Answer, asked_at: DateTime<Utc>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(Line { marker: marker.to_owned(), answer, asked_at });
    }

    /// How many were committed, refused, uncertain.
    pub fn counts(&self) -> [usize; 3] {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |is: fn(&Answer) -> bool| lines.iter().filter(|line| is(&line.answer)).count();
        [
            count(|answer| matches!(answer, Answer::Committed(_) | Answer::Done)),
            count(|answer| matches!(answer, Answer::Refused { .. })),
            count(|answer| matches!(answer, Answer::Unknown | Answer::Unanswered)),
        ]
    }

    /// Puts it beside what the database has, for the checker.
    pub async fn save(&self, db: &Db) {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for lines in lines.chunks(1_000) {
            let answers = || lines.iter().map(|line| line.answer.columns());
            let save = sqlx::query(SAVE)
                .bind(lines.iter().map(|line| line.marker.clone()).collect::<Vec<_>>())
                .bind(answers().map(|(_, id, _)| id).collect::<Vec<_>>())
                .bind(answers().map(|(name, ..)| name).collect::<Vec<_>>())
                .bind(answers().map(|(.., key)| key).collect::<Vec<_>>())
                .bind(lines.iter().map(|line| line.asked_at).collect::<Vec<_>>());
            save.execute(db.pool()).await.unwrap();
        }
    }
}

const SAVE: &str = "
insert into told (marker, id, answer, key, at)
select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])";
