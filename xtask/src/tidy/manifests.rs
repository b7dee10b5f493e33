//! Rules about the packages' Cargo.toml.

use super::{Finding, Rule};

static WORKSPACE: Rule =
    Rule { name: "workspace-dependency", reason: "versions are chosen once, in the workspace's Cargo.toml" };
static LINTS: Rule =
    Rule { name: "workspace-lints", reason: "a package without `[lints] workspace = true` is checked by nobody" };

/// What breaks a rule in the Cargo.toml at `path`.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let finding = |line: usize, what: String, rule: &'static Rule| Finding { path: path.to_owned(), line, what, rule };
    let mut findings = Vec::new();
    let (mut section, mut has_lints) = ("", false);
    for (index, line) in text.lines().enumerate().map(|(index, line)| (index, line.trim())) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        } else if line.is_empty() || line.starts_with('#') {
            // nothing declared
        } else if section == "lints" {
            has_lints |= line == "workspace = true";
        } else if is_dependencies(section) && !from_workspace(line) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or(line);
            findings.push(finding(index + 1, format!("`{name}` does not say `workspace = true`"), &WORKSPACE));
        }
    }
    if !has_lints {
        findings.push(finding(1, "there is no `[lints] workspace = true`".to_owned(), &LINTS));
    }
    findings
}

/// `dependencies`, `dev-dependencies`, `build-dependencies`, also of one target.
fn is_dependencies(section: &str) -> bool {
    section.rsplit('.').next().is_some_and(|last| last == "dependencies" || last.ends_with("-dependencies"))
}

fn from_workspace(line: &str) -> bool {
    line.replace(' ', "").contains("workspace=true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_its_own_and_missing_lints_are_found() {
        let good = "[package]\nversion.workspace = true\n[lints]\nworkspace = true\n[dependencies]\n# why\na.workspace = true\n\
                    b = { workspace = true, features = [\"x\"] }\n";
        assert_eq!(check("Cargo.toml", good), []);
        let bad = "[target.'cfg(unix)'.dev-dependencies]\na.workspace = true\nb = \"1\"\n";
        let found: Vec<String> = check("crates/x/Cargo.toml", bad).iter().map(ToString::to_string).collect();
        assert!(found[0].starts_with("crates/x/Cargo.toml:3: workspace-dependency: `b` "), "{found:?}");
        assert!(found[1].starts_with("crates/x/Cargo.toml:1: workspace-lints: "), "{found:?}");
    }
}
