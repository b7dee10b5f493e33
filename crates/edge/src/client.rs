//! The address a request came from.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, HeaderMap, request::Parts},
};

/// The caller's address: the peer's, or what the trusted proxies in front of us say. Never write it to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientIp(pub IpAddr);

impl ClientIp {
    /// Whose requests are counted together: an IPv4 address, or an IPv6 /64 (one household has that many addresses).
    pub fn subject(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
        }
    }

    /// Each trusted proxy appended one address to `X-Forwarded-For`; what stands further left, anyone may have written.
    pub(crate) fn of(headers: &HeaderMap, extensions: &Extensions, trusted_proxies: usize) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let forwarded = || {
            let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
            let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
            // Fewer hops than proxies: the request entered at an inner one, which vouches for its leftmost.
            let hop = hops.get(hops.len().saturating_sub(trusted_proxies))?;
            address(hop)
        };
        let client = if trusted_proxies > 0 { forwarded().or(peer) } else { peer };
        Self(client.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical())
    }
}

/// Some proxies append the port.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

impl<S: Send + Sync> FromRequestParts<S> for ClientIp {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().copied();
        Ok(known.unwrap_or_else(|| Self::of(&parts.headers, &parts.extensions, 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(forwarded: &[&str], trusted_proxies: usize) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 9], 5))));
        ClientIp::of(&headers, &extensions, trusted_proxies).0.to_string()
    }

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        assert_eq!(client(&["6.6.6.6, 1.1.1.1"], 0), "10.0.0.9");
        assert_eq!(client(&["6.6.6.6, 1.1.1.1"], 1), "1.1.1.1");
        assert_eq!(client(&["6.6.6.6", "2.2.2.2, 1.1.1.1"], 2), "2.2.2.2");
        assert_eq!(client(&["1.1.1.1"], 2), "1.1.1.1");
        assert_eq!(client(&["nonsense"], 1), "10.0.0.9");
        assert_eq!(client(&[], 1), "10.0.0.9");
        assert_eq!(client(&["[2001:db8::1]:443"], 1), "2001:db8::1");
        assert_eq!(client(&["1.2.3.4:80"], 1), "1.2.3.4");
    }

    #[test]
    fn an_ipv6_network_is_one_subject() {
        let subject = |text: &str| ClientIp(text.parse().unwrap()).subject();
        assert_eq!(subject("2001:db8:1:2:3:4:5:6"), subject("2001:db8:1:2::1"));
        assert_ne!(subject("2001:db8:1:2::1"), subject("2001:db8:1:3::1"));
        assert_eq!(subject("::ffff:1.2.3.4"), "1.2.3.4");
    }
}
