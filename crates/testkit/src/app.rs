//! The application in this process: its own database, a clock that stands still, seeded chance, and fakes around it.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use app::{
    Metrics, Parts, Role,
    health::{Health, Readiness},
    router::{self, Surroundings},
    tasks::{Tasks, Watch},
};
use axum::Router;
use chrono::{DateTime, Utc};
use config::Config;
use kernel::{Clock, Rng};
use store::Db;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Commands, Fakes, Mail, TestDb, database, logs, mail};

/// When every test begins: 2026-01-05T10:00:00Z, a Monday.
pub const START: DateTime<Utc> = DateTime::from_timestamp(1_767_607_200, 0).expect("a moment in time");

/// The application as web serves it. Dropping it fails the test for what went wrong unnoticed.
pub struct TestApp {
    parts: Parts,
    router: Router,
    fakes: Fakes,
    commands: Arc<Commands>,
    folder: PathBuf,
    database: TestDb,
    draining: CancellationToken,
    watch: JoinHandle<()>,
    allowed: Mutex<Vec<String>>,
}

/// How a [`TestApp`] differs from the usual one.
#[must_use]
#[derive(Default)]
pub struct Builder {
    services: Vec<Service>,
    changes: Vec<Change>,
    commands: Option<Arc<Commands>>,
}

/// A change of the settings.
type Change = Box<dyn FnOnce(&mut Config) + Send>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    Gemini,
    OpenAi,
    GoogleBooks,
}

impl Builder {
    /// Gemini makes the summaries: its fake answers.
    pub fn gemini(mut self) -> Self {
        self.services.push(Service::Gemini);
        self
    }

    /// An OpenAI-compatible endpoint makes the summaries: its fake answers.
    pub fn openai(mut self) -> Self {
        self.services.push(Service::OpenAi);
        self
    }

    /// Google Books is the catalogue: its fake answers.
    pub fn google_books(mut self) -> Self {
        self.services.push(Service::GoogleBooks);
        self
    }

    /// Commands can be sent: they are taken down. See [`TestApp::commands`].
    pub fn commands(mut self) -> Self {
        self.commands = Some(Arc::default());
        self
    }

    /// Webhooks may go to the fake receiver.
    pub fn webhooks(self) -> Self {
        self.config(|config| config.schedules.webhook_allowed_hosts = vec![Ipv4Addr::LOCALHOST.to_string()])
    }

    /// Changes the settings.
    pub fn config(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Starts it.
    pub async fn start(self) -> TestApp {
        logs::start();
        let (fakes, database) = tokio::join!(Fakes::start(), TestDb::create());
        let folder = std::env::temp_dir().join(format!("bookflow-test-{}", Uuid::now_v7()));
        let mut config = settings(&self.services, &fakes, &database, &folder);
        for change in self.changes {
            change(&mut config);
        }
        let parts = Parts::with(config, Clock::manual(START), Rng::seeded(7)).expect("the parts fit together");
        if let Some(commands) = &self.commands {
            parts.schedules.connect(commands.clone());
        }
        let draining = CancellationToken::new();
        let watch = Watch::new(parts.db.clone());
        let router = web(&parts, &watch, &draining);
        TestApp {
            parts,
            router,
            fakes,
            commands: self.commands.unwrap_or_default(),
            folder,
            database,
            draining,
            watch: tokio::spawn(async move { drop(watch.run().await) }),
            allowed: Mutex::default(),
        }
    }
}

/// What production would have, but for outside addresses, and without limits that a test does not ask for.
fn settings(services: &[Service], fakes: &Fakes, database: &TestDb, folder: &Path) -> Config {
    let with = |service: Service, value: String| services.contains(&service).then_some(value);
    let read = Config::read(&|name| match name {
        "APP_SECRET_KEY" => Some("a secret key that only tests use".to_owned()),
        "DATABASE_URL" => Some(database.url().to_owned()),
        "DATABASE_MAX_CONNECTIONS" => Some(database::CONNECTIONS.to_string()),
        "REDIS_URL" => Some(database::redis_url()),
        "REDIS_PREFIX" => Some(format!("test-{}", Uuid::now_v7().simple())),
        "MAIL_SMTP_URL" => Some(format!("file:{}", folder.join("mail").display())),
        "RATE_LIMIT_PER_MINUTE" | "AUTH_RATE_LIMIT_PER_MINUTE" => Some("1000000".to_owned()),
        "GEMINI_URL" => Some(fakes.gemini.url().to_owned()),
        "GOOGLE_BOOKS_URL" => Some(fakes.google_books.url().to_owned()),
        "GOOGLE_API_KEY" => with(Service::Gemini, "gemini-key".to_owned()),
        "GOOGLE_BOOKS_API_KEY" => with(Service::GoogleBooks, "books-key".to_owned()),
        "SUMMARIZER_URL" => with(Service::OpenAi, fakes.openai.url().to_owned()),
        _ => None,
    });
    read.unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn web(parts: &Parts, watch: &Watch, draining: &CancellationToken) -> Router {
    static METRICS: OnceLock<Metrics> = OnceLock::new(); // a process has one recorder
    let metrics = METRICS.get_or_init(|| Metrics::install(Role::Web, parts.db.clock()).expect("the first recorder"));
    let readiness = Readiness::new(parts.db.clone(), draining.clone());
    readiness.started();
    let around = Surroundings {
        health: Health::new(Role::Web, parts.clone(), readiness.clone()).expect("a Redis URL"),
        readiness,
        metrics: metrics.clone(),
        draining: draining.clone(),
    };
    router::web(parts, Tasks::new(parts.clone(), watch.clone(), draining.clone()), around)
}

impl TestApp {
    /// The usual one: built-in catalogue and summariser, mail into a folder.
    pub async fn start() -> Self {
        Builder::default().start().await
    }

    /// With other settings.
    pub async fn with(change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        Builder::default().config(change).start().await
    }

    /// To be changed before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The services.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.parts.db
    }

    /// The clock of everything in it.
    pub fn clock(&self) -> &Clock {
        self.parts.db.clock()
    }

    /// The outside services.
    pub fn fakes(&self) -> &Fakes {
        &self.fakes
    }

    /// Where commands go, when it was built with [`Builder::commands`].
    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.clock().advance(by);
    }

    /// Puts the clock at an instant such as `2026-01-06T05:00:00Z`.
    pub fn go_to(&self, instant: &str) {
        self.clock().set(instant.parse().expect("an instant in RFC 3339"));
    }

    /// Every mail sent so far, in the order of their jobs.
    pub fn mails(&self) -> Vec<Mail> {
        mail::read(&self.folder.join("mail"))
    }

    /// The mails to one address.
    pub fn mails_to(&self, email: &str) -> Vec<Mail> {
        self.mails().into_iter().filter(|mail| mail.to == email).collect()
    }

    /// The newest code that was mailed to an address.
    pub fn code_for(&self, email: &str) -> String {
        let codes = self.mails_to(email).into_iter().rev().find_map(|mail| mail.code());
        codes.unwrap_or_else(|| panic!("no code was mailed to {email}"))
    }

    /// Declares that ERROR lines with `text` in them are to be expected.
    pub fn allow_error(&self, text: &str) {
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }

    /// Declares that no line of the log, of whatever level, may have `secret` in it.
    pub fn never_logs(&self, secret: &str) {
        logs::watch_for(secret);
    }

    /// Begins to shut down, as at SIGTERM: streams end, readiness turns 503.
    pub fn begin_shutdown(&self) {
        self.draining.cancel();
    }

    /// An address that is nobody's yet, so that limits count it alone: 198.51.100.`last`.
    pub fn address(last: u8) -> String {
        Ipv4Addr::new(198, 51, 100, last).to_string()
    }

    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    pub(crate) fn database(&self) -> &TestDb {
        &self.database
    }

    pub(crate) fn is_allowed(&self, error: &str) -> bool {
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|text| error.contains(text))
    }

    /// Ends what runs in the background, and removes the folder.
    pub(crate) fn clear(&self) {
        self.draining.cancel();
        self.watch.abort();
        let _ = fs::remove_dir_all(&self.folder); // there was no mail
    }
}
