//! The steady load: jobs of every sort, and schedules that are due every second.

mod jobs;
mod schedules;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use store::Db;
use uuid::Uuid;

pub use self::{
    jobs::{Load, probe},
    schedules::Schedules,
};

/// What a producer was told about a job of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is committed: it exists once.
    Committed(Uuid),
    /// It is not wanted (a job with its key waits already): it does not exist.
    Refused,
    /// Nothing certain: it exists once or not at all.
    Unknown,
}

/// What producers were told, job by job. A job is known by its marker, which stands in its arguments.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<Line>>>);

#[derive(Clone)]
struct Line {
    marker: String,
    answer: Answer,
    at: DateTime<Utc>,
}

impl Told {
    /// Takes down one.
    pub fn note(&self, marker: &str, answer: Answer, at: DateTime<Utc>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(Line { marker: marker.to_owned(), answer, at });
    }

    /// How many were committed, refused, uncertain.
    pub fn counts(&self) -> [usize; 3] {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |is: fn(&Answer) -> bool| lines.iter().filter(|line| is(&line.answer)).count();
        [
            count(|answer| matches!(answer, Answer::Committed(_))),
            count(|answer| *answer == Answer::Refused),
            count(|answer| *answer == Answer::Unknown),
        ]
    }

    /// Puts it beside what the database has, for the checker.
    pub async fn save(&self, db: &Db) {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for lines in lines.chunks(1_000) {
            let ids = lines.iter().map(|line| match line.answer {
                Answer::Committed(id) => Some(id),
                _ => None,
            });
            let answers = lines.iter().map(|line| match line.answer {
                Answer::Committed(_) => "committed".to_owned(),
                Answer::Refused => "refused".to_owned(),
                Answer::Unknown => "unknown".to_owned(),
            });
            let save = sqlx::query(SAVE)
                .bind(lines.iter().map(|line| line.marker.clone()).collect::<Vec<_>>())
                .bind(ids.collect::<Vec<_>>())
                .bind(answers.collect::<Vec<_>>())
                .bind(lines.iter().map(|line| line.at).collect::<Vec<_>>());
            save.execute(db.pool()).await.unwrap();
        }
    }
}

const SAVE: &str = "
insert into told (marker, id, answer, at) select * from unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[])";
