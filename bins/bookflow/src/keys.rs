//! `bookflow keys`: API keys for services, without the API.

use accounts::{ApiKey, NewKey, Shown};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use kernel::Result;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    output::{instant, or_dash, table},
    session::Session,
};

/// Keys that are listed at most.
const MOST: u64 = 1000;

/// What an operator can do with API keys.
#[derive(Subcommand)]
pub enum Keys {
    /// Make a key and show it, this once
    Create(Create),
    /// List the keys, newest first
    List,
    /// Revoke a key for good
    Revoke(Revoke),
}

/// The key.
#[derive(Args)]
pub struct Create {
    /// What to call it; one of a kind among its owner's keys
    #[arg(long)]
    name: String,
    /// What it may do: permissions of its owner's
    #[arg(long, required = true, value_delimiter = ',')]
    scopes: Vec<String>,
    /// The address of the account that it acts for
    #[arg(long)]
    owner: String,
    /// When it stops working by itself, such as 2027-01-01T00:00:00Z
    #[arg(long)]
    expires_at: Option<DateTime<Utc>>,
}

/// Which key.
#[derive(Args)]
pub struct Revoke {
    /// The key's id
    id: uuid::Uuid,
}

#[derive(Serialize)]
struct Revoked {
    id: uuid::Uuid,
}

/// Runs one of the commands.
pub async fn run(session: &Session, command: Keys) -> Result<()> {
    match command {
        Keys::Create(create) => make(session, create).await,
        Keys::List => list(session).await,
        Keys::Revoke(Revoke { id }) => revoke(session, id).await,
    }
}

async fn make(session: &Session, create: Create) -> Result<()> {
    let Create { name, scopes, owner, expires_at } = create;
    let new = NewKey { name, scopes, expires_at };
    let Shown { key, text } = session.parts.accounts.create_key_for(&owner, new).await?;
    let mut shown = json!(key);
    shown["key"] = Value::from(text.expose().as_str());
    session.output.print(&shown, |_| text.expose().clone())
}

async fn list(session: &Session) -> Result<()> {
    let keys = session.parts.accounts.keys(MOST).await?;
    let now = session.parts.db.clock().now();
    session.output.print(&keys, |keys| match keys.as_slice() {
        [] => "no keys".to_owned(),
        keys => {
            let rows: Vec<_> = keys.iter().map(|key| row(key, now)).collect();
            table(["ID", "NAME", "STATUS", "SCOPES", "EXPIRES", "LAST USED"], &rows)
        }
    })
}

fn row(key: &ApiKey, now: DateTime<Utc>) -> [String; 6] {
    [
        key.id.to_string(),
        key.name.clone(),
        key.status(now).to_owned(),
        key.scopes.join(","),
        or_dash(key.expires_at, instant),
        or_dash(key.last_used_at, instant),
    ]
}

async fn revoke(session: &Session, id: uuid::Uuid) -> Result<()> {
    session.parts.accounts.revoke_key(id).await?;
    session.output.print(&Revoked { id }, |_| format!("{id} is revoked; running processes notice within seconds"))
}
