//! What may be called and what may not, by URL and by what a name resolves to.

use proptest::prelude::*;

use super::*;

fn guard(hosts: &[&str]) -> Guard {
    Guard::new(&hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn why_not(guard: &Guard, url: &str) -> String {
    let problem = guard.check(url).expect_err(url);
    assert!(problem.is(&WEBHOOK_REFUSED_URL) && !problem.is_transient(), "{url}: {problem}");
    assert_eq!(problem.errors()[0].pointer, "/webhook/url");
    problem.errors()[0].message.clone()
}

#[test]
fn public_https_urls_may_be_called() {
    for url in [
        "https://example.org",
        "https://example.org/hook?key=value",
        "https://EXAMPLE.org.:8443/hook",
        "https://example.org:80/",
        "https://bücher.example.org/",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]:1024/",
    ] {
        guard(&[]).check(url).unwrap_or_else(|problem| panic!("{url}: {problem}"));
    }
}

#[test]
fn only_https_without_credentials_or_fragment_at_a_web_port() {
    for (url, message) in [
        ("", "must be a URL such as https://example.org/hook"),
        ("example.org/hook", "must be a URL such as https://example.org/hook"),
        ("https://", "must be a URL such as https://example.org/hook"),
        ("https://[::1/", "must be a URL such as https://example.org/hook"),
        ("http://example.org/", "must start with https://"),
        ("ftp://example.org/", "must start with https://"),
        ("file:///etc/passwd", "must start with https://"),
        ("gopher://example.org:6379/_x", "must start with https://"),
        ("https://user@example.org/", "must not carry a user or a password"),
        ("https://:pass@example.org/", "must not carry a user or a password"),
        ("https://example.org/#part", "must not have a fragment"),
        ("https://example.org:22/", "must have port 80, 443, or one from 1024"),
        ("https://example.org:0/", "must have port 80, 443, or one from 1024"),
        ("https://example.org:1023/", "must have port 80, 443, or one from 1024"),
        (" https://example.org/", "must not have spaces or control characters"),
        ("https://exam\tple.org/", "must not have spaces or control characters"),
        ("https://example.org/a\nb", "must not have spaces or control characters"),
    ] {
        assert_eq!(why_not(&guard(&[]), url), message, "{url}");
    }
    assert_eq!(why_not(&guard(&[]), &format!("https://a.org/{}", "x".repeat(2048))), "must have at most 2048 bytes");
}

#[test]
fn a_private_address_is_refused_in_every_notation_and_so_are_names_of_private_zones() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "①②⑦.0.0.1",
        "%31%32%37.0.0.1",
        "0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "2852039166",
        "192.168.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::10.0.0.1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fd00::1]",
        "[fe80::1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "redis",
        "a.localhost",
        "printer.local",
        "metadata.google.internal",
        "metadata.google.internal.",
    ] {
        assert_eq!(why_not(&guard(&[]), &format!("https://{host}/latest")), "must name a public host", "{host}");
    }
}

#[test]
fn a_listed_host_may_be_private_and_speak_plain_http_and_no_other() {
    let guard = guard(&["Receiver", "10.0.0.7", "fd00::7", "hooks.internal", "bücher.local"]);
    for url in [
        "http://receiver:8080/hook",
        "https://receiver.:8080/hook",
        "http://10.0.0.7/",
        "http://0x0a.7/",
        "http://[fd00:0::7]:3000/",
        "https://HOOKS.internal/",
        "http://xn--bcher-kva.local/",
    ] {
        guard.check(url).unwrap_or_else(|problem| panic!("{url}: {problem}"));
    }
    for url in ["https://10.0.0.8/", "https://[fd00::8]/", "https://other.internal/", "https://a.receiver.internal/"] {
        assert_eq!(why_not(&guard, url), "must name a public host", "{url}");
    }
    assert_eq!(why_not(&guard, "http://receiver.example.org/"), "must start with https://");
    assert_eq!(why_not(&guard, "http://receiver:22/"), "must have port 80, 443, or one from 1024");
    assert_eq!(why_not(&guard, "http://u:p@receiver/"), "must not carry a user or a password");
}

#[test]
fn one_private_address_among_those_of_a_name_closes_it_unless_it_is_listed() {
    let addresses = |texts: &[&str]| texts.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect::<Vec<_>>();
    let guard = guard(&["receiver.example"]);
    let public = addresses(&["1.1.1.1", "2606:4700:4700::1111"]);
    assert_eq!(guard.admit("example.org", public.clone()).unwrap(), public);
    let mixed = addresses(&["1.1.1.1", "169.254.169.254"]);
    assert!(guard.admit("example.org", mixed.clone()).is_err());
    assert_eq!(guard.admit("receiver.example", mixed.clone()).unwrap(), mixed);
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_not_connected_to_unless_it_is_listed() {
    let resolve = |guard: Guard| async move { guard.resolve("localhost".parse().unwrap()).await };
    let error = resolve(guard(&[])).await.err().expect("localhost is not public");
    assert!(error.downcast_ref::<NotPublic>().is_some(), "{error}");
    let mut found = resolve(guard(&["localhost"])).await.expect("it is listed");
    assert!(found.all(|address| address.ip().is_loopback()));
}

/// An IPv4 address in a notation that some parser understands.
fn notations() -> impl Strategy<Value = (std::net::Ipv4Addr, String)> {
    let closed =
        prop::sample::select(vec![0x7f00_0001_u32, 0x0a00_0001, 0xa9fe_a9fe, 0xc0a8_0101, 0xac10_0001, 0x6440_0001, 0]);
    (prop_oneof![any::<u32>(), (closed, 0..256_u32).prop_map(|(base, last)| base ^ last)], 0..8_usize).prop_map(
        |(bits, how)| {
            let [a, b, c, d] = bits.to_be_bytes();
            let text = match how {
                0 => format!("{a}.{b}.{c}.{d}"),
                1 => bits.to_string(),
                2 => format!("0x{bits:x}"),
                3 => format!("0{bits:o}"),
                4 => format!("{a}.{}", bits & 0x00ff_ffff),
                5 => format!("0{a:o}.0x{b:x}.{}", bits & 0xffff),
                6 => format!("[::ffff:{a}.{b}.{c}.{d}]"),
                _ => format!("[64:ff9b::{a:02x}{b:02x}:{c:02x}{d:02x}]"),
            };
            (bits.into(), text)
        },
    )
}

proptest! {
    #[test]
    fn an_address_is_judged_alike_in_every_notation((address, text) in notations(), dot in prop_oneof![Just(""), Just(".")]) {
        let dot = if text.starts_with('[') { "" } else { dot };
        let admitted = guard(&[]).check(&format!("https://{text}{dot}/hook"));
        prop_assert_eq!(admitted.is_ok(), is_public(address.into()), "{} is {}", text, address);
    }

    #[test]
    fn any_text_is_refused_or_names_a_public_host_over_https(
        text in prop_oneof!["\\PC{0,80}", "(https?|ftp|file)?:?/{0,3}([a-z0-9.@%:\\[\\]-]{0,30}@)?[a-zA-Z0-9.%:\\[\\]_-]{0,30}(:[0-9]{0,6})?[/?#\\\\]?[ -~]{0,20}"],
    ) {
        let guard = guard(&[]);
        match guard.check(&text) {
            Ok(url) => {
                let again = guard.check(url.as_str()).map_err(|problem| problem.to_string());
                prop_assert_eq!(again.as_ref(), Ok(&url), "what is called is what was checked");
                prop_assert!(url.scheme() == "https" && url.username().is_empty() && url.password().is_none(), "{}", url);
                let host = url.host_str().unwrap();
                let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
                prop_assert!(address.map_or(host.contains('.'), is_public), "{}", url);
            }
            Err(problem) => prop_assert_eq!(&problem.errors()[0].pointer, "/webhook/url"),
        }
    }
}
