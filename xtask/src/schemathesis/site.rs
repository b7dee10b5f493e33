//! A web process over throw-away servers, with the demo logins and without limits in the way.

use std::fs::File;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use servers::{Postgres, Process, Program, Redis, Signal, Spawn};

use super::python::folder;
use crate::command::{cargo, command, finish, output};
use crate::dev::{Login, is_ready, logins};
use crate::failure::{Failure, Outcome};
use crate::http;
use crate::install;
use crate::signals::Signals;
use crate::workspace;

const PATIENCE: Duration = Duration::from_mins(1);

/// The running process and its servers, stopped when this is dropped.
pub struct Site {
    port: u16,
    logins: Vec<Login>,
    web: Process,
    _redis: Redis,
    _postgres: Postgres,
}

impl Site {
    /// Builds and starts everything.
    pub fn start(signals: &Signals) -> Outcome<Self> {
        install::missing(&[Program::Postgres, Program::Redis])?;
        finish(cargo(&["build", "-p", "web", "-p", "bookflow"]), signals)?;
        let (postgres, redis) = (Postgres::throw_away()?, Redis::throw_away()?);
        let port = servers::free_port()?;
        let environment = environment(&postgres, &redis, port);
        finish(program("bookflow", &["migrate"], &environment), signals)?;
        let logins = logins(&output(program("bookflow", &["seed", "--json"], &environment))?)?;
        let web = serve(&environment)?;
        let mut site = Self { port, logins, web, _redis: redis, _postgres: postgres };
        site.wait(signals)?;
        Ok(site)
    }

    fn wait(&mut self, signals: &Signals) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        while let Err(answer) = is_ready(self.port) {
            if signals.next(Duration::from_millis(50)).is_some() {
                return Err(Failure::interrupted());
            }
            if self.web.ended().is_some() || Instant::now() > deadline {
                return Err(Failure::said(format!("web is not ready ({answer}); its log is {}", Self::log())));
            }
        }
        thread::sleep(Duration::from_millis(200)); // the catalogue is filled right after
        Ok(())
    }

    /// An access token of the demo login with this role.
    pub fn log_in(&self, role: &str) -> Outcome<String> {
        let login = self.logins.iter().find(|login| login.role == role);
        let login = login.ok_or_else(|| Failure::said(format!("there is no demo login with the role {role}")))?;
        let credentials = serde_json::json!({ "email": login.email, "password": login.password }).to_string();
        let answer = http::post(self.port, "/api/v1/auth/login", &credentials).map_err(Failure::said)?;
        let tokens: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let token = tokens["access_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| Failure::said(format!("logging in as {role} was answered {}", answer.status)))
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where its OpenAPI document is.
    pub fn document(&self) -> String {
        format!("{}/openapi.json", self.url())
    }

    /// The file with the log of web.
    pub fn log() -> String {
        folder().join("web.log").display().to_string()
    }
}

fn environment(postgres: &Postgres, redis: &Redis, port: u16) -> Vec<(&'static str, String)> {
    let most = || "1000000".to_owned();
    vec![
        ("APP_SECRET_KEY", "a secret key that only this run uses".to_owned()),
        ("DATABASE_URL", postgres.url("bookflow")),
        ("REDIS_URL", redis.url()),
        ("MAIL_SMTP_URL", format!("file:{}", folder().join("mail").display())),
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", port.to_string()),
        ("PUBLIC_URL", format!("http://127.0.0.1:{port}")),
        ("ACCESS_TOKEN_TTL", "12h".to_owned()),
        ("RATE_LIMIT_PER_MINUTE", most()),
        ("AUTH_RATE_LIMIT_PER_MINUTE", most()),
        ("SCHEDULE_RATE_LIMIT_PER_MINUTE", most()),
        ("MAX_SCHEDULES_PER_CREATOR", most()),
    ]
}

fn program(name: &str, arguments: &[&str], environment: &[(&'static str, String)]) -> Command {
    let mut program = command(workspace::program(name));
    program.args(arguments).envs(environment.iter().cloned()).stdin(Stdio::null());
    program
}

fn serve(environment: &[(&'static str, String)]) -> Outcome<Process> {
    let log = folder().join("web.log");
    let log = File::create(&log).map_err(|error| Failure::said(format!("{}: {error}", log.display())))?;
    let mut web = program("web", &[], environment);
    web.stdout(log.try_clone().map_err(Failure::said)?).stderr(log);
    let path = workspace::program("web");
    let mark = path.to_string_lossy();
    let (ends_by, grace) = (Signal::Terminate, Duration::from_secs(30));
    let record = folder().join("web.pid");
    Ok(Process::spawn(Spawn { command: web, record: &record, marks: &[&mark], ends_by, grace, scratch: None })?)
}
