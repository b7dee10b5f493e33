//! The table of variables, from which `.env.example` and the README's table are made.

/// One environment variable.
#[derive(Debug)]
pub struct Var {
    /// Its name.
    pub name: &'static str,
    /// What it does, its unit and bounds, in one sentence.
    pub doc: &'static str,
    /// The value when it is not set; `None`: empty means "off", or it is required (the doc says which).
    pub default: Option<&'static str>,
    /// A value to show in `.env.example` when there is no default.
    pub example: Option<&'static str>,
    /// Whether its value must never be printed.
    pub secret: bool,
    /// The heading it stands under.
    pub section: &'static str,
}

macro_rules! vars {
    ($( $section:literal { $( $name:ident $(= $default:literal)? $(eg $example:literal)? $(, $secret:ident)? : $doc:literal; )+ } )+) => {
        $($(
            #[doc = $doc]
            pub static $name: Var = Var {
                name: stringify!($name),
                doc: $doc,
                default: vars!(@option $($default)?),
                example: vars!(@option $($example)?),
                secret: vars!(@secret $($secret)?),
                section: $section,
            };
        )+)+
        /// Every variable, in the order of `.env.example`.
        pub static VARS: &[&Var] = &[$($(&$name),+),+];
    };
    (@option) => { None };
    (@option $value:literal) => { Some($value) };
    (@secret) => { false };
    (@secret secret) => { true };
}

vars! {
    "Core" {
        APP_SECRET_KEY eg "change-me-to-32-or-more-random-characters", secret: "Required. Signs access tokens and one-time codes; at least 32 characters, the same for web and worker.";
        PUBLIC_URL = "http://127.0.0.1:10000": "Where readers reach the web process; used in mails.";
        RENDER_EXTERNAL_URL: "Set by Render; stands in for PUBLIC_URL when that is not set.";
        SHUTDOWN_GRACE = "25s": "How long a stopping process may drain before it hands work back; keep it below the platform's kill delay.";
    }
    "Database" {
        DATABASE_URL eg "postgres://bookflow@127.0.0.1:5432/bookflow", secret: "Postgres. Required, unless the DB_* variables are given.";
        DB_HOST_NAME: "Postgres host, when DATABASE_URL is not set.";
        DB_PORT = "5432": "Postgres port, when DATABASE_URL is not set.";
        DB_NAME: "Postgres database, when DATABASE_URL is not set.";
        DB_USERNAME: "Postgres user, when DATABASE_URL is not set.";
        DB_PASSWORD, secret: "Postgres password, when DATABASE_URL is not set.";
        DATABASE_MAX_CONNECTIONS = "16": "Connections a process may hold, 4 to 200; a worker holds six more for its engine.";
        DATABASE_STATEMENT_CACHE = "128": "Prepared statements kept per connection; 0 behind PgBouncer in transaction mode.";
    }
    "Redis" {
        REDIS_URL eg "redis://127.0.0.1:6379", secret: "Required. Carries tickets, wake-ups, locks and rate limits; its loss loses no job.";
        REDIS_PREFIX = "bookflow": "The prefix of every key and channel; letters, digits, `-`, `_` and `:`.";
    }
    "HTTP" {
        HOST = "127.0.0.1": "The address both processes listen on; 0.0.0.0 on a platform that routes to the machine.";
        PORT = "10000": "The port of web.";
        WORKER_PORT = "10001": "The port of worker's health and metrics.";
        REQUEST_TIMEOUT = "15s": "The longest a request may take, streams excepted.";
        BODY_LIMIT_BYTES = "262144": "The largest request body, in bytes, 1024 to 10485760.";
        CORS_ORIGINS: "Origins of browsers' pages that may call the API, such as https://app.example.org, separated by commas, or `*` alone for any; empty: none.";
        TRUSTED_PROXIES = "0": "How many proxies in front of web append to X-Forwarded-For, 0 to 5; 0 ignores the header.";
        RATE_LIMIT_PER_MINUTE = "300": "Requests per minute and address, 1 to 1000000.";
        AUTH_RATE_LIMIT_PER_MINUTE = "10": "Calls of one auth route per minute, for each address and each account, 1 to 1000000.";
    }
    "Mail" {
        MAIL_SMTP_URL = "file:.dev/mail": "smtp://user@host:587 (STARTTLS), smtps://user@host:465, smtp+plain://host:port (no TLS, for a local server), or file:FOLDER, which writes each mail to a file.";
        MAIL_SMTP_PASSWORD, secret: "The password for MAIL_SMTP_URL.";
        MAIL_FROM = "BookFlow <no-reply@bookflow.invalid>": "The sender of every mail.";
    }
    "Catalogue" {
        GOOGLE_BOOKS_API_KEY, secret: "Google Books; empty: the built-in catalogue.";
        GOOGLE_BOOKS_URL = "https://www.googleapis.com/books/v1": "The base URL of Google Books.";
        CATALOGUE_CACHE_TTL = "24h": "How long an answer of Google Books counts as fresh.";
    }
    "Summaries" {
        SUMMARY_DELAY = "2s": "How long after the request a summary is made.";
        GOOGLE_API_KEY, secret: "Gemini; empty: another summariser.";
        GEMINI_MODEL = "gemini-flash-latest": "The Gemini model.";
        GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta": "The base URL of Gemini.";
        SUMMARIZER_URL eg "http://127.0.0.1:11434/v1": "The base URL of any OpenAI-compatible endpoint; empty: Gemini if it has a key, else the built-in summariser.";
        SUMMARIZER_MODEL = "llama3.2": "The model asked for at SUMMARIZER_URL.";
        SUMMARIZER_API_KEY, secret: "The key for SUMMARIZER_URL, if it wants one.";
    }
    "Cloudinary" {
        CLOUDINARY_CLOUD_NAME: "The cloud that book covers are delivered from; empty: the catalogue's own addresses.";
        CLOUDINARY_API_KEY, secret: "The key of that cloud. Kept for uploads; delivery does not need it.";
        CLOUDINARY_API_SECRET, secret: "Signs the addresses of covers; required when CLOUDINARY_CLOUD_NAME is set.";
        CLOUDINARY_DELIVERY_URL = "https://res.cloudinary.com": "The base URL that Cloudinary delivers from.";
    }
    "Accounts" {
        ACCESS_TOKEN_TTL = "15m": "How long an access token is valid.";
        REFRESH_TOKEN_TTL = "30d": "How long a refresh token is valid.";
        OTP_TTL = "10m": "How long a one-time code is valid.";
        TRIAL_DELAY = "5s": "How long after the request a trial is granted.";
        TRIAL_DAYS = "30": "How long a trial lasts, in days, 1 to 365.";
    }
    "Engine" {
        JOB_LEASE = "10s": "How long a worker may be silent before its running jobs are given to another, at least 1s.";
        QUEUE_DEFAULT_CONCURRENCY = "256": "Jobs of queue default (short ones, which mostly wait for others) that one worker runs at a time, 1 to 1000.";
        QUEUE_MAIL_CONCURRENCY = "8": "Jobs of queue mail that one worker runs at a time, 1 to 1000.";
        QUEUE_AI_CONCURRENCY = "4": "Jobs of queue ai that one worker runs at a time, 1 to 1000.";
        QUEUE_BULK_CONCURRENCY = "4": "Jobs of queue bulk that one worker runs at a time, 1 to 1000.";
        EXECUTION_RETENTION_DAYS = "7": "Finished executions older than this many days are deleted, 1 to 3650.";
    }
    "Schedules" {
        MAX_SCHEDULES_PER_CREATOR = "1000": "How many schedules one creator (a person or an API key) may have, 1 to 10000000.";
        MAX_SCHEDULE_LOOKAHEAD_DAYS = "365": "How far ahead a single run or the start of a schedule may lie, in days, 1 to 3650.";
        SCHEDULE_RATE_LIMIT_PER_MINUTE = "600": "Changes of schedules per minute and creator, 1 to 1000000.";
        COMMAND_ALLOW_LIST eg "cmd.billing.*, cmd.report.build": "Commands that schedules may send, separated by commas; `*` stands for one part; more can be allowed through the API.";
        WEBHOOK_ALLOWED_HOSTS eg "hooks.internal,10.0.0.7": "Hosts that webhooks may reach over plain http and at private addresses: names or IP addresses, separated by commas; empty: none.";
    }
    "Telemetry" {
        LOG_FORMAT = "json": "json or pretty.";
        RUST_LOG = "info,apalis_core=off,apalis_cron=error,sqlx=warn": "Which log lines are written, in tracing's filter syntax.";
    }
}
