//! The keys of this domain, each derived from `APP_SECRET_KEY` for one purpose only.

use hmac::{Hmac, KeyInit, Mac};
use kernel::{Result, Secret};
use sha2::Sha256;

/// HMAC with SHA-256 (RFC 2104).
pub(crate) type HmacSha256 = Hmac<Sha256>;

/// What signs access tokens, what one-time codes are derived from, what they are checked with, and what remembers
/// the addresses of deleted accounts.
pub(crate) struct Keys {
    pub access_token: [u8; 32],
    pub code: [u8; 32],
    pub code_check: [u8; 32],
    pub address: [u8; 32],
}

impl Keys {
    /// Derives them; a key of one purpose tells nothing about the others.
    pub fn derive(secret_key: &Secret) -> Result<Self> {
        let secret = secret_key.expose().as_bytes();
        let key = |label: &[u8]| mac(secret, &[label]);
        Ok(Self {
            access_token: key(b"bookflow/accounts/access-token/v1")?,
            code: key(b"bookflow/accounts/one-time-code/v1")?,
            code_check: key(b"bookflow/accounts/one-time-code-check/v1")?,
            address: key(b"bookflow/accounts/address/v1")?,
        })
    }
}

/// The HMAC of the parts, one after the other.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32]> {
    Ok(keyed(key, parts)?.finalize().into_bytes().into())
}

/// Whether `tag` is the HMAC of the parts; takes the same time wherever they differ.
pub(crate) fn mac_matches(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> Result<bool> {
    Ok(keyed(key, parts)?.verify_slice(tag).is_ok())
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> Result<HmacSha256> {
    let mut hmac = HmacSha256::new_from_slice(key)?;
    for part in parts {
        hmac.update(part);
    }
    Ok(hmac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_its_own_key_and_each_secret_its_own_keys() {
        let keys = |secret: &str| Keys::derive(&Secret::new(secret.to_owned())).unwrap();
        let (one, other) = (keys("one"), keys("other"));
        assert_ne!(one.access_token, one.code);
        assert_ne!(one.code, one.code_check);
        assert_ne!(one.code, other.code);
        assert_eq!(one.code, keys("one").code);
    }

    /// RFC 4231, test case 2, with its data in two parts.
    #[test]
    fn the_hmac_is_the_standard_one() {
        let tag = mac(b"Jefe", &[b"what do ya want ", b"for nothing?"]).unwrap();
        assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert!(mac_matches(b"Jefe", &[b"what do ya want for nothing?"], &tag).unwrap());
        assert!(!mac_matches(b"Jefe", &[b"what do ya want for nothing!"], &tag).unwrap());
    }
}
