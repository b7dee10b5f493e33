//! What a value must look like to be of use: hosts, ports, origins, addresses, keys, filters.
//!
//! Light checks, so that a wrong value is told together with all others. Messages never repeat the value.

use std::net::{IpAddr, Ipv6Addr};

const NO_HOST: &str = "must name a host";
const BAD_HOST: &str = "names a host that cannot exist";
const BAD_PORT: &str = "must have a port from 1 to 65535, or none";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The host (without brackets, empty if there is none) and the port of `scheme://[user@]host[:port][/path]`.
pub fn authority(url: &str) -> Result<(&str, Option<u16>), &'static str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let (host, port) = match place.strip_prefix('[') {
        Some(inside) => {
            let (host, after) = inside.split_once(']').ok_or(BAD_HOST)?;
            host.parse::<Ipv6Addr>().map_err(|_| BAD_HOST)?;
            let port = after.strip_prefix(':');
            if port.is_none() && !after.is_empty() {
                return Err(BAD_HOST);
            }
            (host, port)
        }
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let known = |c: char| c.is_alphanumeric() || "-_.%:".contains(c); // % of a socket's encoded path
    if !host.chars().all(known) {
        return Err(BAD_HOST);
    }
    let port = port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or(BAD_PORT));
    Ok((host, port.transpose()?))
}

/// As [`authority`], for a URL that must name its host.
pub fn host(url: &str) -> Result<(), &'static str> {
    match authority(url)? {
        ("", _) => Err(NO_HOST),
        _ => Ok(()),
    }
}

/// Whether `pattern` names commands: `cmd.domain.action`, each of the last two maybe `*`.
pub fn is_command_pattern(pattern: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let parts: Vec<&str> = pattern.split('.').collect();
    matches!(parts[..], ["cmd", domain, action] if [domain, action].into_iter().all(|text| text == "*" || part(text)))
}

/// Whether `host` is a host alone: a name, an IPv4 address, or an IPv6 address with or without brackets.
pub fn is_host(host: &str) -> bool {
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    inside.parse::<Ipv6Addr>().is_ok() || (!host.is_empty() && host.chars().all(name))
}

/// Whether `host` is this machine, by name or number.
pub fn is_loopback(host: &str) -> bool {
    let local = |ip: IpAddr| ip.is_loopback();
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(local)
}

/// Whether `url` is one of a Postgres on this machine: by its host, or a socket's path.
pub fn is_local_postgres(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let named = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| ["host", "hostaddr"].contains(name))
        .map(|(_, host)| host);
    // A host in the query outdoes the one before it; all of them must be here, whichever the driver takes.
    let here = |host: &str| host.is_empty() || is_loopback(host) || host.starts_with('/') || starts_encoded(host);
    authority(url).is_ok_and(|(host, _)| here(host)) && named.into_iter().all(here)
}

/// Whether it begins with a slash, percent-encoded.
fn starts_encoded(path: &str) -> bool {
    path.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%2f"))
}

/// Whether a browser could send `origin`: http(s)://host[:port], in small letters, without a path or the usual port.
pub fn is_origin(origin: &str) -> bool {
    let (rest, usual) = match (origin.strip_prefix("http://"), origin.strip_prefix("https://")) {
        (Some(rest), _) => (rest, 80),
        (_, Some(rest)) => (rest, 443),
        _ => return false,
    };
    !rest.contains(['/', '?', '#', '@', '%'])
        && rest.is_ascii()
        && !rest.contains(|c: char| c.is_ascii_uppercase())
        && authority(origin).is_ok_and(|(host, port)| !host.is_empty() && port != Some(usual))
}

/// Whether `text` is `local@domain` or `Name <local@domain>`.
pub fn is_mailbox(text: &str) -> bool {
    let address = match text.strip_suffix('>') {
        Some(text) => text.rsplit_once('<').map(|(_, address)| address),
        None => Some(text),
    };
    let Some((local, domain)) = address.and_then(|address| address.rsplit_once('@')) else {
        return false;
    };
    let part = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let literal = domain.starts_with('[') && domain.ends_with(']');
    part(local) && !local.contains(['<', '>', '@', ',']) && (literal || domain.split('.').all(label))
}

/// Whether a header can carry `key`.
pub fn is_key(key: &str) -> bool {
    key.chars().all(|c| c.is_ascii_graphic())
}

/// Whether `filter` reads as tracing's filter syntax; what stands in brackets is left to tracing itself.
pub fn is_log_filter(filter: &str) -> bool {
    filter.contains('[') || filter.split(',').map(str::trim).all(is_directive)
}

/// `level`, `target` or `target=level`.
fn is_directive(directive: &str) -> bool {
    let target = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_:-.".contains(c));
    let level = |text: &str| LEVELS.iter().any(|level| text.eq_ignore_ascii_case(level));
    match directive.split_once('=') {
        None => directive.is_empty() || target(directive),
        Some((of, is)) => target(of) && level(is),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_a_port_that_can_exist() {
        for (url, wanted) in [
            ("postgres://u:p@db:5432/n", Ok(("db", Some(5432)))),
            ("redis://:p@ss@10.0.0.1", Ok(("10.0.0.1", None))),
            ("https://[::1]:8080/x", Ok(("::1", Some(8080)))),
            ("postgres:///n?host=/run", Ok(("", None))),
            ("redis://:::", Err(BAD_PORT)),
            ("postgres://[x", Err(BAD_HOST)),
            ("smtp://a b", Err(BAD_HOST)),
            ("http://a:x", Err(BAD_PORT)),
            ("http://a:70000", Err(BAD_PORT)),
        ] {
            assert_eq!(authority(url), wanted, "{url}");
        }
        assert_eq!((host("smtp://"), host("http://a")), (Err(NO_HOST), Ok(())));
    }

    #[test]
    fn a_host_alone_has_neither_scheme_nor_port_nor_path() {
        for good in ["receiver", "hooks.example.org", "10.0.0.7", "::1", "[fd00::1]", "büro.example"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "http://a", "a:80", "a/b", "u@a", "[::1]:80", "[a]", "a b", "*"] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn a_database_is_local_by_its_host_or_its_socket() {
        for here in [
            "postgres://u@127.0.0.1:5432/n",
            "postgres://u@LOCALHOST/n",
            "postgres://u@[::1]/n",
            "postgres:///n?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/n",
        ] {
            assert!(is_local_postgres(here), "{here}");
        }
        for away in [
            "postgres://u@db/n",
            "postgres://u@localhost.example.org/n",
            "postgres://localhost/n?host=db",
            "postgres://u@10.0.0.1/n",
        ] {
            assert!(!is_local_postgres(away), "{away}");
        }
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for good in ["https://a.example", "http://localhost:3000", "http://[::1]:3000", "https://a.example:80"] {
            assert!(is_origin(good), "{good}");
        }
        for never in [
            "not an origin",
            "https://a.example/",
            "https://A.example",
            "https://a.example:443",
            "https://*.a.example",
            "a.example",
            "*",
            "https://",
            "https://u@a.example",
        ] {
            assert!(!is_origin(never), "{never}");
        }
    }

    #[test]
    fn a_mailbox_has_a_name_before_and_a_domain_behind_the_at_sign() {
        for good in ["a@b", "BookFlow <no-reply@bookflow.invalid>", "\"B, F\" <a.b+c@d-e.org>", "a@[10.0.0.1]"] {
            assert!(is_mailbox(good), "{good}");
        }
        for bad in ["x@", "@x", "x", "A <x@>", "a@b..c", "a b@c", "<a@b> c", "a@b>"] {
            assert!(!is_mailbox(bad), "{bad}");
        }
    }

    #[test]
    fn a_filter_is_levels_targets_or_both() {
        for good in ["info", "", "info,a::b=DEBUG,c=off", "info,[span{id=1}]=trace", "my-crate"] {
            assert!(is_log_filter(good), "{good}");
        }
        for bad in ["info,=hunter2=", "a=loud", "info,a b", "a="] {
            assert!(!is_log_filter(bad), "{bad}");
        }
    }
}
