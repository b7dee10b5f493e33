//! API keys: how a service authenticates. A key belongs to the person who made it, and may do what its scopes name, as far as
//! its owner may do it at that moment. It never manages keys.

mod admit;
mod change;
mod shell;
mod stored;
mod token;

pub(crate) use self::{
    admit::KeyGate,
    change::{By, Expiry, KeyChanges, LONGEST_NAME, MOST_SCOPES, is_readable, no_such, revoke, update},
    stored::{find, list},
    token::{PREFIX, Token, visible},
};
pub use self::{
    change::{NewKey, Shown},
    stored::ApiKey,
};

/// The permission to make, change and revoke keys. No key can have it.
pub(crate) const ADMIN: &str = "api_key.admin";
