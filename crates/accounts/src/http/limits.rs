//! How often the auth routes may be called: per address, and per account, whichever of them is guessed at.

use edge::{ClientIp, LimitKey};
use kernel::Result;

use crate::{Accounts, email::EmailAddress};

/// A route with limits of its own; the names stand in the limiter's keys.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limited {
    Register,
    Login,
    Verify,
    Resend,
    Forgot,
    Reset,
    ChangePassword,
}

impl Limited {
    const fn scopes(self) -> (&'static str, &'static str) {
        match self {
            Self::Register => ("register.address", "register.account"),
            Self::Login => ("login.address", "login.account"),
            Self::Verify => ("verify.address", "verify.account"),
            Self::Resend => ("resend.address", "resend.account"),
            Self::Forgot => ("forgot.address", "forgot.account"),
            Self::Reset => ("reset.address", "reset.account"),
            Self::ChangePassword => ("password.address", "password.account"),
        }
    }
}

impl Accounts {
    /// Counts a call for the caller's address, then for the account that it names, whether there is such an account or not.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(super) async fn limit(&self, route: Limited, client: ClientIp, email: &EmailAddress) -> Result<()> {
        let (address, account) = route.scopes();
        let address = LimitKey { scope: address, subject: &client.subject() };
        self.limiter.check(address, self.auth_rate).await?;
        let account = LimitKey { scope: account, subject: email.as_str() };
        self.limiter.check(account, self.auth_rate).await
    }
}
