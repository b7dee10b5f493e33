//! Folders for throw-away servers: in memory where there is room, gone with their owner.

use std::env;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Error, account, process};

const PREFIX: &str = "bookflow-scratch-";
const LOCK: &str = "lock";
const MEMORY: &str = "/dev/shm";
/// A test run's template and its clones come to a few hundred MB; containers often give /dev/shm only 64 MB.
const ROOM_KB: u64 = 2 * 1024 * 1024;

/// Names the folder in which scratch folders are made: for measurements, which need a disk.
pub const SCRATCH_DIR: &str = "SCRATCH_DIR";

/// A folder that is removed when this is dropped. It holds a lock that the system releases when its owner dies, by which
/// the next run knows the folders that nobody removed.
#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes a folder of its own in [`SCRATCH_DIR`] if it is set, in memory (/dev/shm) if 2 GB are free there, else in the temporary
    /// folder.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create() -> Result<Scratch, Error> {
        let unique = RandomState::new().hash_one(std::process::id());
        let dir = base()?.join(format!("{PREFIX}{unique:016x}"));
        let made = fs::DirBuilder::new().mode(0o755).create(&dir);
        made.map_err(Error::io(dir.display()))?;
        let lock = File::create(dir.join(LOCK)).map_err(Error::io(dir.display()))?;
        lock.lock().map_err(Error::io(dir.display()))?;
        Ok(Scratch { dir, _lock: lock })
    }

    /// Its path.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Stops the servers and removes the folders of owners that died without doing so.
    pub fn sweep() {
        let Ok(base) = base() else { return };
        for entry in fs::read_dir(base).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_abandoned(&entry.path()) {
                stop_servers_in(&entry.path());
                let _ = fs::remove_dir_all(entry.path()); // somebody else's: theirs to remove
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir); // what is left, the next sweep removes
    }
}

/// Owners make the folder, then the lock, then take it: one without a lock file may be about to get it.
fn is_abandoned(dir: &Path) -> bool {
    let Ok(lock) = File::open(dir.join(LOCK)) else {
        return false;
    };
    !matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
}

fn stop_servers_in(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let _ = process::stop_left_behind(&entry.path().join(process::RECORD), Duration::from_secs(5));
    }
}

/// Where scratch folders are made. Root's servers run as somebody else, who may not reach root's own temporary folder.
fn base() -> Result<PathBuf, Error> {
    if let Some(dir) = env::var_os(SCRATCH_DIR) {
        return Ok(PathBuf::from(dir));
    }
    if free_kb(MEMORY) >= ROOM_KB {
        return Ok(PathBuf::from(MEMORY));
    }
    let root = account::caller()? == 0;
    Ok(if root { PathBuf::from("/tmp") } else { env::temp_dir() })
}

/// Free room in kB; none where there is no such folder. The fourth word of the second line of `df -Pk`, as POSIX has it.
fn free_kb(dir: &str) -> u64 {
    let output = Command::new("df").args(["-Pk", dir]).stderr(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let free = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    free.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_abandoned_when_its_owner_is_gone() {
        let scratch = Scratch::create().unwrap();
        assert!(!is_abandoned(scratch.dir()));
        let left = scratch.dir().join("left");
        fs::create_dir(&left).unwrap();
        assert!(!is_abandoned(&left), "its owner may not have locked it yet");
        File::create(left.join(LOCK)).unwrap();
        assert!(is_abandoned(&left));
    }

    #[test]
    fn the_folder_goes_with_its_owner() {
        let scratch = Scratch::create().unwrap();
        let dir = scratch.dir().to_owned();
        assert!(dir.is_dir());
        drop(scratch);
        assert!(!dir.exists());
    }
}
