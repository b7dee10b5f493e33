//! What is wrong with a request, gathered so that it is told all at once.

use kernel::{FieldError, Problem, Result, kinds};
use serde_json::{Map, Value};

/// Fields that are wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wrong(Vec<FieldError>);

impl Wrong {
    /// One more. What was said already is not said again.
    pub fn say(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        let fault = FieldError { pointer: pointer.into(), message: message.into() };
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    /// Those that a refusal names.
    ///
    /// # Errors
    /// `problem` itself, when it is none of a field.
    pub fn take(&mut self, problem: Problem) -> Result<()> {
        if problem.kind().status != 422 || problem.errors().is_empty() {
            return Err(problem);
        }
        problem.errors().iter().for_each(|fault| self.say(&fault.pointer, &fault.message));
        Ok(())
    }

    /// Those of another.
    pub fn absorb(&mut self, other: Self) {
        self.extend(other.0);
    }

    /// Whether anything is wrong.
    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether something is wrong with the field at `pointer`, or in it.
    pub fn names(&self, pointer: &str) -> bool {
        self.0.iter().any(|fault| {
            fault.pointer.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// A number outside of its bounds.
    pub fn range<N: PartialOrd + Copy + std::fmt::Display>(
        &mut self,
        field: &str,
        given: Option<N>,
        (least, most): (N, N),
    ) {
        if given.is_some_and(|number| number < least || number > most) {
            self.say(format!("/{field}"), format!("must be from {least} to {most}"));
        }
    }

    /// A text that is too short, too long or cannot be read by people.
    pub fn text(&mut self, pointer: &str, given: Option<&str>, (least, most): (usize, usize)) {
        let Some(text) = given else { return };
        if !(least..=most).contains(&text.chars().count()) {
            self.say(pointer, format!("must have {least} to {most} characters"));
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            self.say(pointer, "has control characters");
        }
    }

    /// Texts that Postgres cannot keep, wherever they stand.
    pub fn unkeepable(&mut self, fields: &Map<String, Value>) {
        for (name, value) in fields {
            if name.contains('\0') || has_nul(value) {
                self.say(format!("/{}", name.replace('~', "~0").replace('/', "~1")), "has a NUL character in a text");
            }
        }
    }

    /// Refuses if anything is wrong.
    ///
    /// # Errors
    /// `validation-failed` naming each field.
    pub fn check(self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let failed = Problem::new(&kinds::VALIDATION_FAILED);
        Err(self.0.into_iter().fold(failed, |problem, fault| problem.field(fault.pointer, fault.message)))
    }
}

impl Extend<FieldError> for Wrong {
    fn extend<I: IntoIterator<Item = FieldError>>(&mut self, faults: I) {
        faults.into_iter().for_each(|fault| self.say(fault.pointer, fault.message));
    }
}

pub(crate) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}
