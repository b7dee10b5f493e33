//! Which package may depend on which: arrows point strictly down.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;

use super::{Finding, Rule};
use crate::command::{cargo, output};
use crate::failure::{Failure, Outcome};

/// The layers, lowest first. A package may use those of lower layers only, never one of its own.
const LAYERS: [&[&str]; 10] = [
    &["kernel"],
    &["config", "migrations"],
    &["store", "gateways"],
    &["edge", "jobs"],
    &["audit", "notify"],
    &["schedules", "executions"],
    &["accounts"],
    &["books"],
    &["app"],
    &["web", "worker", "bookflow"],
];

/// Packages for development: they may use everything, and nothing that ships may use them.
const DEVELOPMENT: [&str; 6] = ["servers", "testkit", "it", "bench", "torture", "xtask"];

/// Libraries that only some packages may name.
const CONFINED: [(&str, &[&str]); 7] = [
    ("apalis", &["jobs", "schedules"]),
    ("apalis-core", &["jobs", "schedules"]),
    ("apalis-redis", &["jobs"]),
    ("apalis-cron", &["schedules"]),
    ("lettre", &["gateways"]),
    ("reqwest", &["gateways"]),
    ("dotenvy", &["config"]),
];

static LAYER: Rule = Rule {
    name: "layer",
    reason: "dependencies point strictly down, so that a change is felt only above it; the table is in xtask/src/tidy/layers.rs",
};
static CONFINEMENT: Rule = Rule {
    name: "confined-library",
    reason: "a library that one package wraps can be replaced there, and its quirks are handled once",
};

/// What `cargo metadata` says about a package.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or nothing for a normal one.
    kind: Option<String>,
    /// Set for packages of this workspace.
    path: Option<String>,
}

/// Compares the workspace with the tables.
pub fn check(root: &Path) -> Outcome<Vec<Finding>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let mut metadata = cargo(&["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]);
    metadata.arg(root.join("Cargo.toml")).stdin(Stdio::null());
    let metadata: Metadata = serde_json::from_str(&output(metadata)?).map_err(Failure::said)?;
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let manifest = fs::read_to_string(&package.manifest_path).map_err(Failure::said)?;
        let path = Path::new(&package.manifest_path);
        let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
        let broken = broken(package).into_iter().map(|(dependency, what, rule)| Finding {
            path: path.to_string(),
            line: line_of(&manifest, dependency),
            what,
            rule,
        });
        findings.extend(broken);
    }
    Ok(findings)
}

/// The dependencies that a package may not have: name, words and rule.
fn broken(package: &Package) -> Vec<(&str, String, &'static Rule)> {
    if DEVELOPMENT.contains(&package.name.as_str()) {
        return Vec::new();
    }
    let Some(own) = layer(&package.name) else {
        return vec![("name", format!("`{}` is in no layer", package.name), &LAYER)];
    };
    let shipped = package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
    let check = |dependency: &'_ Dependency| {
        let name = dependency.name.as_str();
        if dependency.path.is_some() && layer(name).is_none_or(|below| below >= own) {
            return Some((format!("`{}` may not use `{name}`", package.name), &LAYER));
        }
        let (_, allowed) = CONFINED.iter().find(|(library, _)| *library == name)?;
        let words = format!("only {} may use `{name}`", allowed.join(" and "));
        (!allowed.contains(&package.name.as_str())).then_some((words, &CONFINEMENT))
    };
    shipped
        .filter_map(|dependency| check(dependency).map(|(what, rule)| (dependency.name.as_str(), what, rule)))
        .collect()
}

fn layer(package: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&package))
}

/// The line of a manifest that starts with `name` as a whole word; the first line when none does.
fn line_of(manifest: &str, name: &str) -> usize {
    let starts = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    manifest.lines().position(starts).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>, Option<&str>)]) -> Package {
        let dependencies = dependencies.iter().map(|(name, kind, path)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
            path: path.map(str::to_owned),
        });
        Package { name: name.to_owned(), manifest_path: String::new(), dependencies: dependencies.collect() }
    }

    fn words(package: &Package) -> Vec<String> {
        broken(package).into_iter().map(|(_, what, _)| what).collect()
    }

    #[test]
    fn arrows_point_strictly_down_except_those_of_tests() {
        let ours = Some("/somewhere");
        let good =
            package("jobs", &[("store", None, ours), ("kernel", Some("build"), ours), ("testkit", Some("dev"), ours)]);
        assert!(words(&good).is_empty());
        for name in ["edge", "jobs", "schedules", "testkit", "unknown"] {
            assert_eq!(words(&package("jobs", &[(name, None, ours)])), [format!("`jobs` may not use `{name}`")]);
        }
        assert_eq!(words(&package("newcomer", &[])), ["`newcomer` is in no layer"]);
        assert!(words(&package("it", &[("app", None, ours), ("testkit", None, ours)])).is_empty());
    }

    #[test]
    fn a_confined_library_is_refused_elsewhere() {
        assert!(words(&package("jobs", &[("apalis-redis", None, None)])).is_empty());
        let found = words(&package("app", &[("apalis-redis", None, None), ("serde", None, None)]));
        assert_eq!(found, ["only jobs may use `apalis-redis`"]);
        assert!(words(&package("books", &[("reqwest", Some("dev"), None)])).is_empty());
    }

    #[test]
    fn a_finding_points_at_the_dependency() {
        let manifest = "[dependencies]\nserde_json.workspace = true\nserde = { workspace = true }\n";
        assert_eq!(line_of(manifest, "serde"), 3);
        assert_eq!(line_of(manifest, "tokio"), 1);
    }
}
