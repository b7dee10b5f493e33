//! What is wrong with a request, gathered so that it is told all at once.

use kernel::{FieldError, Problem, Result, kinds};

/// The pointer to the member `name` of what is at `parent` (RFC 6901).
pub(crate) fn join(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Fields that are wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldError>);

impl Faults {
    /// One more.
    pub fn push(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { pointer: pointer.into(), message: message.into() });
    }

    /// Those that a problem names.
    pub fn take(&mut self, problem: &Problem) {
        self.0.extend_from_slice(problem.errors());
    }

    /// Those of `others`, with `because` after each message.
    pub fn absorb(&mut self, others: Self, because: &str) {
        for FieldError { pointer, message } in others.0 {
            self.push(pointer, message + because);
        }
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses if anything is wrong.
    ///
    /// # Errors
    /// `validation-failed` naming each field.
    pub fn check(self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let refused = Problem::new(&kinds::VALIDATION_FAILED);
        Err(self.0.into_iter().fold(refused, |problem, fault| problem.field(fault.pointer, fault.message)))
    }
}
