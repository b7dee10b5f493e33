//! Where the server programs are: PATH, Debian's versioned folders, Homebrew's.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// A server that development and tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `postgres` and `initdb`.
    Postgres,
    /// `redis-server`, or `valkey-server`, which speaks the same protocol.
    Redis,
    /// `pgbouncer`, which only a test of it needs.
    PgBouncer,
}

impl Program {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Program::Postgres => "Postgres",
            Program::Redis => "Redis",
            Program::PgBouncer => "PgBouncer",
        }
    }

    /// Whether it is installed.
    pub fn is_installed(self) -> bool {
        match self {
            Program::Postgres => !postgres_folders().is_empty(),
            Program::Redis => redis().is_ok(),
            Program::PgBouncer => pgbouncer().is_ok(),
        }
    }

    /// The one line that says what to do when it is missing.
    pub(crate) fn not_installed(self) -> Error {
        let (apt, brew) = self.packages();
        Error::new(format!(
            "{} is not installed: run `apt-get install {apt}` or `brew install {brew}`, then try again",
            self.name()
        ))
    }

    /// The package's name in Debian and in Homebrew.
    pub(crate) fn packages(self) -> (&'static str, &'static str) {
        match self {
            Program::Postgres => ("postgresql", "postgresql@17"),
            Program::Redis => ("redis-server", "redis"),
            Program::PgBouncer => ("pgbouncer", "pgbouncer"),
        }
    }
}

/// The folder with `postgres` and `initdb` of the wanted major version, or the first one found.
pub(crate) fn postgres(major: Option<&str>) -> Result<PathBuf, Error> {
    let folders = postgres_folders();
    let Some(major) = major else {
        return folders.into_iter().next().ok_or_else(|| Program::Postgres.not_installed());
    };
    if folders.is_empty() {
        return Err(Program::Postgres.not_installed());
    }
    let wanted = folders.into_iter().find(|folder| version(folder).as_deref() == Some(major));
    wanted.ok_or_else(|| {
        Error::new(format!(
            "the data was written by Postgres {major}, which is no longer installed: install it, or start over without the data"
        ))
    })
}

/// The path of `redis-server` or `valkey-server`.
pub(crate) fn redis() -> Result<PathBuf, Error> {
    named(&["redis-server", "valkey-server"]).ok_or_else(|| Program::Redis.not_installed())
}

/// The path of `pgbouncer`.
pub(crate) fn pgbouncer() -> Result<PathBuf, Error> {
    named(&["pgbouncer"]).ok_or_else(|| Program::PgBouncer.not_installed())
}

/// The first program of one of these names.
fn named(names: &[&str]) -> Option<PathBuf> {
    let folders = path().into_iter().chain(homebrew_prefixes().map(|prefix| prefix.join("bin")));
    let mut found = folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    found.find(|program| program.is_file())
}

fn postgres_folders() -> Vec<PathBuf> {
    let mut folders = path();
    folders.extend(versioned(Path::new("/usr/lib/postgresql"), ""));
    for prefix in homebrew_prefixes() {
        folders.extend(versioned(&prefix.join("opt"), "postgresql@"));
        folders.push(prefix.join("bin"));
    }
    folders.retain(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file());
    folders
}

/// `bin` folders of the subfolders of `root` named `prefix` and a number, newest first.
fn versioned(root: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The folders of PATH, and where servers live for accounts whose PATH leaves them out.
fn path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders.extend(["/usr/bin", "/usr/sbin"].map(PathBuf::from));
    folders
}

fn homebrew_prefixes() -> impl Iterator<Item = PathBuf> {
    ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"].into_iter().map(PathBuf::from)
}

/// The major version, as in a data folder's PG_VERSION: `postgres --version` says "postgres (PostgreSQL) 15.4 …".
fn version(folder: &Path) -> Option<String> {
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let major: String = number.chars().take_while(char::is_ascii_digit).collect();
    Some(major)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_versions_come_first_and_other_folders_are_ignored() {
        let scratch = crate::Scratch::create().unwrap();
        for name in ["9", "15", "17", "common", "16.bak"] {
            fs::create_dir(scratch.dir().join(name)).unwrap();
        }
        let names: Vec<_> = versioned(scratch.dir(), "")
            .iter()
            .map(|folder| folder.parent().unwrap().file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["17", "15", "9"]);
    }

    #[test]
    fn a_missing_server_is_told_in_one_line_that_names_the_package() {
        let text = Program::Redis.not_installed().to_string();
        assert!(text.contains("apt-get install redis-server") && text.contains("brew install redis"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
