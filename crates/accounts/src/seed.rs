//! Accounts that are made without the API: the demo logins of a development machine, and an operator's administrators.

use garde::Validate;
use kernel::{Problem, Result, Rng, kinds};
use serde::Serialize;
use store::{Db, Sql, Tx, on_constraint};

use crate::{
    email::EmailAddress,
    password::{Hasher, Password},
    plan::Plan,
    problems, user,
};

/// The password of every demo login. Demo logins are for development: never seed a database that others can reach.
pub const DEMO_PASSWORD: &str = "bookflow-demo";

const DEMO_LOGINS: [(&str, &str); 3] = [
    ("reader", "reader@bookflow.test"),
    ("operator", "operator@bookflow.test"),
    ("system_admin", "admin@bookflow.test"),
];

/// A login to try the service with.
#[derive(Clone, Debug, Serialize)]
pub struct DemoLogin {
    /// Its role.
    pub role: &'static str,
    /// Its address.
    pub email: &'static str,
    /// [`DEMO_PASSWORD`].
    pub password: &'static str,
}

/// Sees to it that the demo logins exist, with confirmed addresses. One that exists already is left as it is.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn seed(db: &Db, rng: &Rng) -> Result<Vec<DemoLogin>> {
    for (role, email) in DEMO_LOGINS {
        let login = NewAdmin { email: email.into(), role: role.to_owned(), password: Password::new(DEMO_PASSWORD) };
        if user::by_email(db.conn(), &login.email).await?.is_none() {
            match create_admin(db, rng, &login).await {
                Err(problem) if problem.is(&problems::EMAIL_TAKEN) => {} // another seeding was faster
                outcome => outcome?,
            }
            db.conn().run(GENEROUS, [email.into(), Plan::Scholar.name().into()]).await?;
        }
    }
    Ok(DEMO_LOGINS.map(|(role, email)| DemoLogin { role, email, password: DEMO_PASSWORD }).to_vec())
}

/// Whoever tries the service asks for more than one summary.
const GENEROUS: &str = "update users set plan = $2 where lower(email) = lower($1) and deleted_at is null";

/// An account that an operator makes.
#[derive(Debug, Validate)]
pub struct NewAdmin {
    /// Counts as confirmed.
    #[garde(dive)]
    pub email: EmailAddress,
    /// `reader`, `operator`, `hr_admin` or `system_admin`.
    #[garde(skip)]
    pub role: String,
    /// 8 to 128 characters.
    #[garde(dive)]
    pub password: Password,
}

/// Opens an account with a role and a confirmed address.
///
/// # Errors
/// `email-taken`; `validation-failed` naming what is wrong with the address, the role or the password.
pub async fn create_admin(db: &Db, rng: &Rng, new: &NewAdmin) -> Result<()> {
    new.validate().map_err(|report| {
        let faults = report.iter().map(|(path, error)| (format!("/{path}"), error.message().to_owned()));
        faults.fold(Problem::new(&kinds::VALIDATION_FAILED), |problem, (pointer, fault)| problem.field(pointer, fault))
    })?;
    let hash = Hasher::new(rng.clone()).hash(&new.password).await?;
    let outcome = db
        .tx(async |tx: Tx| {
            let row = user::NewUser {
                email: &new.email,
                password_hash: hash.clone(),
                role: &new.role,
                timezone: None,
                verified_at: Some(tx.now()),
            };
            user::insert(&tx, row).await
        })
        .await;
    let unknown_role = on_constraint("users_role_fkey", &kinds::VALIDATION_FAILED);
    outcome.map_err(|problem| match unknown_role(problem) {
        problem if problem.is(&kinds::VALIDATION_FAILED) => {
            problem.field("/role", "must be reader, operator, hr_admin or system_admin")
        }
        problem => problem,
    })?;
    Ok(())
}
