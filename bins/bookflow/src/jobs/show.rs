//! `bookflow jobs show`.

use std::fmt::Write as _;

use jobs::executions;
use kernel::{ExecutionId, Result};
use serde_json::{Map, Value};

use super::no_such;
use crate::session::Session;

/// Shows one execution, every attempt's error included.
pub async fn run(session: &Session, id: ExecutionId) -> Result<()> {
    let found = executions::find(&session.parts.db, id).await?.ok_or_else(|| no_such(id))?;
    session.output.print(&serde_json::to_value(found)?, |found| found.as_object().map(text).unwrap_or_default())
}

/// One line per column, then the errors, oldest first.
fn text(execution: &Map<String, Value>) -> String {
    let mut text = String::new();
    let columns = execution.iter().filter(|(name, value)| *name != "errors" && !value.is_null());
    for (name, value) in columns {
        let _ = writeln!(text, "{name:<20} {}", plain(value));
    }
    for error in execution.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let _ = writeln!(text, "\nattempt {} failed at {}", plain(&error["attempt"]), plain(&error["at"]));
        for member in ["problem", "error", "worker", "trace"] {
            if let Some(value) = error.get(member).filter(|value| !value.is_null()) {
                let _ = writeln!(text, "  {member:<10} {}", plain(value).replace('\n', "\n             "));
            }
        }
    }
    text
}

/// Text without quotes, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_attempt_s_error_is_shown() {
        let execution = json!({
            "kind": "books.summarise", "message": null,
            "errors": [
                {"attempt": 1, "at": "t1", "problem": "job-timed-out", "error": "it took 60 s"},
                {"attempt": 2, "at": "t2", "problem": "job-panicked", "error": "at the disco", "trace": "a\nb"},
            ],
        });
        let text = text(execution.as_object().unwrap());
        assert!(text.starts_with("kind                 books.summarise\n\nattempt 1 failed at t1\n"), "{text}");
        assert!(text.contains("attempt 2 failed at t2") && text.contains("at the disco"), "{text}");
        assert!(!text.contains("message"), "{text}");
    }
}
