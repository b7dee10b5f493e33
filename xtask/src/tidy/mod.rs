//! `cargo xtask tidy`: the rules of this project that neither the compiler nor clippy knows, each with its reason.

mod evidence;
mod layers;
mod manifests;
mod schemas;
mod sources;

use std::fmt;
use std::fs;
use std::path::Path;

use crate::failure::{Failure, Outcome};
use crate::workspace;

/// A rule and why it exists.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    name: &'static str,
    reason: &'static str,
}

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    path: String,
    line: usize,
    what: String,
    rule: &'static Rule,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { path, line, what, rule } = self;
        write!(f, "{path}:{line}: {}: {what} ({})", rule.name, rule.reason)
    }
}

static SHORT_ARCHITECTURE: Rule = Rule {
    name: "architecture-length",
    reason: "an ARCHITECTURE.md of more than 200 lines is not read, and then not true",
};

/// Prints what breaks a rule, and fails if anything does.
pub fn run() -> Outcome {
    let findings = findings(workspace::root())?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => Err(Failure::said(format!("tidy found {count} of them"))),
    }
}

/// Everything in the workspace at `root` that breaks a rule.
fn findings(root: &Path) -> Outcome<Vec<Finding>> {
    let mut findings = layers::check(root)?;
    let mut schemas = schemas::Schemas::default();
    let mut tests = evidence::Tests::default();
    for path in files(root)? {
        let text = fs::read(root.join(&path)).map_err(|error| Failure::said(format!("{path}: {error}")))?;
        let text = String::from_utf8_lossy(&text);
        match Path::new(&path).extension().and_then(|extension| extension.to_str()) {
            Some("rs") => {
                findings.extend(sources::check(&path, &text));
                findings.extend(schemas.check(&path, &text));
                tests.read(&path, &text);
            }
            Some("toml") if path.ends_with("/Cargo.toml") => findings.extend(manifests::check(&path, &text)),
            _ => {}
        }
    }
    for path in evidence::DOCUMENTS {
        let text = fs::read_to_string(root.join(path)).map_err(|error| Failure::said(format!("{path}: {error}")))?;
        findings.extend(tests.check(path, &text));
    }
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    findings.extend(check_architecture(&architecture));
    Ok(findings)
}

fn check_architecture(text: &str) -> Option<Finding> {
    let what = match text.lines().count() {
        0 => "it is missing".to_owned(),
        1..=200 => return None,
        count => format!("it has {count} lines"),
    };
    Some(Finding { path: "ARCHITECTURE.md".to_owned(), line: 1, what, rule: &SHORT_ARCHITECTURE })
}

/// The packages' files, relative to `root`, in order.
fn files(root: &Path) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for folder in ["bins", "crates", "migrations", "xtask"] {
        collect(root, &root.join(folder), &mut found).map_err(Failure::said)?;
    }
    found.sort();
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, found)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            found.push(relative.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let findings: Vec<String> = findings(workspace::root()).unwrap().iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }

    #[test]
    fn a_long_or_missing_architecture_is_found() {
        assert_eq!(check_architecture(&"line\n".repeat(200)), None);
        let finding = check_architecture(&"line\n".repeat(201)).unwrap().to_string();
        assert!(finding.starts_with("ARCHITECTURE.md:1: architecture-length: it has 201 lines ("), "{finding}");
        assert!(check_architecture("").is_some());
    }
}
