//! Where webhooks may go: addresses that anybody could call anyway, and the hosts that the settings list.
//!
//! The URL is checked first, when it is saved and again for each delivery. What a name stands for is known only when it is
//! resolved, so the client resolves through [`Guard`] and connects to nothing but the addresses that passed: a name that
//! answers differently the second time gains nothing. Addresses in the URL itself are never resolved; `check` sees to them.

use std::{
    collections::BTreeSet,
    error::Error,
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use kernel::{Problem, Result};
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use super::addresses::is_public;
use crate::problems::WEBHOOK_REFUSED_URL;

const LONGEST_URL: usize = 2048;
/// Above the ports that systems keep for their own services; web servers are the exception.
const FIRST_FREE_PORT: u16 = 1024;
const WEB_PORTS: [u16; 2] = [80, 443];
/// Names under these never stand for a public host.
const CLOSED_ZONES: [&str; 4] = [".localhost", ".local", ".internal", ".home.arpa"];

/// Decides about URLs and resolves names. Cheap to clone.
#[derive(Clone)]
pub(super) struct Guard {
    /// As URLs spell them.
    allowed: Arc<BTreeSet<String>>,
}

/// The host has an address that is not public.
#[derive(Debug)]
pub(super) struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host has an address that is not public")
    }
}

impl Error for NotPublic {}

/// A URL that may not be called.
pub(super) fn refused(message: &'static str) -> Problem {
    Problem::new(&WEBHOOK_REFUSED_URL).field("/webhook/url", message)
}

impl Guard {
    /// Allows `hosts` (names, IPv4 and IPv6 addresses) whatever their addresses are.
    ///
    /// # Errors
    /// `internal-error` for one that no URL could name.
    pub fn new(hosts: &[String]) -> Result<Self> {
        let allowed: BTreeSet<_> = hosts.iter().map(|host| spelled(host)).collect::<Result<_>>()?;
        Ok(Self { allowed: allowed.into() })
    }

    /// What `text` names, if it may be called as far as it says itself.
    pub fn check(&self, text: &str) -> Result<Url> {
        if text.len() > LONGEST_URL {
            return Err(refused("must have at most 2048 bytes"));
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(refused("must not have spaces or control characters"));
        }
        let url = Url::parse(text).map_err(|_| refused("must be a URL such as https://example.org/hook"))?;
        self.check_parts(&url)?;
        Ok(url)
    }

    fn check_parts(&self, url: &Url) -> Result<()> {
        let host = url.host_str().unwrap_or_default();
        let allowed = self.allows(host);
        match url.scheme() {
            "https" => {}
            "http" if allowed => {}
            _ => return Err(refused("must start with https://")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("must not carry a user or a password"));
        }
        if url.fragment().is_some() {
            return Err(refused("must not have a fragment"));
        }
        if !url.port_or_known_default().is_some_and(|port| port >= FIRST_FREE_PORT || WEB_PORTS.contains(&port)) {
            return Err(refused("must have port 80, 443, or one from 1024"));
        }
        if allowed || is_public_host(host) { Ok(()) } else { Err(refused("must name a public host")) }
    }

    fn allows(&self, host: &str) -> bool {
        self.allowed.contains(host.strip_suffix('.').unwrap_or(host))
    }

    /// `found`, if `host` may be called at every one of them: a host with public and private addresses is not to be trusted.
    fn admit(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotPublic> {
        let admitted = self.allows(host) || found.iter().all(|address| is_public(address.ip()));
        if admitted { Ok(found) } else { Err(NotPublic) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            // Port 0 stands for that of the URL.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(guard.admit(name.as_str(), found)?.into_iter()) as Addrs)
        })
    }
}

/// Whether `host`, as a URL spells it, is an address that is public, or a name that may have one.
fn is_public_host(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return is_public(address);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    name.contains('.') && !CLOSED_ZONES.iter().any(|zone| name.ends_with(zone))
}

/// `host` as a URL spells it: small letters, punycode, the short form of an address.
fn spelled(host: &str) -> Result<String> {
    let bracketed = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() };
    let url = Url::parse(&format!("http://{bracketed}/")).ok();
    let host = url.as_ref().and_then(Url::host_str).map(|host| host.strip_suffix('.').unwrap_or(host).to_owned());
    host.ok_or_else(|| Problem::internal("WEBHOOK_ALLOWED_HOSTS names a host that no URL can name"))
}

#[cfg(test)]
mod tests;
