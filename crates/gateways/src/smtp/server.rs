//! The SMTP server: its URL, its open connections, and what its replies mean.
//!
//! Connections are kept here and not in lettre's pool: that one takes a connection back when the future using it is
//! dropped, in the middle of a mail too, and the next mail would go on inside the earlier one.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use kernel::{Kind, Problem, Result, Secret};
use lettre::{
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use tokio::time::{Instant, timeout};

use crate::{
    http::{Patience, retrying, timed_out},
    problems::{MAIL_REFUSED, UPSTREAM_BUSY, UPSTREAM_FAILED},
};

const NAME: &str = "The mail server";
/// Servers may close a silent connection after five minutes (RFC 5321 §4.5.3.2), many do so earlier.
const KEEP_IDLE: Duration = Duration::from_secs(30);
const MOST_IDLE: usize = 8;

#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub connect: Patience,
    pub log_in: Duration,
    pub send: Duration,
    pub check: Duration,
}

const LIMITS: Limits = Limits {
    connect: Patience {
        per_try: Duration::from_secs(5),
        total: Duration::from_secs(12),
        tries: 3,
        first_wait: Duration::from_millis(200),
    },
    log_in: Duration::from_secs(10),
    send: Duration::from_secs(30),
    check: Duration::from_secs(2),
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    /// TLS after a plain greeting; a server that does not offer it is not used.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None: a server on this machine.
    Plain,
}

pub(super) struct Server {
    host: String,
    port: u16,
    security: Security,
    tls: OnceLock<TlsParameters>,
    login: Option<Credentials>,
    hello: ClientId,
    pub(super) limits: Limits,
    idle: Mutex<Vec<(Instant, AsyncSmtpConnection)>>,
}

impl Server {
    /// Reads `smtp://`, `smtps://` or `smtp+plain://user@host:port`.
    pub(super) fn parse(url: &str, password: Option<&Secret>) -> Result<Self> {
        // The URL may hold a user's name: it is not repeated.
        let wrong = || Problem::internal("MAIL_SMTP_URL is not an SMTP URL");
        let url = Url::parse(url).map_err(|_| wrong())?;
        let (security, usual_port) = match url.scheme() {
            "smtp" => (Security::StartTls, 587),
            "smtps" => (Security::Implicit, 465),
            "smtp+plain" => (Security::Plain, 25),
            _ => return Err(wrong()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let user = percent_decode_str(url.username()).decode_utf8().map_err(|_| wrong())?;
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(usual_port),
            security,
            tls: OnceLock::new(),
            login: (!user.is_empty()).then(|| {
                let password = password.map(|password| password.expose().clone()).unwrap_or_default();
                Credentials::new(user.into_owned(), password)
            }),
            hello: ClientId::default(),
            limits: LIMITS,
            idle: Mutex::default(),
        })
    }

    pub(super) async fn send(&self, envelope: &Envelope, message: &[u8]) -> Result<()> {
        let mut connection = self.connection().await?;
        match timeout(self.limits.send, connection.send(envelope, message)).await {
            Ok(Ok(_)) => {
                self.keep(connection);
                Ok(())
            }
            Ok(Err(error)) => Err(while_sending(&error)),
            Err(_) => Err(timed_out(NAME)),
        }
    }

    pub(super) async fn probe(&self) -> Result<()> {
        let connection = self.connection().await?;
        self.keep(connection);
        Ok(())
    }

    /// An idle connection that still answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection> {
        while let Some(mut connection) = self.take_idle() {
            if matches!(timeout(self.limits.check, connection.test_connected()).await, Ok(true)) {
                return Ok(connection);
            }
        }
        let connection = retrying(NAME, self.limits.connect, || self.open()).await?;
        timeout(self.limits.log_in, self.log_in(connection)).await.unwrap_or_else(|_| Err(timed_out(NAME)))
    }

    async fn open(&self) -> Result<AsyncSmtpConnection> {
        let tls = if self.security == Security::Implicit { Some(self.tls()?) } else { None };
        let limit = self.limits.connect.per_try;
        let address = (self.host.as_str(), self.port);
        let opening = AsyncSmtpConnection::connect_tokio1(address, Some(limit), &self.hello, tls, None);
        match timeout(limit, opening).await {
            Ok(opened) => opened.map_err(|error| while_connecting(&error)),
            Err(_) => Err(timed_out(NAME)),
        }
    }

    /// Not tried again: repeating a wrong password locks accounts.
    async fn log_in(&self, mut connection: AsyncSmtpConnection) -> Result<AsyncSmtpConnection> {
        if self.security == Security::StartTls {
            connection.starttls(self.tls()?, &self.hello).await.map_err(|error| while_connecting(&error))?;
        }
        if let Some(login) = &self.login {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, login).await.map_err(|error| while_connecting(&error))?;
        }
        Ok(connection)
    }

    /// Read on first use and not at start: a machine without CA certificates must still start.
    fn tls(&self) -> Result<TlsParameters> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let tls = TlsParameters::new(self.host.clone()).map_err(|error| while_connecting(&error))?;
        Ok(self.tls.get_or_init(|| tls).clone())
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < KEEP_IDLE);
        idle.pop().map(|(_, connection)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push((Instant::now(), connection));
        }
    }
}

/// Before a mail was begun nothing is said about the mail, so it may go later.
fn while_connecting(error: &Error) -> Problem {
    Problem::new(&UPSTREAM_FAILED).detail("The mail server could not be used.").caused_by(words(error))
}

/// A refusal in the middle of a mail is about this mail, unless it is about our login.
fn while_sending(error: &Error) -> Problem {
    let code = error.status().map(u16::from);
    let (kind, detail): (&'static Kind, _) = match code {
        Some(530 | 534 | 535 | 538) => (&UPSTREAM_FAILED, "The mail server wants another login."),
        Some(500..) => (&MAIL_REFUSED, "The mail server refused this mail."),
        Some(_) => (&UPSTREAM_BUSY, "The mail server asked us to come back later."),
        // Such as an address in Unicode at a server that knows ASCII only.
        None if error.is_client() => (&MAIL_REFUSED, "The mail server cannot carry this mail."),
        None => (&UPSTREAM_FAILED, "The mail server broke off."),
    };
    Problem::new(kind).detail(detail).caused_by(words(error))
}

/// The error without the server's own text, which as a rule repeats the recipient's address.
fn words(error: &Error) -> String {
    let said = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match error.status() {
        Some(code) => format!("it replied {code} {}", enhanced_code(&said)).trim_end().to_owned(),
        None if error.is_response() => "its reply is not SMTP".to_owned(),
        None => error.to_string(),
    }
}

/// The `5.1.1` at the start of a reply (RFC 3463), or nothing.
fn enhanced_code(reply: &str) -> &str {
    let first = reply.split_whitespace().next().unwrap_or_default();
    let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if first.split('.').count() == 3 && first.split('.').all(number) { first } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_says_how_the_connection_is_secured() {
        let read = |url: &str| Server::parse(url, None).map(|server| (server.host, server.port, server.security));
        assert_eq!(read("smtp://mail.example.org").unwrap(), ("mail.example.org".into(), 587, Security::StartTls));
        assert_eq!(read("smtps://mail.example.org").unwrap(), ("mail.example.org".into(), 465, Security::Implicit));
        assert_eq!(read("smtp+plain://[::1]:2525").unwrap(), ("::1".into(), 2525, Security::Plain));
        for wrong in ["http://mail", "smtp://", "mail.example.org"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_user_may_be_an_address() {
        for url in ["smtp://me%40example.org@mail:587", "smtp://me@example.org@mail:587"] {
            let server = Server::parse(url, Some(&Secret::new("hunter2".to_owned()))).unwrap();
            let expected = Credentials::new("me@example.org".to_owned(), "hunter2".to_owned());
            assert_eq!((server.host.as_str(), server.login), ("mail", Some(expected)));
        }
    }

    #[test]
    fn only_an_enhanced_code_is_kept_of_a_reply() {
        assert_eq!(enhanced_code("5.1.1 <jo@example.org>: unknown"), "5.1.1");
        for other in ["<jo@example.org> unknown", "jo.ann.doe", "192.168.1.2000", ""] {
            assert_eq!(enhanced_code(other), "");
        }
    }
}
