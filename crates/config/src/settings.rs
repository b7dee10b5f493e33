//! The typed settings, one group per part of the system.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use kernel::Secret;

use crate::{
    parse,
    read::{Invalids, Reader},
    shape, vars,
};

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// Everything a process is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    pub secret_key: Secret,
    pub public_url: String,
    pub shutdown_grace: Duration,
    pub database: Database,
    pub redis: Redis,
    pub http: Http,
    pub mail: Mail,
    pub catalogue: Catalogue,
    pub summarizer: Summarizer,
    pub cloudinary: Option<Cloudinary>,
    pub accounts: Accounts,
    pub engine: Engine,
    pub schedules: Schedules,
    pub telemetry: Telemetry,
}

#[derive(Clone, Debug)]
pub struct Database {
    pub url: Secret,
    pub max_connections: u32,
    pub statement_cache: usize,
}

#[derive(Clone, Debug)]
pub struct Redis {
    pub url: Secret,
    pub prefix: String,
}

#[derive(Clone, Debug)]
pub struct Http {
    pub host: String,
    pub port: u16,
    pub worker_port: u16,
    pub request_timeout: Duration,
    pub body_limit: usize,
    pub cors_origins: Vec<String>,
    pub trusted_proxies: usize,
    pub rate_limit_per_minute: u32,
    pub auth_rate_limit_per_minute: u32,
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub transport: MailTransport,
    pub from: String,
}

/// How mail leaves.
#[derive(Clone, Debug)]
pub enum MailTransport {
    /// Each mail becomes an `.eml` file in this folder.
    Folder(PathBuf),
    /// An SMTP URL as lettre reads it, without the password.
    Smtp { url: String, password: Option<Secret> },
}

#[derive(Clone, Debug)]
pub struct Catalogue {
    pub google_books_key: Option<Secret>,
    pub google_books_url: String,
    pub cache_ttl: Duration,
}

#[derive(Clone, Debug)]
pub struct Summarizer {
    pub delay: Duration,
    pub gemini_key: Option<Secret>,
    pub gemini_model: String,
    pub gemini_url: String,
    pub openai_url: Option<String>,
    pub openai_model: String,
    pub openai_key: Option<Secret>,
}

#[derive(Clone, Debug)]
pub struct Cloudinary {
    pub cloud_name: String,
    pub api_secret: Secret,
    pub delivery_url: String,
}

#[derive(Clone, Debug)]
pub struct Accounts {
    pub access_token_ttl: Duration,
    pub refresh_token_ttl: Duration,
    pub otp_ttl: Duration,
    pub trial_delay: Duration,
    pub trial_days: u32,
}

#[derive(Clone, Debug)]
pub struct Engine {
    pub lease: Duration,
    /// Concurrency by queue name.
    pub concurrency: BTreeMap<&'static str, usize>,
    pub retention_days: u32,
}

#[derive(Clone, Debug)]
pub struct Schedules {
    pub most_per_creator: u32,
    pub lookahead_days: u32,
    pub rate_limit_per_minute: u32,
    /// Patterns such as `cmd.billing.*`.
    pub command_allow_list: Vec<String>,
    /// Names and IP addresses (without brackets) that webhooks may reach though they are private or speak plain http.
    pub webhook_allowed_hosts: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Pretty,
}

#[derive(Clone, Debug)]
pub struct Telemetry {
    pub format: LogFormat,
    pub filter: String,
}

impl Config {
    /// Builds the settings from any source of variables.
    ///
    /// # Errors
    /// Every variable that is missing or wrong, all at once, by name.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Invalids> {
        let r = Reader::new(lookup);
        let config = Self {
            secret_key: secret_key(&r),
            public_url: public_url(&r),
            shutdown_grace: r.duration(&vars::SHUTDOWN_GRACE, SECOND, 300 * SECOND),
            database: database(&r),
            redis: redis(&r),
            http: http(&r),
            mail: mail(&r),
            catalogue: Catalogue {
                google_books_key: r.key(&vars::GOOGLE_BOOKS_API_KEY),
                google_books_url: r.http_url(&vars::GOOGLE_BOOKS_URL).unwrap_or_default(),
                cache_ttl: r.duration(&vars::CATALOGUE_CACHE_TTL, SECOND, 365 * DAY),
            },
            summarizer: summarizer(&r),
            cloudinary: cloudinary(&r),
            accounts: Accounts {
                access_token_ttl: r.duration(&vars::ACCESS_TOKEN_TTL, SECOND, DAY),
                refresh_token_ttl: r.duration(&vars::REFRESH_TOKEN_TTL, SECOND, 365 * DAY),
                otp_ttl: r.duration(&vars::OTP_TTL, SECOND, DAY),
                trial_delay: r.duration(&vars::TRIAL_DELAY, Duration::ZERO, DAY),
                trial_days: r.number(&vars::TRIAL_DAYS, 1, 365),
            },
            engine: engine(&r),
            schedules: schedules(&r),
            telemetry: telemetry(&r),
        };
        r.finish(config)
    }

    /// Whether readers and the database are on this machine, as far as the settings tell.
    pub fn is_local(&self) -> bool {
        let public = shape::authority(&self.public_url).is_ok_and(|(host, _)| shape::is_loopback(host));
        public && shape::is_local_postgres(self.database.url.expose())
    }
}

/// On Render the platform knows the address, unless somebody chose another.
fn public_url(r: &Reader) -> String {
    let var = match (r.set(&vars::PUBLIC_URL), r.set(&vars::RENDER_EXTERNAL_URL)) {
        (None, Some(_)) => &vars::RENDER_EXTERNAL_URL,
        _ => &vars::PUBLIC_URL,
    };
    r.http_url(var).unwrap_or_default()
}

fn secret_key(r: &Reader) -> Secret {
    let key = r.required(&vars::APP_SECRET_KEY);
    if !key.is_empty() && key.chars().count() < 32 {
        r.refuse(&vars::APP_SECRET_KEY, "must have at least 32 characters");
    }
    Secret::new(key)
}

fn database(r: &Reader) -> Database {
    let url = match r.optional(&vars::DATABASE_URL) {
        Some(url) if !url.starts_with("postgres://") && !url.starts_with("postgresql://") => {
            r.refuse(&vars::DATABASE_URL, "must start with postgres://");
            url
        }
        Some(url) => {
            r.demand(&vars::DATABASE_URL, shape::authority(&url).map(drop)); // without a host it is a socket
            url
        }
        None => database_url_from_parts(r),
    };
    Database {
        url: Secret::new(url),
        max_connections: r.number(&vars::DATABASE_MAX_CONNECTIONS, 4, 200),
        statement_cache: r.number(&vars::DATABASE_STATEMENT_CACHE, 0, 10_000),
    }
}

fn database_url_from_parts(r: &Reader) -> String {
    let parts = [&vars::DB_HOST_NAME, &vars::DB_NAME, &vars::DB_USERNAME];
    let missing: Vec<_> = parts.iter().filter(|var| r.optional(var).is_none()).collect();
    if missing.len() == parts.len() {
        r.refuse(&vars::DATABASE_URL, "is required (or DB_HOST_NAME, DB_NAME and DB_USERNAME)");
        return String::new();
    }
    for var in missing {
        r.refuse(var, "is required when DATABASE_URL is not set");
    }
    if let Some(host) = r.optional(&vars::DB_HOST_NAME) {
        r.demand(&vars::DB_HOST_NAME, shape::host(&host));
    }
    let password = r.optional(&vars::DB_PASSWORD).map(|p| format!(":{}", parse::userinfo(&p))).unwrap_or_default();
    format!(
        "postgres://{}{password}@{}:{}/{}",
        parse::userinfo(&r.text(&vars::DB_USERNAME)),
        r.text(&vars::DB_HOST_NAME),
        r.number::<u16>(&vars::DB_PORT, 1, u16::MAX),
        r.text(&vars::DB_NAME),
    )
}

fn redis(r: &Reader) -> Redis {
    let url = r.required(&vars::REDIS_URL);
    if !url.is_empty() && !url.starts_with("redis://") && !url.starts_with("rediss://") {
        r.refuse(&vars::REDIS_URL, "must start with redis:// or rediss://");
    } else if !url.is_empty() {
        r.demand(&vars::REDIS_URL, shape::host(&url));
    }
    let prefix = r.text(&vars::REDIS_PREFIX);
    if !prefix.chars().all(|c| c.is_ascii_alphanumeric() || "-_:".contains(c)) {
        r.refuse(&vars::REDIS_PREFIX, "may have letters, digits, `-`, `_` and `:` only");
    }
    Redis { url: Secret::new(url), prefix }
}

fn http(r: &Reader) -> Http {
    let host = r.text(&vars::HOST);
    if host.parse::<std::net::IpAddr>().is_err() {
        r.refuse(&vars::HOST, "must be an IP address such as 127.0.0.1 or 0.0.0.0");
    }
    Http {
        host,
        port: r.number(&vars::PORT, 1, u16::MAX),
        worker_port: r.number(&vars::WORKER_PORT, 1, u16::MAX),
        request_timeout: r.duration(&vars::REQUEST_TIMEOUT, SECOND, 300 * SECOND),
        body_limit: r.number(&vars::BODY_LIMIT_BYTES, 1024, 10_485_760),
        cors_origins: cors_origins(r),
        trusted_proxies: r.number(&vars::TRUSTED_PROXIES, 0, 5),
        rate_limit_per_minute: r.number(&vars::RATE_LIMIT_PER_MINUTE, 1, 1_000_000),
        auth_rate_limit_per_minute: r.number(&vars::AUTH_RATE_LIMIT_PER_MINUTE, 1, 1_000_000),
    }
}

fn cors_origins(r: &Reader) -> Vec<String> {
    let origins = parse::list(&r.text(&vars::CORS_ORIGINS));
    let any = origins == ["*"];
    if !any && !origins.iter().all(|origin| shape::is_origin(origin)) {
        r.refuse(
            &vars::CORS_ORIGINS,
            "must be `*` alone, or origins such as https://app.example.org: small letters, no path, no usual port",
        );
    }
    origins
}

fn mail(r: &Reader) -> Mail {
    let url = r.text(&vars::MAIL_SMTP_URL);
    let password = r.secret(&vars::MAIL_SMTP_PASSWORD);
    let transport = if let Some(folder) = url.strip_prefix("file:") {
        MailTransport::Folder(PathBuf::from(folder.strip_prefix("//").unwrap_or(folder)))
    } else {
        check_smtp_url(r, &url);
        MailTransport::Smtp { url, password }
    };
    let from = r.text(&vars::MAIL_FROM);
    if !shape::is_mailbox(&from) {
        r.refuse(&vars::MAIL_FROM, "must be an address such as BookFlow <no-reply@example.org>");
    }
    Mail { transport, from }
}

fn check_smtp_url(r: &Reader, url: &str) {
    let known = ["smtp://", "smtps://", "smtp+plain://"];
    if known.iter().any(|scheme| url.starts_with(scheme)) {
        r.demand(&vars::MAIL_SMTP_URL, shape::host(url));
    } else {
        r.refuse(&vars::MAIL_SMTP_URL, "must start with smtp://, smtps://, smtp+plain:// or file:");
    }
    let login = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map(|(login, _)| login);
    if login.is_some_and(|login| login.contains(':')) {
        r.refuse(&vars::MAIL_SMTP_URL, "must not carry the password; put it into MAIL_SMTP_PASSWORD");
    }
}

fn summarizer(r: &Reader) -> Summarizer {
    Summarizer {
        delay: r.duration(&vars::SUMMARY_DELAY, Duration::ZERO, DAY),
        gemini_key: r.key(&vars::GOOGLE_API_KEY),
        gemini_model: r.text(&vars::GEMINI_MODEL),
        gemini_url: r.http_url(&vars::GEMINI_URL).unwrap_or_default(),
        openai_url: r.http_url(&vars::SUMMARIZER_URL),
        openai_model: r.text(&vars::SUMMARIZER_MODEL),
        openai_key: r.key(&vars::SUMMARIZER_API_KEY),
    }
}

fn cloudinary(r: &Reader) -> Option<Cloudinary> {
    let cloud_name = r.optional(&vars::CLOUDINARY_CLOUD_NAME)?;
    let secret = r.secret(&vars::CLOUDINARY_API_SECRET);
    if secret.is_none() {
        r.refuse(&vars::CLOUDINARY_API_SECRET, "is required when CLOUDINARY_CLOUD_NAME is set");
    }
    Some(Cloudinary {
        cloud_name,
        api_secret: secret.unwrap_or_default(),
        delivery_url: r.http_url(&vars::CLOUDINARY_DELIVERY_URL).unwrap_or_default(),
    })
}

fn engine(r: &Reader) -> Engine {
    let concurrency = [
        ("default", &vars::QUEUE_DEFAULT_CONCURRENCY),
        ("mail", &vars::QUEUE_MAIL_CONCURRENCY),
        ("ai", &vars::QUEUE_AI_CONCURRENCY),
        ("bulk", &vars::QUEUE_BULK_CONCURRENCY),
    ];
    Engine {
        lease: r.duration(&vars::JOB_LEASE, 1000 * MILLI, 3600 * SECOND),
        concurrency: concurrency.into_iter().map(|(queue, var)| (queue, r.number(var, 1, 1000))).collect(),
        retention_days: r.number(&vars::EXECUTION_RETENTION_DAYS, 1, 3650),
    }
}

fn schedules(r: &Reader) -> Schedules {
    let command_allow_list = parse::list(&r.text(&vars::COMMAND_ALLOW_LIST));
    if !command_allow_list.iter().all(|pattern| shape::is_command_pattern(pattern)) {
        r.refuse(&vars::COMMAND_ALLOW_LIST, "must be patterns such as cmd.billing.* or cmd.report.build");
    }
    Schedules {
        most_per_creator: r.number(&vars::MAX_SCHEDULES_PER_CREATOR, 1, 10_000_000),
        lookahead_days: r.number(&vars::MAX_SCHEDULE_LOOKAHEAD_DAYS, 1, 3650),
        rate_limit_per_minute: r.number(&vars::SCHEDULE_RATE_LIMIT_PER_MINUTE, 1, 1_000_000),
        command_allow_list,
        webhook_allowed_hosts: webhook_allowed_hosts(r),
    }
}

fn webhook_allowed_hosts(r: &Reader) -> Vec<String> {
    let hosts = parse::list(&r.text(&vars::WEBHOOK_ALLOWED_HOSTS));
    if !hosts.iter().all(|host| shape::is_host(host)) {
        r.refuse(&vars::WEBHOOK_ALLOWED_HOSTS, "must be host names or IP addresses, without scheme, port or path");
    }
    hosts.iter().map(|host| host.trim_matches(['[', ']']).to_owned()).collect()
}

fn telemetry(r: &Reader) -> Telemetry {
    let format = match r.text(&vars::LOG_FORMAT).as_str() {
        "json" => LogFormat::Json,
        "pretty" => LogFormat::Pretty,
        _ => {
            r.refuse(&vars::LOG_FORMAT, "must be json or pretty");
            LogFormat::Json
        }
    };
    let filter = r.text(&vars::RUST_LOG);
    if !shape::is_log_filter(&filter) {
        r.refuse(&vars::RUST_LOG, "must be a filter such as info or info,jobs=debug");
    }
    Telemetry { format, filter }
}

#[cfg(test)]
mod tests;
