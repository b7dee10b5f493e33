//! Which request a key stands for.

use axum::http::{HeaderMap, request::Parts};
use kernel::{Actor, Problem, Result, kinds};
use sha2::{Digest as _, Sha256};

use super::KEY;
use crate::ClientIp;

/// A key as it is looked up, and what its request was.
pub(super) struct Claim {
    /// Hash of the caller, the method, the path and the key.
    pub id: Vec<u8>,
    /// Hash of the query and the body.
    pub fingerprint: Vec<u8>,
}

/// The key, if one was sent.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<String>> {
    let mut keys = headers.get_all(KEY).iter();
    let (Some(key), extra) = (keys.next(), keys.next()) else {
        return Ok(None);
    };
    let visible = key.to_str().ok().filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()));
    match visible.filter(|key| (1..=255).contains(&key.len()) && extra.is_none()) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Problem::new(&kinds::VALIDATION_FAILED)
            .field("/Idempotency-Key", "must be one key of 1 to 255 visible ASCII characters")),
    }
}

impl Claim {
    pub fn of(parts: &Parts, key: &str, body: &[u8]) -> Self {
        let caller = match parts.extensions.get::<Actor>() {
            Some(Actor { key: Some(key), .. }) => format!("key {}", key.id),
            Some(actor) => format!("user {}", actor.user_id),
            None => parts.extensions.get::<ClientIp>().map_or_else(String::new, |client| client.subject()),
        };
        let path = parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |uri| &uri.0).path();
        let query = parts.uri.query().unwrap_or_default();
        Self {
            id: hash(&[caller.as_bytes(), parts.method.as_str().as_bytes(), path.as_bytes(), key.as_bytes()]),
            fingerprint: hash(&[query.as_bytes(), body]),
        }
    }
}

/// Each part with its length before it, so that no two lists of parts are hashed alike.
fn hash(parts: &[&[u8]]) -> Vec<u8> {
    let hasher = parts
        .iter()
        .fold(Sha256::new(), |hasher, part| hasher.chain_update((part.len() as u64).to_be_bytes()).chain_update(part));
    hasher.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::Request;
    use kernel::UserId;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn key(value: &str) -> Result<Option<String>> {
        read(&HeaderMap::from_iter([(KEY, value.parse().unwrap())]))
    }

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        assert_eq!(read(&HeaderMap::new()).unwrap(), None);
        assert_eq!(key("k-1").unwrap().as_deref(), Some("k-1"));
        assert!(key(&"k".repeat(255)).is_ok());
        for wrong in ["", "a b", "é", &"k".repeat(256)] {
            assert!(key(wrong).unwrap_err().is(&kinds::VALIDATION_FAILED), "{wrong}");
        }
    }

    #[test]
    fn a_key_belongs_to_its_caller_method_and_path_and_stands_for_one_body() {
        let claim = |user: Option<UserId>, method: &str, uri: &str, body: &str| {
            let (mut parts, ()) = Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
            if let Some(user_id) = user {
                let (session_id, role) = (uuid::Uuid::nil(), "reader".to_owned());
                let permissions = std::sync::Arc::default();
                parts.extensions.insert(Actor { user_id, session_id, key: None, role, permissions });
            }
            Claim::of(&parts, "k", body.as_bytes())
        };
        let ann = Some(UserId::new());
        let first = claim(ann, "POST", "/a", "x");
        assert_eq!(first.id, claim(ann, "POST", "/a", "y").id);
        for other in [claim(None, "POST", "/a", "x"), claim(ann, "PUT", "/a", "x"), claim(ann, "POST", "/b", "x")] {
            assert_ne!(first.id, other.id);
            assert_eq!(first.fingerprint, other.fingerprint);
        }
        assert_ne!(first.fingerprint, claim(ann, "POST", "/a", "y").fingerprint);
        assert_ne!(first.fingerprint, claim(ann, "POST", "/a?q", "x").fingerprint);
    }

    proptest! {
        #[test]
        fn any_header_is_a_key_or_refused(values in vec(vec(prop_oneof![3 => 33..127_u8, 1 => any::<u8>()], 0..300), 0..3)) {
            let values: Vec<HeaderValue> = values.into_iter().filter_map(|value| HeaderValue::from_bytes(&value).ok()).collect();
            let headers: HeaderMap = values.iter().map(|value| (KEY, value.clone())).collect();
            let good = |value: &HeaderValue| (1..=255).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
            match (read(&headers), &values[..]) {
                (Ok(None), []) => {}
                (Ok(Some(key)), [value]) => prop_assert!(good(value) && key.as_bytes() == value.as_bytes()),
                (Err(problem), given) => prop_assert!(problem.is(&kinds::VALIDATION_FAILED) && !(given.len() == 1 && good(&given[0]))),
                (read, given) => prop_assert!(false, "{:?} of {:?}", read.ok(), given),
            }
        }

        #[test]
        fn no_two_lists_of_parts_are_hashed_alike(parts in vec(vec(any::<u8>(), 0..4), 1..5), at in any::<prop::sample::Index>()) {
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            // The same bytes, parted elsewhere.
            let all = parts.concat();
            let (left, right) = all.split_at(at.index(all.len() + 1));
            prop_assert_eq!(hash(&slices) == hash(&[left, right]), slices == [left, right]);
        }
    }
}
