//! Where a server keeps its data: the folder asked for, or one under /var/tmp when its account cannot reach that.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::account::{self, Account};

const FALLBACK: &str = "/var/tmp";

/// The folder that a server asked to live in `wanted` will really use. The two differ when the caller is root and the
/// servers' account cannot reach `wanted`, for instance under /root: then it is one under /var/tmp named after `wanted`.
///
/// # Errors
/// The folder cannot be made.
pub fn resolve(wanted: &Path) -> Result<PathBuf, Error> {
    let wanted = std::path::absolute(wanted).map_err(Error::io(wanted.display()))?;
    match Account::to_drop_to()? {
        Some(account) if !reachable(&wanted, account)? => Ok(fallback(&wanted)),
        _ => Ok(wanted),
    }
}

/// Makes the folder for a server and gives it to the account that will run it.
pub(crate) fn prepare(wanted: &Path, account: Option<Account>) -> Result<PathBuf, Error> {
    let dir = resolve(wanted)?;
    create(&dir)?;
    if let Some(account) = account {
        give(&dir, account)?;
    }
    Ok(dir)
}

/// Whether `account` could enter `wanted` once it owns it: tried with a folder beside it, which is removed again.
fn reachable(wanted: &Path, account: Account) -> Result<bool, Error> {
    let parent = wanted.parent().unwrap_or(wanted);
    fs::create_dir_all(parent).map_err(Error::io(parent.display()))?;
    let probe = parent.join(format!(".probe-{}", std::process::id()));
    create(&probe)?;
    let reachable = give(&probe, account).map(|()| account.can_write(&probe));
    fs::remove_dir(&probe).map_err(Error::io(probe.display()))?;
    reachable
}

fn fallback(wanted: &Path) -> PathBuf {
    let name = wanted.to_string_lossy().replace('/', "-");
    Path::new(FALLBACK).join(format!("bookflow{name}"))
}

/// Makes `dir`, private to its owner. One that exists must be a real folder of the caller's or of the servers' account:
/// anybody could have put another one into /var/tmp.
fn create(dir: &Path) -> Result<(), Error> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(Error::io(parent.display()))?;
    }
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => owned(dir),
        made => made.map_err(Error::io(dir.display())),
    }
}

fn owned(dir: &Path) -> Result<(), Error> {
    let found = fs::symlink_metadata(dir).map_err(Error::io(dir.display()))?;
    let account = Account::to_drop_to()?.map(|account| account.uid);
    if found.is_dir() && (found.uid() == account::caller()? || Some(found.uid()) == account) {
        return Ok(());
    }
    Err(Error::new(format!("{} belongs to somebody else: remove it", dir.display())))
}

/// Gives `dir` with all in it to `account`, where it is not its already.
fn give(dir: &Path, account: Account) -> Result<(), Error> {
    let found = fs::symlink_metadata(dir).map_err(Error::io(dir.display()))?;
    if found.uid() == account.uid {
        return Ok(());
    }
    let owner = format!("{}:{}", account.uid, account.gid);
    let status = Command::new("chown").args(["-R", "-h", &owner]).arg(dir).status();
    match status.map_err(Error::io("cannot run chown"))? {
        status if status.success() => Ok(()),
        status => Err(Error::new(format!("chown of {} failed: {status}", dir.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_that_the_account_cannot_reach_moves_to_var_tmp() {
        let scratch = Scratch::create().unwrap();
        let open = scratch.dir().join("data");
        assert_eq!(resolve(&open).unwrap(), open);
        let closed = scratch.dir().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let resolved = resolve(&closed.join("data")).unwrap();
        let root = account::caller().unwrap() == 0;
        assert_eq!(resolved.starts_with(FALLBACK), root, "{}", resolved.display());
        assert_eq!(resolved, resolve(&closed.join("data")).unwrap());
    }
}
