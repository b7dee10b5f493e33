//! E-mail addresses: normalised when they are read, validated before they are used, never printed by accident.

use std::fmt;

use garde::rules::email::parse_email;
use serde::Deserialize;
use utoipa::ToSchema;

/// The longest address that can be delivered to (RFC 5321 §4.5.3.1.3 leaves 254).
const MAX_BYTES: usize = 254;

/// An address, trimmed and in lower case: two that differ only in case are the same account.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(from = "String")]
#[schema(value_type = String, format = "email", max_length = 254, example = "reader@example.org")]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address. Never write it to a log, an error or a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn fault(&self) -> Option<&'static str> {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or_default();
        // What the pattern of the HTML standard lets pass, but no mail server takes.
        let undeliverable =
            local.starts_with('.') || local.ends_with('.') || local.contains("..") || domain.starts_with('[');
        if self.0.len() > MAX_BYTES {
            return Some("must have at most 254 characters");
        }
        (parse_email(&self.0).is_err() || undeliverable).then_some("must be an e-mail address")
    }
}

impl From<String> for EmailAddress {
    fn from(text: String) -> Self {
        Self(text.trim().to_lowercase())
    }
}

impl From<&str> for EmailAddress {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl garde::Validate for EmailAddress {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        if let Some(fault) = self.fault() {
            report.append(parent(), garde::Error::new(fault));
        }
    }
}

#[cfg(test)]
mod tests {
    use garde::Validate;

    use super::*;

    #[test]
    fn case_and_blanks_do_not_make_another_account() {
        assert_eq!(EmailAddress::from(" Ada@Example.ORG\n").as_str(), "ada@example.org");
    }

    #[test]
    fn only_what_can_be_delivered_to_is_accepted() {
        for good in ["a@b.c", "first.last+tag@sub.example.org", "reader@localhost"] {
            assert!(EmailAddress::from(good).validate().is_ok(), "{good}");
        }
        let long = format!("{}@{}.org", "a".repeat(60), "b.".repeat(100));
        for bad in ["", "a", "@b", "a@", "a@@b.c", "a b@c.d", "a@b..c", ".a@b.c", "a.@b.c", "a..b@c.d"] {
            assert!(EmailAddress::from(bad).validate().is_err(), "{bad}");
        }
        for bad in ["a@[127.0.0.1]", "a@b.c\r\nbcc:x@y.z", "ä@b.c", "a@ü.org", &long] {
            assert!(EmailAddress::from(bad).validate().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_does_not_print_itself() {
        assert_eq!(format!("{:?}", EmailAddress::from("a@b.c")), "***");
    }
}
