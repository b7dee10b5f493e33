//! What an API key looks like: `bf_`, its id, 256 random bits and a checksum, all in hexadecimal digits.
//!
//! So that a leaked one is found by a search for `bf_[0-9a-f]{104}`, and told from what merely looks like one without asking
//! the database.

use kernel::{Rng, Secret};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What every key begins with.
pub(crate) const PREFIX: &str = "bf_";
/// Digits of the id, the secret and the checksum.
const ID: usize = 32;
const SECRET: usize = 64;
const CHECK: usize = 8;

/// A key as its holder has it.
pub(crate) struct Token {
    pub id: Uuid,
    secret: [u8; 32],
}

impl Token {
    /// A new secret for the key `id`.
    pub fn issue(id: Uuid, rng: &Rng) -> Self {
        Self { id, secret: rng.bytes() }
    }

    /// The key that `text` is, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let plain =
            digits.len() == ID + SECRET + CHECK && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !plain || checksum(&text[..PREFIX.len() + ID + SECRET]) != digits[ID + SECRET..] {
            return None;
        }
        let mut secret = [0; 32];
        for (at, byte) in secret.iter_mut().enumerate() {
            let from = ID + 2 * at;
            *byte = u8::from_str_radix(&digits[from..from + 2], 16).ok()?;
        }
        Some(Self { id: Uuid::try_parse(&digits[..ID]).ok()?, secret })
    }

    /// The text to show, once.
    pub fn text(&self) -> Secret {
        let unchecked = format!("{}{}", visible(self.id), hex(&self.secret));
        let check = checksum(&unchecked);
        Secret::new(unchecked + &check)
    }

    /// What is stored of it. The secret is random in all its bits, so that one round of hashing is enough.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.secret).to_vec()
    }

    /// Whether `hash` is that of this secret; takes the same time wherever they differ.
    pub fn fits(&self, hash: &[u8]) -> bool {
        let own = self.hash();
        own.len() == hash.len() && own.iter().zip(hash).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

/// The part of a key that is no secret: it begins with this.
pub(crate) fn visible(id: Uuid) -> String {
    format!("{PREFIX}{}", id.simple())
}

fn checksum(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..CHECK / 2])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use kernel::Rng;
    use proptest::prelude::*;

    use super::*;

    fn key() -> (Token, String) {
        let token = Token::issue(Uuid::from_u128(7), &Rng::seeded(1));
        let text = token.text().expose().clone();
        (token, text)
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_never_prints_itself() {
        let (token, text) = key();
        assert_eq!((text.len(), text.starts_with(&visible(token.id))), (107, true), "{text}");
        let read = Token::parse(&text).unwrap();
        assert_eq!(read.id, token.id);
        assert!(read.fits(&token.hash()) && !read.fits(&[0; 32]) && !read.fits(&[]));
        assert_eq!(format!("{:?}", token.text()), "***");
    }

    #[test]
    fn a_key_with_any_digit_changed_is_none() {
        let (_, text) = key();
        for at in 0..text.len() {
            let mut other = text.clone();
            let digit = if &text[at..=at] == "0" { "1" } else { "0" };
            other.replace_range(at..=at, digit);
            assert!(Token::parse(&other).is_none(), "{at}");
        }
        let cut = &text[..text.len() - 1];
        for other in ["", "bf_", cut, &text.to_uppercase(), &format!("{text}0"), &text.replace("bf_", "")] {
            assert!(Token::parse(other).is_none(), "{other}");
        }
        assert!(Token::parse(&format!("bf_{}", "é".repeat(52))).is_none());
    }

    #[test]
    fn no_two_keys_are_the_same() {
        let (rng, id) = (Rng::seeded(1), Uuid::from_u128(7));
        assert_ne!(Token::issue(id, &rng).hash(), Token::issue(id, &rng).hash());
    }

    proptest! {
        #[test]
        fn every_key_is_read_again_and_fits_itself_alone(id in any::<u128>(), seed in any::<u64>()) {
            let token = Token::issue(Uuid::from_u128(id), &Rng::seeded(seed));
            let read = Token::parse(token.text().expose()).unwrap();
            prop_assert!(read.id == token.id && read.fits(&token.hash()));
            prop_assert!(!read.fits(&Token::issue(token.id, &Rng::seeded(seed ^ 1)).hash()));
        }

        #[test]
        fn any_text_that_nobody_issued_is_none(text in prop_oneof!["\\PC{0,120}", "bf_[0-9a-f]{104}", "bf_[0-9a-fé]{50,110}"]) {
            prop_assert!(Token::parse(&text).is_none());
        }
    }
}
