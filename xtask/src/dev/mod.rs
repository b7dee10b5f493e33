//! `cargo xtask dev`: everything on this machine, from servers to logs, until Ctrl-C.

mod backing;
mod children;
mod leftovers;
mod procfile;
mod ready;
mod settings;
mod welcome;

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use servers::Signal;

use crate::command::{cargo, command, finish, output};
use crate::failure::{Failure, Outcome};
use crate::signals::Signals;
use crate::workspace;
use backing::Backing;
use children::Children;
pub use leftovers::{down, status};
pub use ready::ask as is_ready;
use settings::Settings;
pub use welcome::{Login, logins};

/// What happens to the data of the private servers before they start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    Keep,
    Reset,
}

/// Where `dev` keeps everything of its own.
fn folder() -> PathBuf {
    workspace::root().join(".dev")
}

/// Starts everything, shows how to use it, and stops it all on Ctrl-C.
pub fn start(data: Data) -> Outcome {
    let signals = Signals::listen()?;
    match start_and_watch(data, &signals) {
        Err(failure) if failure.is_interruption() => Ok(()),
        outcome => outcome,
    }
}

fn start_and_watch(data: Data, signals: &Signals) -> Outcome {
    let began = Instant::now();
    leftovers::refuse_second()?;
    let settings = Settings::load()?;
    leftovers::stop_all()?;
    settings.require_free_ports()?;
    if data == Data::Reset {
        reset()?;
    }
    let _record = leftovers::Record::write()?;
    let backing = start_servers_and_build(&settings, signals)?;
    let environment = settings.environment(&backing);
    prepare(&environment, signals)?;
    let logins = demo_logins(&environment)?;
    let mut children = Children::start(&procfile::read()?, &environment)?;
    let ended = ready::wait(&mut children, &settings, signals).and_then(|()| {
        welcome::print(&settings, &backing, &logins);
        eprintln!("── ready after {:.1} s; Ctrl-C stops everything", began.elapsed().as_secs_f32());
        watch(&mut children, signals)
    });
    eprintln!("── stopping");
    children.stop(signals);
    drop(backing);
    ended
}

/// The two slow things, side by side.
fn start_servers_and_build(settings: &Settings, signals: &Signals) -> Outcome<Backing> {
    thread::scope(|scope| {
        let backing = scope.spawn(|| Backing::start(settings));
        let packages = ["web", "worker", "bookflow"].iter().flat_map(|name| ["--package", name]);
        let arguments: Vec<&str> = ["build"].into_iter().chain(packages).collect();
        let built = finish(cargo(&arguments), signals);
        let backing = backing.join().map_err(|_| Failure::said("starting the servers panicked"))?;
        built.and(backing)
    })
}

fn prepare(environment: &[(String, String)], signals: &Signals) -> Outcome {
    fs::create_dir_all(folder().join("mail")).map_err(Failure::said)?;
    // It may name a server of the user's own, with a password.
    let env = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder().join("env"));
    env.and_then(|mut file| file.write_all(shell_variables(environment).as_bytes())).map_err(Failure::said)?;
    finish(bookflow(&["migrate"], environment), signals)
}

/// Lines that a shell can read, for `bookflow` beside what runs.
fn shell_variables(environment: &[(String, String)]) -> String {
    let line = |(name, value): &(String, String)| format!("{name}='{}'", value.replace('\'', r"'\''"));
    environment.iter().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// The demo logins; none in a database that is not this machine's, whose readers must not meet well-known passwords.
fn demo_logins(environment: &[(String, String)]) -> Outcome<Vec<Login>> {
    if let Ok(seeded) = output(bookflow(&["seed", "--json"], environment)) {
        return logins(&seeded);
    }
    eprintln!("── no demo logins here; `bookflow users create-admin` makes one of your own");
    Ok(Vec::new())
}

fn bookflow(arguments: &[&str], environment: &[(String, String)]) -> Command {
    let mut bookflow = command(workspace::program("bookflow"));
    bookflow.args(arguments).envs(environment.iter().cloned());
    bookflow
}

/// Returns when a child has ended, as an error, or when a signal asks to stop.
fn watch(children: &mut Children, signals: &Signals) -> Outcome {
    loop {
        if signals.next(Duration::from_millis(100)).is_some() {
            return Ok(());
        }
        children.require_all_running()?;
    }
}

/// Removes the private servers' data and the mails; never anything behind a DATABASE_URL or REDIS_URL of the user's.
fn reset() -> Outcome {
    for name in backing::NAMES {
        let dir = servers::data_dir(&folder().join(name))?;
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(|error| Failure::said(format!("{}: {error}", dir.display())))?;
            eprintln!("── removed {}", dir.display());
        }
    }
    let mails = folder().join("mail");
    if mails.exists() {
        fs::remove_dir_all(&mails).map_err(Failure::said)?;
    }
    Ok(())
}

/// How long a child may take to end in order: more than the 25 s that SHUTDOWN_GRACE gives it by default.
const CHILD_GRACE: Duration = Duration::from_secs(30);
const CHILD_SIGNAL: Signal = Signal::Terminate;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_each_variable_as_it_is() {
        let value = "it's $HOME & <more>";
        let script = format!("{}printf %s \"$URL\"", shell_variables(&[("URL".to_owned(), value.to_owned())]));
        let read = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(read.stdout).unwrap(), value);
    }
}
