//! What the user set, in the environment or in `.env`, and what `dev` adds to it.

use std::collections::HashMap;
use std::env;

use super::backing::Backing;
use super::folder;
use crate::failure::{Failure, Outcome};
use crate::workspace;

const DOTENV: &str = ".env";
/// Good enough where everything listens on loopback only.
const SECRET_KEY: &str = "only-for-development-on-this-machine-never-anywhere-else";

/// The user's variables and the two ports.
#[derive(Debug)]
pub struct Settings {
    dotenv: HashMap<String, String>,
    pub web_port: u16,
    pub worker_port: u16,
}

impl Settings {
    /// Reads `.env`, if there is one, and the ports.
    pub fn load() -> Outcome<Settings> {
        let dotenv = read_dotenv()?;
        let mut settings = Settings { dotenv, web_port: 0, worker_port: 0 };
        settings.web_port = settings.port("PORT", 10_000)?;
        settings.worker_port = settings.port("WORKER_PORT", 10_001)?;
        Ok(settings)
    }

    /// A variable that the user set; the environment wins over `.env`, and empty counts as not set.
    pub fn get(&self, name: &str) -> Option<String> {
        #[allow(clippy::disallowed_methods, reason = "passed on to the programs, which read it through config")]
        let set = env::var(name).ok().or_else(|| self.dotenv.get(name).cloned());
        set.filter(|value| !value.trim().is_empty())
    }

    /// Fails when something else listens on a port that web or worker need.
    pub fn require_free_ports(&self) -> Outcome {
        for (name, port) in [("PORT", self.web_port), ("WORKER_PORT", self.worker_port)] {
            if !servers::port_is_free(port) {
                return Err(Failure::said(format!(
                    "port {port} is taken: stop what listens there, or choose another with {name}=… cargo xtask dev"
                )));
            }
        }
        Ok(())
    }

    /// What web, worker and bookflow get on top of the user's own environment.
    pub fn environment(&self, backing: &Backing) -> Vec<(String, String)> {
        let mut all = vec![
            ("PORT".to_owned(), self.web_port.to_string()),
            ("WORKER_PORT".to_owned(), self.worker_port.to_string()),
        ];
        all.extend(backing.environment());
        let mail = format!("file:{}", folder().join("mail").display());
        let defaults = [
            ("APP_SECRET_KEY", SECRET_KEY.to_owned()),
            ("LOG_FORMAT", "pretty".to_owned()),
            ("MAIL_SMTP_URL", mail),
            ("PUBLIC_URL", self.url()),
        ];
        let unset = defaults.into_iter().filter(|(name, _)| self.get(name).is_none());
        all.extend(unset.map(|(name, value)| (name.to_owned(), value)));
        all
    }

    /// Where web is reached.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.web_port)
    }

    fn port(&self, name: &str, default: u16) -> Outcome<u16> {
        let Some(text) = self.get(name) else {
            return Ok(default);
        };
        let port = text.trim().parse().ok().filter(|port| *port > 0);
        port.ok_or_else(|| Failure::said(format!("{name} must be a port from 1 to 65535")))
    }
}

fn read_dotenv() -> Outcome<HashMap<String, String>> {
    let path = workspace::root().join(DOTENV);
    if !path.exists() {
        return Ok(HashMap::new());
    }
    let text = std::fs::read_to_string(path).map_err(|error| Failure::said(format!("{DOTENV}: {error}")))?;
    parse(&text)
}

fn parse(text: &str) -> Outcome<HashMap<String, String>> {
    let lines: Result<HashMap<_, _>, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
    lines.map_err(|error| Failure::said(words(text, &error)))
}

/// Names the line by its number and not by its text, which may hold a secret.
fn words(text: &str, error: &dotenvy::Error) -> String {
    let dotenvy::Error::LineParse(line, _) = error else {
        return format!("{DOTENV}: {error}");
    };
    // The error has the line, or its value.
    let part = line.lines().next().unwrap_or_default().trim();
    let index = text.lines().position(|found| !found.trim_start().starts_with('#') && found.contains(part));
    let number = index.map_or(0, |index| index + 1);
    format!("{DOTENV} line {number} is not NAME=value (a value with spaces or # needs quotes)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_not_name_and_value_is_named_by_its_number_without_its_text() {
        let good = "# words\nA=1\nexport B='two words'\n\nC=\n";
        let variables = parse(good).unwrap();
        assert_eq!((variables["A"].as_str(), variables["B"].as_str()), ("1", "two words"));
        for broken in ["hunter2 is my password", "KEY=hunter2 and more", "KEY='hunter2"] {
            let failure = parse(&format!("{good}{broken}\nD=4\n")).unwrap_err();
            let words = failure.words().unwrap();
            assert!(words.contains("line 6 ") && !words.contains("hunter2"), "{words}");
        }
    }
}
