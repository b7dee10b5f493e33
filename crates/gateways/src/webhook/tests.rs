//! Deliveries over real sockets: what the receiver gets, what its answers mean, and what it cannot make us do.

use std::net::SocketAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;
use crate::{
    fake::{Fake, Reply},
    problems::WEBHOOK_REFUSED_URL,
};

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &[u8] = br#"{"type":"schedule.due","data":{"password":"hunter2"}}"#;

fn webhooks(allowed_hosts: &str) -> Webhooks {
    let settings = [
        ("APP_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("DATABASE_URL", "postgres://b@localhost/b"),
        ("REDIS_URL", "redis://localhost"),
        ("WEBHOOK_ALLOWED_HOSTS", allowed_hosts),
    ];
    let find = |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Webhooks::new(&Config::read(&find).unwrap()).unwrap()
}

async fn deliver_within(timeout: Duration, webhooks: &Webhooks, url: &str) -> Result<Receipt> {
    let secrets = [webhooks.secret(ScheduleId::from(uuid::Uuid::nil()), 2)?, Secret::new(OLD.to_owned())];
    webhooks.deliver(Delivery { secrets: &secrets, timeout, ..delivery(url) }).await
}

async fn deliver(webhooks: &Webhooks, url: &str) -> Result<Receipt> {
    deliver_within(Duration::from_secs(5), webhooks, url).await
}

fn delivery(url: &str) -> Delivery<'_> {
    let timestamp = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
    Delivery { url, id: "msg_1", timestamp, body: BODY.to_owned(), secrets: &[], timeout: Duration::from_secs(5) }
}

fn assert_nothing_leaks(problem: &Problem, url: &str) {
    let told = format!("{problem} {problem:?}");
    for secret in ["hunter2", "token=", "MfKQ9r8", url] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

/// HMAC-SHA256 as RFC 2104 spells it out.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |with: u8| (0..64).map(|at| key.get(at).copied().unwrap_or_default() ^ with).collect::<Vec<_>>();
    let inner = Sha256::digest([&pad(0x36), text].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

#[tokio::test]
async fn a_receiver_can_verify_the_delivery_with_the_new_secret_and_with_the_old_one() {
    let webhooks = webhooks("127.0.0.1");
    let fake = Fake::start([Reply::new(204, "")]).await;
    let receipt = deliver(&webhooks, &format!("{}/hook?token=hunter2", fake.url)).await.unwrap();
    assert_eq!(receipt.status, 204);
    assert!(receipt.duration < Duration::from_secs(5));
    let seen = fake.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.uri.to_string().as_str()), ("POST", "/hook?token=hunter2"));
    assert_eq!(seen.body, BODY);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("user-agent"), Some(concat!("BookFlow/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(seen.header("webhook-id"), Some("msg_1"));
    assert_eq!(seen.header("webhook-timestamp"), Some("1614265330"));
    let signed = [b"msg_1.1614265330.", BODY].concat();
    let secrets = [webhooks.secret(ScheduleId::from(uuid::Uuid::nil()), 2).unwrap(), Secret::new(OLD.to_owned())];
    let keys = secrets.iter().map(|secret| STANDARD.decode(secret.expose().strip_prefix("whsec_").unwrap()).unwrap());
    let wanted: Vec<_> = keys.map(|key| format!("v1,{}", STANDARD.encode(hmac(&key, &signed)))).collect();
    assert_eq!(seen.header("webhook-signature"), Some(wanted.join(" ").as_str()));
}

#[tokio::test]
async fn what_the_receiver_answers_says_whether_another_try_can_help() {
    for (status, kind, seconds) in [
        (400, &WEBHOOK_REJECTED, None),
        (404, &WEBHOOK_REJECTED, None),
        (408, &WEBHOOK_FAILED, Some(120)),
        (410, &WEBHOOK_GONE, None),
        (425, &WEBHOOK_FAILED, Some(120)),
        (429, &WEBHOOK_FAILED, Some(120)),
        (500, &WEBHOOK_FAILED, Some(120)),
        (503, &WEBHOOK_FAILED, Some(120)),
    ] {
        let fake = Fake::start([Reply::new(status, "hunter2").header("retry-after", "120")]).await;
        let url = format!("{}/hook?token=hunter2", fake.url);
        let problem = deliver(&webhooks("127.0.0.1"), &url).await.unwrap_err();
        assert!(problem.is(kind), "{status}: {problem}");
        assert_eq!(problem.is_transient(), kind == &WEBHOOK_FAILED, "{problem}");
        assert_eq!(problem.retry_delay().map(|wait| wait.as_secs()), seconds, "{problem}");
        assert_eq!(status_of(&problem), Some(status));
        assert_eq!(fake.seen().len(), 1, "it is tried once");
        assert_nothing_leaks(&problem, &url);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Fake::start([Reply::new(200, "")]).await;
    for status in [301, 302, 303, 307, 308] {
        let fake = Fake::start([Reply::new(status, "").header("location", format!("{}/other", other.url))]).await;
        let problem = deliver(&webhooks("127.0.0.1"), &fake.url).await.unwrap_err();
        assert!(problem.is(&WEBHOOK_FAILED) && status_of(&problem) == Some(status), "{problem}");
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_private_address_is_never_connected_to_unless_it_is_listed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let closed = webhooks("receiver.internal");
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost"] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/?token=hunter2");
            let problem = deliver(&closed, &url).await.unwrap_err();
            assert!(problem.is(&WEBHOOK_REFUSED_URL), "{url}: {problem}");
            assert_nothing_leaks(&problem, &url);
        }
    }
    // A name that looks public and resolves to this machine: `localhost`, past the check of its form.
    for scheme in ["http", "https"] {
        let url = Url::parse(&format!("{scheme}://localhost:{port}/")).unwrap();
        let problem = closed.send(url, HeaderMap::new(), delivery("")).await.unwrap_err();
        assert!(problem.is(&WEBHOOK_REFUSED_URL) && !problem.is_transient(), "{problem}");
    }
    let accepted = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(accepted.is_err(), "something connected");

    let fake = Fake::start([Reply::new(200, "")]).await;
    deliver(&webhooks("localhost"), &fake.url.replace("127.0.0.1", "localhost")).await.unwrap();
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn who_does_not_listen_or_does_not_answer_in_time_may_later() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let webhooks = webhooks("127.0.0.1");
    let problem = deliver(&webhooks, &format!("http://127.0.0.1:{port}/?token=hunter2")).await.unwrap_err();
    assert!(problem.is(&WEBHOOK_FAILED) && problem.to_string().contains("could not be reached"), "{problem}");
    assert_nothing_leaks(&problem, &port.to_string());

    let fake = Fake::start([Reply::new(200, "").after(Duration::from_secs(30))]).await;
    let started = Instant::now();
    let problem = deliver_within(Duration::from_millis(200), &webhooks, &fake.url).await.unwrap_err();
    assert!(problem.is(&WEBHOOK_FAILED) && problem.is_transient(), "{problem}");
    assert!(problem.to_string().contains("did not answer in time"), "{problem}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(status_of(&problem), None);
}

/// A receiver that answers whatever `talk` writes.
#[allow(clippy::disallowed_methods)] // a test's own server, ended with it
async fn receiver<T: Send + 'static, F: Future<Output = T> + Send>(
    talk: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        talk(stream).await
    });
    (address, server)
}

#[tokio::test]
async fn a_huge_answer_is_cut_off() {
    const GIB: usize = 1 << 30;
    let (address, server) = receiver(async |mut stream| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {GIB}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (block, mut written) = (vec![b'x'; 65_536], 0);
        while written < GIB && stream.write_all(&block).await.is_ok() {
            written += block.len();
        }
        written
    })
    .await;
    let receipt = deliver(&webhooks("127.0.0.1"), &format!("http://{address}/")).await.unwrap();
    assert_eq!(receipt.status, 200);
    // What fits into the buffers of the kernel counts as written.
    let written = tokio::time::timeout(Duration::from_secs(5), server).await.expect("we hang up").unwrap();
    assert!(written < GIB / 8, "{written} bytes went through");
}

#[tokio::test]
async fn a_slow_answer_holds_us_no_longer_than_the_timeout_and_a_second_at_most_after_its_head() {
    for (timeout, head) in [
        (Duration::from_secs(30), "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"),
        (Duration::from_millis(300), "HTTP/1.1 200 OK\r\nslow: "),
    ] {
        let (address, server) = receiver(async move |mut stream| {
            stream.write_all(head.as_bytes()).await.unwrap();
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        let started = Instant::now();
        let outcome = deliver_within(timeout, &webhooks("127.0.0.1"), &format!("http://{address}/")).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        match outcome {
            Ok(receipt) => assert!(head.ends_with("\r\n\r\n") && receipt.status == 200),
            Err(problem) => assert!(!head.ends_with("\r\n\r\n") && problem.is(&WEBHOOK_FAILED), "{problem}"),
        }
        tokio::time::timeout(Duration::from_secs(5), server).await.expect("we hang up").unwrap();
    }
}
