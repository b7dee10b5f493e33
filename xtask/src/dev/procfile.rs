//! The Procfile: which processes there are. `dev` runs the built program where a line says `cargo run`.

use std::fs;
use std::path::PathBuf;

use crate::failure::{Failure, Outcome};
use crate::workspace;

/// One process: its name and its program with arguments.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub program: PathBuf,
    pub arguments: Vec<String>,
}

/// Reads the workspace's Procfile.
pub fn read() -> Outcome<Vec<Entry>> {
    let text = fs::read_to_string(workspace::root().join("Procfile"));
    parse(&text.map_err(|error| Failure::said(format!("Procfile: {error}")))?)
}

fn parse(text: &str) -> Outcome<Vec<Entry>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let entries = lines.map(|(index, line)| {
        let entry = line.split_once(':').map(|(name, command)| entry(name.trim(), command.trim()));
        entry.ok_or_else(|| Failure::said(format!("Procfile line {} is not `name: command`", index + 1)))
    });
    entries.collect()
}

fn entry(name: &str, command: &str) -> Entry {
    let words: Vec<&str> = command.split_whitespace().collect();
    let built = words.starts_with(&["cargo", "run"]).then(|| words.iter().position(|word| *word == "--bin")).flatten();
    let (program, arguments) = match built.and_then(|at| words.get(at + 1)) {
        Some(binary) => {
            let after = words.iter().skip_while(|word| **word != "--").skip(1);
            (workspace::program(binary), after.map(|word| (*word).to_owned()).collect())
        }
        None => (PathBuf::from("sh"), vec!["-c".to_owned(), format!("exec {command}")]),
    };
    Entry { name: name.to_owned(), program, arguments }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_runs_through_cargo_becomes_the_built_program() {
        let entries = parse("# processes\nweb: cargo run --quiet --bin web -- --one two\n\nclock: sleep 5\n").unwrap();
        assert_eq!((entries[0].name.as_str(), entries[1].name.as_str()), ("web", "clock"));
        assert_eq!(entries[0].program, workspace::program("web"));
        assert_eq!(entries[0].arguments, ["--one", "two"]);
        assert_eq!(entries[1].arguments, ["-c", "exec sleep 5"]);
        assert!(parse("web cargo run\n").is_err());
    }

    #[test]
    fn the_procfile_runs_both_processes() {
        let names: Vec<String> = read().unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["web", "worker"]);
    }
}
