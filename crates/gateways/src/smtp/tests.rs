//! Sending to a real SMTP server of the test's own, and to a folder.

use std::{sync::Mutex, time::Duration};

use kernel::Secret;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;
use crate::problems::{MAIL_REFUSED, UPSTREAM_BUSY, UPSTREAM_FAILED, UPSTREAM_TIMEOUT};

const TO: &str = "jo.reader@example.org";

/// How the server behaves; everything not named here is accepted.
#[derive(Clone, Copy, Default)]
struct Manners {
    /// The reply to `RCPT`.
    recipient: Option<&'static str>,
    /// The reply to the whole message.
    message: Option<&'static str>,
    /// The reply to `AUTH`.
    auth: Option<&'static str>,
    /// Answers `DATA` only after 400 ms.
    slow: bool,
    /// Closes the connection after one mail.
    one_mail_each: bool,
    /// Closes this many connections before the greeting.
    hang_ups: usize,
}

#[derive(Default)]
struct Log {
    connections: usize,
    commands: Vec<String>,
    mails: Vec<String>,
}

struct SmtpServer {
    port: u16,
    log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

impl SmtpServer {
    #[allow(clippy::disallowed_methods)] // a test's own server, ended with it
    async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::<Mutex<Log>>::default();
        let shared = log.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = {
                    let mut log = shared.lock().unwrap();
                    log.connections += 1;
                    log.connections
                };
                if number > manners.hang_ups {
                    let log = shared.clone();
                    tokio::spawn(async move { converse(stream, manners, &log).await });
                }
            }
        });
        Self { port, log, task }
    }

    fn smtp(&self, scheme: &str) -> Smtp {
        let url = format!("{scheme}://127.0.0.1:{}", self.port);
        Smtp::new(&settings(MailTransport::Smtp { url, password: None })).unwrap()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(stream: TcpStream, manners: Manners, log: &Mutex<Log>) {
    let mut stream = BufReader::new(stream);
    let mut reply = "220 test";
    loop {
        stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok();
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        log.lock().unwrap().commands.push(line.trim_end().to_owned());
        let verb = line.split([' ', '\r', ':']).next().unwrap().to_uppercase();
        reply = match verb.as_str() {
            "EHLO" => "250-test\r\n250 AUTH PLAIN",
            "AUTH" => manners.auth.unwrap_or("235 2.7.0 welcome"),
            "RCPT" => manners.recipient.unwrap_or("250 ok"),
            "DATA" => {
                if manners.slow {
                    tokio::time::sleep(Duration::from_millis(400)).await;
                }
                stream.write_all(b"354 go on\r\n").await.unwrap();
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") && stream.read_line(&mut mail).await.unwrap() > 0 {}
                log.lock().unwrap().mails.push(mail);
                if manners.one_mail_each {
                    stream.write_all(b"250 2.0.0 queued\r\n").await.unwrap();
                    return;
                }
                manners.message.unwrap_or("250 2.0.0 queued")
            }
            "QUIT" => return,
            _ => "250 ok",
        };
    }
}

fn settings(transport: MailTransport) -> config::Mail {
    config::Mail { transport, from: "BookFlow <no-reply@bookflow.invalid>".to_owned() }
}

fn mail(key: Uuid) -> Mail<'static> {
    Mail { to: TO, subject: "Your code", text: "123456\nbye", html: Some("<p>123456</p>"), message_key: key }
}

const KEY: Uuid = Uuid::from_u128(7);

/// The server behind a transport that was just made, to change its limits.
fn limits(smtp: &mut Smtp) -> &mut server::Limits {
    match &mut Arc::get_mut(&mut smtp.0).unwrap().way {
        Way::Server(server) => &mut server.limits,
        Way::Folder(_) => panic!("a folder has no limits"),
    }
}

#[tokio::test]
async fn a_mail_arrives_whole_and_its_connection_is_used_again() {
    let server = SmtpServer::start(Manners::default()).await;
    let smtp = server.smtp("smtp+plain");
    smtp.probe().await.unwrap();
    smtp.send(&mail(KEY)).await.unwrap();
    smtp.send(&mail(KEY)).await.unwrap();

    let log = server.log.lock().unwrap();
    assert_eq!((log.connections, log.mails.len()), (1, 2));
    assert!(log.commands.contains(&format!("RCPT TO:<{TO}>")), "{:?}", log.commands);
    let id = format!("Message-ID: <{KEY}@bookflow.invalid>\r\n");
    assert!(log.mails.iter().all(|mail| mail.contains(&id)), "the same key, the same Message-ID");
    for part in [
        "From: BookFlow <no-reply@bookflow.invalid>\r\n",
        "To: jo.reader@example.org\r\n",
        "Subject: Your code\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: multipart/alternative;",
        "123456\r\nbye",
        "<p>123456</p>",
    ] {
        assert!(log.mails[0].contains(part), "{part} in {}", log.mails[0]);
    }
}

#[tokio::test]
async fn a_5xx_is_for_good_a_4xx_is_not_and_neither_repeats_the_address() {
    let unknown = Manners { recipient: Some("550 5.1.1 <jo.reader@example.org>: unknown user"), ..Manners::default() };
    let greylisted = Manners { recipient: Some("451-4.7.1 jo.reader\r\n451 4.7.1 later"), ..Manners::default() };
    let spam = Manners { message: Some("554 jo.reader@example.org looks like spam"), ..Manners::default() };
    let locked_out = Manners { recipient: Some("530 5.7.0 jo.reader must authenticate"), ..Manners::default() };
    for (manners, kind, said) in [
        (unknown, &MAIL_REFUSED, "it replied 550 5.1.1"),
        (greylisted, &UPSTREAM_BUSY, "it replied 451 4.7.1"),
        (spam, &MAIL_REFUSED, "it replied 554"),
        (locked_out, &UPSTREAM_FAILED, "it replied 530 5.7.0"),
    ] {
        let server = SmtpServer::start(manners).await;
        let problem = server.smtp("smtp+plain").send(&mail(KEY)).await.unwrap_err();
        assert!(problem.is(kind) && problem.to_string().ends_with(said), "{problem}");
        assert_eq!(problem.is_transient(), kind != &MAIL_REFUSED, "{problem}");
        assert!(!format!("{problem:?}").contains("jo.reader"), "{problem:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_opened_again() {
    let server = SmtpServer::start(Manners { hang_ups: 2, ..Manners::default() }).await;
    server.smtp("smtp+plain").send(&mail(KEY)).await.unwrap();
    let log = server.log.lock().unwrap();
    assert_eq!((log.connections, log.mails.len()), (3, 1));
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_replaced() {
    let server = SmtpServer::start(Manners { one_mail_each: true, ..Manners::default() }).await;
    let smtp = server.smtp("smtp+plain");
    smtp.send(&mail(KEY)).await.unwrap();
    smtp.send(&mail(KEY)).await.unwrap();
    assert_eq!(server.log.lock().unwrap().connections, 2);
}

#[tokio::test]
async fn a_slow_server_is_given_up_and_its_connection_is_not_used_again() {
    let server = SmtpServer::start(Manners { slow: true, ..Manners::default() }).await;
    let mut smtp = server.smtp("smtp+plain");
    limits(&mut smtp).send = Duration::from_millis(200);
    let problem = smtp.send(&mail(KEY)).await.unwrap_err();
    assert!(problem.is(&UPSTREAM_TIMEOUT) && problem.is_transient(), "{problem}");
    // Its late reply must not be taken for one to the next mail.
    tokio::time::sleep(Duration::from_millis(400)).await;
    smtp.send(&mail(KEY)).await.unwrap_err();
    assert_eq!(server.log.lock().unwrap().connections, 2);
}

#[tokio::test]
async fn a_dropped_send_does_not_leave_its_connection_behind() {
    let server = SmtpServer::start(Manners { slow: true, ..Manners::default() }).await;
    let smtp = server.smtp("smtp+plain");
    assert!(tokio::time::timeout(Duration::from_millis(300), smtp.send(&mail(KEY))).await.is_err());
    smtp.probe().await.unwrap();
    assert_eq!(server.log.lock().unwrap().connections, 2);
}

#[tokio::test]
async fn a_server_that_is_away_may_come_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp+plain://{}", listener.local_addr().unwrap());
    drop(listener);
    let smtp = Smtp::new(&settings(MailTransport::Smtp { url, password: None })).unwrap();
    for problem in [smtp.send(&mail(KEY)).await.unwrap_err(), smtp.probe().await.unwrap_err()] {
        assert!(problem.is(&UPSTREAM_FAILED) && problem.is_transient(), "{problem}");
    }
}

#[tokio::test]
async fn without_tls_nothing_is_sent_unless_the_url_says_so() {
    let server = SmtpServer::start(Manners::default()).await;
    for scheme in ["smtp", "smtps"] {
        let url = format!("{scheme}://me@127.0.0.1:{}", server.port);
        let password = Some(Secret::new("hunter2".to_owned()));
        let mut smtp = Smtp::new(&settings(MailTransport::Smtp { url, password })).unwrap();
        let connect = &mut limits(&mut smtp).connect;
        (connect.per_try, connect.tries) = (Duration::from_secs(1), 1);
        let problem = smtp.send(&mail(KEY)).await.unwrap_err();
        assert!(problem.is_transient(), "{problem}");
    }
    let log = server.log.lock().unwrap();
    assert!(log.mails.is_empty() && !log.commands.iter().any(|line| line.starts_with("AUTH")), "{:?}", log.commands);
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_not_held_against_the_mail() {
    let server = SmtpServer::start(Manners { auth: Some("535 5.7.8 me hunter2"), ..Manners::default() }).await;
    let url = format!("smtp+plain://me@127.0.0.1:{}", server.port);
    let password = Some(Secret::new("hunter2".to_owned()));
    let smtp = Smtp::new(&settings(MailTransport::Smtp { url, password })).unwrap();
    let problem = smtp.send(&mail(KEY)).await.unwrap_err();
    assert!(problem.is(&UPSTREAM_FAILED) && problem.to_string().ends_with("it replied 535 5.7.8"), "{problem}");
    assert_eq!(server.log.lock().unwrap().commands.iter().filter(|line| line.starts_with("AUTH")).count(), 1);
}

#[tokio::test]
async fn an_address_or_subject_cannot_smuggle_headers_in() {
    let server = SmtpServer::start(Manners::default()).await;
    let smtp = server.smtp("smtp+plain");
    let evil = [
        "jo@example.org\r\nBcc: all@example.org",
        "Jo <jo@example.org>",
        "a@b.org, c@d.org",
        "jo@example.org>\r\nDATA",
        "",
    ];
    for to in evil {
        let problem = smtp.send(&Mail { to, ..mail(KEY) }).await.unwrap_err();
        assert!(problem.is(&MAIL_REFUSED) && !problem.to_string().contains("example"), "{problem}");
    }
    let subject = "Hi\r\nBcc: all@example.org\r\n\r\nbody\0\u{85}x";
    let text = "first\r\n.\r\nMAIL FROM:<evil@example.org>\r\n";
    smtp.send(&Mail { subject, text, html: None, ..mail(KEY) }).await.unwrap();
    let log = server.log.lock().unwrap();
    assert_eq!(log.mails.len(), 1);
    let headers = log.mails[0].split("\r\n\r\n").next().unwrap();
    assert!(!headers.contains("\r\nBcc") && headers.contains("Subject: Hi Bcc: all@example.org body x"), "{headers}");
    assert!(!log.commands.iter().any(|line| line.contains("evil")), "{:?}", log.commands);
}

#[tokio::test]
async fn a_folder_keeps_one_file_for_each_key() {
    let folder = std::env::temp_dir().join(format!("bookflow-mail-{}", Uuid::now_v7())).join("deep");
    let smtp = Smtp::new(&settings(MailTransport::Folder(folder.clone()))).unwrap();
    smtp.probe().await.unwrap();
    for key in [KEY, KEY, Uuid::from_u128(8)] {
        smtp.send(&mail(key)).await.unwrap();
    }
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [format!("{KEY}.eml"), format!("{}.eml", Uuid::from_u128(8))].map(std::ffi::OsString::from));
    assert!(std::fs::read_to_string(folder.join(format!("{KEY}.eml"))).unwrap().contains("To: jo.reader@example.org"));
    std::fs::remove_dir_all(folder.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told() {
    let smtp = Smtp::new(&settings(MailTransport::Folder("/dev/null/mail".into()))).unwrap();
    assert!(smtp.probe().await.is_err() && smtp.send(&mail(KEY)).await.unwrap_err().is_transient());
}

#[test]
fn a_sender_that_is_not_an_address_is_refused() {
    let settings = config::Mail { from: "nobody@".to_owned(), ..settings(MailTransport::Folder("x".into())) };
    assert!(Smtp::new(&settings).err().unwrap().to_string().contains("MAIL_FROM"));
}
