//! Who runs the servers: the caller, or an unprivileged account when the caller is root, which Postgres refuses.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::Error;

/// Accounts to run as when the caller is root, best first.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// An account that the caller, being root, hands the servers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The account to drop to, or `None` when the caller is an ordinary user.
    pub(crate) fn to_drop_to() -> Result<Option<Account>, Error> {
        if caller()? != 0 {
            return Ok(None);
        }
        let found = CANDIDATES.iter().find_map(|name| {
            let (uid, gid) = (id(&["-u", name])?, id(&["-g", name])?);
            Some(Account { uid, gid })
        });
        found.map(Some).ok_or_else(|| {
            Error::new(
                "root may not run Postgres, and there is neither a user `postgres` nor `nobody` to run it: create one",
            )
        })
    }

    /// Whether this account can enter `dir` and write there.
    pub(crate) fn can_write(self, dir: &Path) -> bool {
        let mut command = Command::new("sh");
        command.args(["-c", "cd -- \"$1\" && test -w .", "sh"]).arg(dir);
        self.apply(&mut command);
        let status = command.stdin(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// Makes `command` run as this account (supplementary groups are dropped too).
    pub(crate) fn apply(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid).current_dir("/");
    }
}

/// The caller's user id.
pub(crate) fn caller() -> Result<u32, Error> {
    static UID: OnceLock<Option<u32>> = OnceLock::new();
    UID.get_or_init(|| id(&["-u"])).ok_or_else(|| Error::new("`id -u` does not say who is calling"))
}

fn id(args: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(args).stderr(Stdio::null()).output().ok()?;
    output.status.success().then_some(())?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
