//! Loopback ports that no one listens on.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use crate::Error;

/// Below the range from which systems take the ports of outgoing connections: a client that retries while its server restarts can
/// otherwise be given the server's own port, connect to itself, and keep the server from coming back.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A loopback port that was free a moment ago, between 20000 and 29999, starting at a random one.
///
/// # Errors
/// All are taken.
pub fn free() -> Result<u16, Error> {
    let start = (RandomState::new().hash_one(std::process::id()) % u64::from(COUNT)) as u16;
    let mut ports = (0..COUNT).map(|offset| FIRST + (start + offset) % COUNT);
    ports.find(|port| is_free(*port)).ok_or_else(|| Error::new("no free port between 20000 and 29999"))
}

/// Whether a server could listen on `port` of the loopback address.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_listened_on_is_not_free() {
        let port = free().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(port));
        drop(listener);
        assert!(is_free(port));
    }
}
