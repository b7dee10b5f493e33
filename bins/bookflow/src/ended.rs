//! How a command ends that did not do its work: in words, or as JSON, on standard error.

use std::{fmt, process::ExitCode};

use app::exit;
use config::{Invalid, Invalids};
use kernel::Problem;
use serde_json::{Value, json};

/// Why a command did not do its work.
pub enum Ended {
    /// The settings are wrong: exit code 78.
    Config(Invalids),
    /// Anything else: exit code 1.
    Failed(Problem),
}

impl<E: Into<Problem>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Ended {
    /// Tells why, as one line of JSON or in words, and ends with the code that says it.
    pub fn tell(&self, output: crate::Output) -> ExitCode {
        if output.is_json() {
            crate::output::complain(&self.json());
        } else {
            crate::output::complain(&format!("bookflow: {self}"));
        }
        match self {
            Self::Config(_) => ExitCode::from(exit::EX_CONFIG),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Config(Invalids(wrong)) => {
                let variable = |wrong: &Invalid| json!({ "name": wrong.name, "message": wrong.message });
                let variables: Vec<_> = wrong.iter().map(variable).collect();
                json!({ "error": "configuration", "message": "the configuration is not valid", "variables": variables })
            }
            Self::Failed(problem) => json!({ "error": problem.kind().slug, "message": words(problem) }),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(invalids) => invalids.fmt(f),
            Self::Failed(problem) => f.write_str(&words(problem)),
        }
    }
}

/// The problem and its causes without line breaks; in words also when nothing was said but its kind.
fn words(problem: &Problem) -> String {
    let mut text = problem.to_string();
    if text == problem.kind().slug {
        text = format!("{text}: {}", problem.kind().title);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use kernel::kinds;

    use super::*;

    #[test]
    fn a_failure_is_one_object_with_its_kind() {
        let ended = Ended::Failed(Problem::new(&kinds::NOT_FOUND).detail("there is\nno execution 7"));
        let json = ended.json();
        assert_eq!(json["error"], "not-found");
        assert!(json["message"].as_str().unwrap().contains("there is no execution 7"), "{json}");
    }

    #[test]
    fn wrong_settings_are_listed_by_name() {
        let wrong = config::Config::read(&|_| None).err().unwrap();
        let json = Ended::Config(wrong).json();
        assert_eq!(json["error"], "configuration");
        let names: Vec<_> = json["variables"].as_array().unwrap().iter().map(|v| &v["name"]).collect();
        assert_eq!(names, ["APP_SECRET_KEY", "DATABASE_URL", "REDIS_URL"]);
    }
}
