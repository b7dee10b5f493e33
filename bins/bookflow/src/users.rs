//! `bookflow users`.

use std::io::{self, Read as _};

use accounts::{NewAdmin, Password};
use clap::{Args, Subcommand};
use kernel::{Problem, Result, kinds};
use serde::Serialize;

use crate::session::Session;

/// The longest password that is read, in bytes: enough to be told that it is too long.
const MAX_PASSWORD: u64 = 4096;

/// What an operator can do with accounts.
#[derive(Subcommand)]
pub enum Users {
    /// Create a verified account that has a role
    CreateAdmin(CreateAdmin),
}

/// The account.
#[derive(Args)]
pub struct CreateAdmin {
    /// Its address
    #[arg(long)]
    email: String,
    /// What it may do
    #[arg(long, value_parser = ["operator", "hr_admin", "system_admin"])]
    role: String,
    /// Read the password from standard input: arguments can be seen by others on the machine
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Serialize)]
struct Created<'a> {
    email: &'a str,
    role: &'a str,
}

/// Runs one of the commands.
pub async fn run(session: &Session, command: Users) -> Result<()> {
    match command {
        Users::CreateAdmin(admin) => create_admin(session, admin).await,
    }
}

async fn create_admin(session: &Session, admin: CreateAdmin) -> Result<()> {
    let new = NewAdmin {
        email: admin.email.as_str().into(),
        role: admin.role.clone(),
        password: Password::new(read_password()?),
    };
    accounts::create_admin(&session.parts.db, &session.parts.rng, &new).await?;
    let created = Created { email: &admin.email, role: &admin.role };
    session.output.print(&created, |created| format!("created {} as {}", created.email, created.role))
}

/// The first line of standard input.
fn read_password() -> Result<String> {
    let mut text = String::new();
    io::stdin().lock().take(MAX_PASSWORD).read_to_string(&mut text)?;
    match text.lines().next() {
        Some(password) if !password.is_empty() => Ok(password.to_owned()),
        _ => Err(Problem::new(&kinds::VALIDATION_FAILED).detail("standard input holds no password")),
    }
}
