//! People with accounts: made the short way, or as a reader would.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use accounts::{NewAdmin, Password};
use kernel::{Rng, UserId};
use serde_json::json;
use store::{Db, Sql};
use uuid::Uuid;

use crate::{Request, TestApp};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// Somebody who is logged in.
pub struct Person<'a> {
    app: &'a TestApp,
    /// The account.
    pub id: UserId,
    /// The address.
    pub email: String,
    /// A JWT.
    pub access_token: String,
    /// The newest refresh token of the session.
    pub refresh_token: String,
}

impl TestApp {
    /// A reader on the free plan with a confirmed address.
    pub async fn reader(&self) -> Person<'_> {
        self.person("reader").await
    }

    /// Somebody with the role `operator`.
    pub async fn operator(&self) -> Person<'_> {
        self.person("operator").await
    }

    /// Somebody with the role `system_admin`.
    pub async fn admin(&self) -> Person<'_> {
        self.person("system_admin").await
    }

    /// Somebody with any role.
    pub async fn person(&self, role: &str) -> Person<'_> {
        let email = open_account(self.db(), role).await;
        self.log_in(&email).await
    }

    /// A reader who registered, got the mail and confirmed the address. Runs the jobs that are due.
    pub async fn register_and_verify(&self, email: &str) -> Person<'_> {
        let new = json!({ "email": email, "password": PASSWORD });
        self.post("/api/v1/auth/register").json(new).await.expect(201);
        self.drain_jobs().await;
        let proof = json!({ "email": email, "otp": self.code_for(email) });
        let tokens = self.post("/api/v1/auth/verify-email").json(proof).await.expect(200).json();
        self.person_with(email, &tokens).await
    }

    /// A new session for an account whose password is [`PASSWORD`].
    pub async fn log_in(&self, email: &str) -> Person<'_> {
        let credentials = json!({ "email": email, "password": PASSWORD });
        let tokens = self.post("/api/v1/auth/login").json(credentials).await.expect(200).json();
        self.person_with(email, &tokens).await
    }

    async fn person_with(&self, email: &str, tokens: &serde_json::Value) -> Person<'_> {
        let token = |name: &str| tokens[name].as_str().expect("a token").to_owned();
        Person {
            app: self,
            id: find(self.db(), email).await,
            email: email.to_owned(),
            access_token: token("access_token"),
            refresh_token: token("refresh_token"),
        }
    }
}

impl Person<'_> {
    /// GET as this person.
    pub fn get(&self, path: &str) -> Request {
        self.app.get(path).bearer(&self.access_token)
    }

    /// POST as this person.
    pub fn post(&self, path: &str) -> Request {
        self.app.post(path).bearer(&self.access_token)
    }

    /// PATCH as this person.
    pub fn patch(&self, path: &str) -> Request {
        self.app.patch(path).bearer(&self.access_token)
    }

    /// PUT as this person.
    pub fn put(&self, path: &str) -> Request {
        self.app.put(path).bearer(&self.access_token)
    }

    /// DELETE as this person.
    pub fn delete(&self, path: &str) -> Request {
        self.app.delete(path).bearer(&self.access_token)
    }

    /// Puts the account on a plan, as a purchase would.
    pub async fn set_plan(&self, plan: &str) {
        let sql = "update users set plan = $2 where id = $1";
        let changed = self.app.db().conn().run(sql, [self.id.0.into(), plan.into()]).await;
        assert_eq!(changed.expect("a plan"), 1);
    }
}

/// Opens an account with a confirmed address of its own; returns the address.
pub(crate) async fn open_account(db: &Db, role: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let number = COUNT.fetch_add(1, Relaxed);
    let email = format!("{role}-{number}@example.org");
    let new = NewAdmin { email: email.as_str().into(), role: role.to_owned(), password: Password::new(PASSWORD) };
    accounts::create_admin(db, &Rng::system(), &new).await.expect("a new account");
    email
}

async fn find(db: &Db, email: &str) -> UserId {
    let sql = "select id from users where lower(email) = lower($1) and deleted_at is null";
    let id: Option<Uuid> = db.conn().scalar(sql, [email.into()]).await.expect("Postgres answers");
    UserId(id.expect("an account"))
}
