//! Every due time with what becomes of it: what the ledger and previews list.

use chrono::{DateTime, Utc};

use super::{Becomes, Due, Note, Occurrence, Outside, Spec, search::Search, spec::Within};

/// The due times of a schedule, in order. See [`Spec::dues`].
struct Dues<'a> {
    spec: &'a Spec,
    after: DateTime<Utc>,
    /// The opening that the last closed due time waits for: all up to it wait for the same.
    opening: Option<Opening>,
}

#[derive(Clone, Copy)]
struct Opening {
    at: DateTime<Utc>,
    excluded: bool,
}

impl Spec {
    /// Every due time strictly after `after`, in order, each with what the timing itself makes of it. Times outside the
    /// schedule's window are not due times. The runs among them are those of [`Spec::occurrences`].
    ///
    /// There may be one each second without end: take no more than are needed.
    pub fn dues(&self, after: DateTime<Utc>) -> impl Iterator<Item = Due> + '_ {
        Dues { spec: self, after, opening: None }
    }
}

impl Iterator for Dues<'_> {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        let due = Search::new(self.spec).raw(self.after)?;
        self.after = due.at;
        let becomes = if Search::new(self.spec).excluded_until(due.at).is_some() {
            Becomes::Excluded
        } else {
            match &self.spec.calendar {
                Some(within) if !within.hours.is_open(due.at) => self.closed(within, due),
                Some(_) | None => Becomes::Runs { at: due.at, note: due.note },
            }
        };
        Some(Due { at: due.at, local: due.local, becomes })
    }
}

impl Dues<'_> {
    /// What becomes of a due time at which the calendar is closed.
    fn closed(&mut self, within: &Within, due: Occurrence) -> Becomes {
        if within.outside == Outside::Skip {
            return Becomes::Closed;
        }
        self.opening = self.opening.filter(|opening| due.at < opening.at).or_else(|| {
            let at = within.hours.next_open(due.at)?;
            Some(Opening { at, excluded: Search::new(self.spec).excluded_until(at).is_some() })
        });
        match self.opening {
            None => Becomes::Closed,
            Some(Opening { at, .. }) if self.spec.end_at.is_some_and(|end| at > end) => Becomes::Closed,
            Some(Opening { excluded: true, .. }) => Becomes::Excluded,
            Some(Opening { at, .. }) => match Search::new(self.spec).kept(due.at) {
                Some(later) if later.at <= at => Becomes::Merged { into: at },
                Some(_) | None => Becomes::Runs { at, note: Some(Note::MovedToOpening) },
            },
        }
    }
}
