//! What one check found.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but somebody should look at it.
    Warn,
    /// It does not work.
    Fail,
}

/// What one check found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at.
    pub check: &'static str,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, found: found.into(), todo: None }
    }

    /// Somebody should look at it.
    pub fn warn(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { level: Level::Warn, check, found: found.into(), todo: Some(todo.into()) }
    }

    /// It does not work.
    pub fn fail(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { level: Level::Fail, check, found: found.into(), todo: Some(todo.into()) }
    }

    pub(super) fn row(&self) -> [String; 3] {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        [level.to_owned(), self.check.to_owned(), self.found.clone()]
    }

    pub(super) fn advice(&self) -> Option<String> {
        self.todo.as_ref().map(|todo| format!("  {}: {todo}", self.check))
    }
}
