//! The secrets of schedules and the signatures made with them (Standard Webhooks, symmetric, `v1`).

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Problem, Result, ScheduleId, Secret};
use sha2::Sha256;

/// How a secret begins, so that people and scanners know one when they see it.
const PREFIX: &str = "whsec_";
/// How long the key within a secret may be, in bytes; set by the specification.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What the secrets of schedules are derived from, so that none of them is stored anywhere. Cheap to clone.
///
/// Who replaces `APP_SECRET_KEY` replaces every secret: receivers must be given theirs again.
#[derive(Clone, Debug)]
pub struct WebhookKeys(Secret<[u8; 32]>);

impl WebhookKeys {
    /// Derives the key of this purpose from `APP_SECRET_KEY`.
    ///
    /// # Errors
    /// None that is known; the cipher's interface has one.
    pub fn derive(secret_key: &Secret) -> Result<Self> {
        let key = mac(secret_key.expose().as_bytes(), &[b"bookflow/gateways/webhook-secrets/v1"])?;
        Ok(Self(Secret::new(key)))
    }

    /// The secret of `schedule`: `whsec_` and base64. Rotation is the next `generation`.
    ///
    /// # Errors
    /// None that is known; the cipher's interface has one.
    pub fn secret(&self, schedule: ScheduleId, generation: u32) -> Result<Secret> {
        let key = mac(self.0.expose(), &[schedule.0.as_bytes(), &generation.to_be_bytes()])?;
        Ok(Secret::new(format!("{PREFIX}{}", STANDARD.encode(key))))
    }
}

/// The value of `webhook-signature`: one signature for each secret, divided by spaces.
///
/// # Errors
/// `internal-error` when there is no secret, or one that is not `whsec_` and base64 of 24 to 64 bytes.
pub(super) fn signatures(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> Result<String> {
    if secrets.is_empty() {
        return Err(Problem::internal("a webhook without a secret would go out unsigned"));
    }
    if id.contains('.') {
        return Err(Problem::internal("the id of a webhook must not have a full stop: it divides what is signed"));
    }
    let head = format!("{id}.{timestamp}.");
    let sign = |secret| Ok(format!("v1,{}", STANDARD.encode(mac(&key(secret)?, &[head.as_bytes(), body])?)));
    Ok(secrets.iter().map(sign).collect::<Result<Vec<_>>>()?.join(" "))
}

/// The key within a secret.
fn key(secret: &Secret) -> Result<Vec<u8>> {
    let key = secret.expose().strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
    key.filter(|key| KEY_BYTES.contains(&key.len()))
        .ok_or_else(|| Problem::internal("a webhook secret is not whsec_ and base64 of 24 to 64 bytes"))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32]> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key)?;
    for part in parts {
        hmac.update(part);
    }
    Ok(hmac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    /// The example that the libraries of the specification are tested with.
    const EXAMPLE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_delivery_is_signed_like_the_specification_s_own_libraries_do() {
        let sign = |secrets: &[Secret]| {
            signatures(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#).unwrap()
        };
        let wanted = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(&[secret(EXAMPLE)]), wanted);
        let other = WebhookKeys::derive(&secret("key")).unwrap().secret(ScheduleId::new(), 1).unwrap();
        let rotating = sign(&[other.clone(), secret(EXAMPLE)]);
        assert_eq!(rotating, format!("{} {wanted}", sign(&[other])));
    }

    #[test]
    fn a_secret_depends_on_the_key_the_schedule_and_the_generation_and_on_nothing_else() {
        let keys = WebhookKeys::derive(&secret("one")).unwrap();
        let (schedule, other) = (ScheduleId::new(), ScheduleId::new());
        let first = keys.secret(schedule, 1).unwrap();
        assert_eq!(first, WebhookKeys::derive(&secret("one")).unwrap().secret(schedule, 1).unwrap());
        assert_ne!(first, keys.secret(schedule, 2).unwrap());
        assert_ne!(first, keys.secret(other, 1).unwrap());
        assert_ne!(first, WebhookKeys::derive(&secret("two")).unwrap().secret(schedule, 1).unwrap());
        assert_eq!(key(&first).unwrap().len(), 32);
        assert_eq!(format!("{keys:?}"), "WebhookKeys(***)");
    }

    #[test]
    fn nothing_leaves_unsigned_or_signed_with_what_is_no_secret() {
        assert!(signatures(&[], "id", 0, b"").is_err());
        assert!(signatures(&[secret(EXAMPLE)], "a.1", 0, b"").is_err());
        for wrong in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_hunter2", "whsec_c2hvcnQ="] {
            let problem = signatures(&[secret(wrong)], "id", 0, b"").unwrap_err();
            assert!(wrong.is_empty() || !format!("{problem:?}").replace("whsec_ and", "").contains(wrong), "{problem}");
        }
    }

    /// RFC 4231, test case 2, with its data in two parts.
    #[test]
    fn the_hmac_is_the_standard_one() {
        let tag = mac(b"Jefe", &[b"what do ya want ", b"for nothing?"]).unwrap();
        assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }
}
