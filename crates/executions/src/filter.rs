//! Which executions: the same filter for lists, from a query string, and for bulk retries, from JSON.

use chrono::{DateTime, Utc};
use jobs::Queue;
use kernel::{Problem, Result, kinds};
use uuid::Uuid;

use crate::names::{Cause, State, one_of};

/// The longest kind, correlation id or text that is looked for, in characters.
pub(crate) const LONGEST: usize = 200;

/// Which executions; what is absent matches all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filter {
    pub schedule_id: Option<Uuid>,
    pub kind: Option<String>,
    pub queue: Option<Queue>,
    /// Any of these; none means any at all.
    pub states: Vec<State>,
    pub cause: Option<Cause>,
    /// The present or last attempt began then or later.
    pub started_from: Option<DateTime<Utc>>,
    /// It began before then.
    pub started_to: Option<DateTime<Utc>>,
    pub correlation_id: Option<String>,
    /// In the message or the last error, in any case of letters.
    pub text: Option<String>,
}

impl Filter {
    /// Reads a query string. `state` may come several times, and each may name several, separated by commas; what is not
    /// a filter is left to others.
    ///
    /// # Errors
    /// `validation-failed` naming every parameter that is wrong.
    pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self> {
        let mut read = Reader::default();
        for (name, value) in pairs {
            read.take(name, value);
        }
        read.finish("")
    }

    /// Refuses a window that ends before it begins. `parent` is the pointer to the filter.
    ///
    /// # Errors
    /// `validation-failed` naming `started_to`.
    pub fn check_window(&self, parent: &str) -> Result<()> {
        match (self.started_from, self.started_to) {
            (Some(from), Some(to)) if to <= from => Err(Problem::new(&kinds::VALIDATION_FAILED)
                .field(format!("{parent}/started_to"), "must be later than started_from")),
            _ => Ok(()),
        }
    }
}

/// What is wrong with a text to look for, if anything is.
pub(crate) fn fault_of(text: &str) -> Option<String> {
    if text.is_empty() || text.chars().count() > LONGEST {
        Some(format!("must have 1 to {LONGEST} characters"))
    } else if text.chars().any(char::is_control) {
        Some("has control characters".to_owned())
    } else {
        None
    }
}

/// Collects what was read and everything that was wrong.
#[derive(Default)]
struct Reader {
    filter: Filter,
    seen: Vec<String>,
    wrong: Vec<(String, String)>,
}

impl Reader {
    fn take(&mut self, name: &str, value: &str) {
        let known = match name {
            "schedule_id" => {
                self.set(name, value.parse().map_err(|_| "must be a UUID".to_owned()), |f| &mut f.schedule_id)
            }
            "kind" => self.set(name, plain(value), |f| &mut f.kind),
            "queue" => self.set(name, word(Queue::parse(value), Queue::ALL.map(Queue::name)), |f| &mut f.queue),
            "state" => {
                self.states(value);
                return;
            }
            "trigger" => {
                self.set(name, word(Cause::parse(value), Cause::ALL.iter().map(|cause| cause.name())), |f| &mut f.cause)
            }
            "started_from" => self.set(name, instant(value), |f| &mut f.started_from),
            "started_to" => self.set(name, instant(value), |f| &mut f.started_to),
            "correlation_id" => self.set(name, plain(value), |f| &mut f.correlation_id),
            "text" => self.set(name, plain(value), |f| &mut f.text),
            _ => return,
        };
        if let Err(message) = known {
            self.wrong.push((name.to_owned(), message));
        }
    }

    fn set<T>(
        &mut self,
        name: &str,
        value: Result<T, String>,
        place: impl FnOnce(&mut Filter) -> &mut Option<T>,
    ) -> Result<(), String> {
        if self.seen.iter().any(|seen| seen == name) {
            return Err("is given more than once".to_owned());
        }
        self.seen.push(name.to_owned());
        *place(&mut self.filter) = Some(value?);
        Ok(())
    }

    fn states(&mut self, value: &str) {
        for name in value.split(',').map(str::trim) {
            match State::parse(name) {
                Some(state) if self.filter.states.contains(&state) => {}
                Some(state) => self.filter.states.push(state),
                None => {
                    let message = format!("must be {}", one_of(State::ALL.iter().map(|state| state.name())));
                    self.wrong.push(("state".to_owned(), message));
                    return;
                }
            }
        }
    }

    fn finish(self, parent: &str) -> Result<Filter> {
        let refused = |problem: Problem, (name, message): (String, String)| problem.field(format!("/{name}"), message);
        if self.wrong.is_empty() {
            self.filter.check_window(parent)?;
            return Ok(self.filter);
        }
        Err(self.wrong.into_iter().fold(Problem::new(&kinds::VALIDATION_FAILED), refused))
    }
}

fn plain(value: &str) -> Result<String, String> {
    fault_of(value).map_or_else(|| Ok(value.to_owned()), Err)
}

fn instant(value: &str) -> Result<DateTime<Utc>, String> {
    let read = DateTime::parse_from_rfc3339(value).map(|at| at.to_utc()).ok();
    // Postgres knows fewer years than RFC 3339 can write together with an offset.
    read.filter(|at| (0..=9999).contains(&chrono::Datelike::year(at)))
        .ok_or_else(|| "must be a time in RFC 3339, such as 2026-01-05T10:00:00Z".to_owned())
}

fn word<T>(known: Option<T>, words: impl IntoIterator<Item = &'static str>) -> Result<T, String> {
    known.ok_or_else(|| format!("must be {}", one_of(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Filter> {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Filter::from_pairs(&pairs)
    }

    fn pointers(pairs: &[(&str, &str)]) -> Vec<String> {
        read(pairs).unwrap_err().errors().iter().map(|error| error.pointer.clone()).collect()
    }

    #[test]
    fn several_states_come_with_commas_or_repeated() {
        let wanted = vec![State::Failed, State::Missed, State::Skipped];
        let one = read(&[("state", "failed,missed"), ("state", "skipped, failed")]).unwrap();
        assert_eq!(one.states, wanted);
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        let wrong = [
            ("schedule_id", "7"),
            ("queue", "slow"),
            ("state", "done"),
            ("trigger", "cron"),
            ("started_from", "yesterday"),
            ("text", ""),
            ("kind", "a\u{7}"),
            ("limit", "5"),
        ];
        let names: Vec<String> = wrong[..7].iter().map(|(name, _)| format!("/{name}")).collect();
        assert_eq!(pointers(&wrong), names);
        assert_eq!(pointers(&[("kind", "a"), ("kind", "b")]), ["/kind"]);
        assert_eq!(pointers(&[("text", &"x".repeat(LONGEST + 1))]), ["/text"]);
    }

    #[test]
    fn a_window_begins_before_it_ends() {
        let window = |from, to| [("started_from", from), ("started_to", to)];
        assert!(read(&window("2026-01-05T10:00:00Z", "2026-01-05T12:00:01+02:00")).is_ok());
        assert_eq!(pointers(&window("2026-01-05T10:00:00Z", "2026-01-05T12:00:00+02:00")), ["/started_to"]);
    }
}
