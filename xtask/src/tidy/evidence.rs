//! The tests that a document names as evidence exist.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Finding, Rule};

/// The documents; in them everything in backticks with `::` in it is the path of a test.
pub const DOCUMENTS: [&str; 1] = ["docs/security.md"];

static NAMED_TEST: Rule = Rule {
    name: "named-test",
    reason: "what a document claims is shown by a test; one that was renamed or removed shows nothing",
};

/// Where each test of the workspace stands, by name.
#[derive(Default)]
pub struct Tests(BTreeMap<String, Vec<Vec<String>>>);

impl Tests {
    /// Remembers the tests of the Rust file at `path`.
    pub fn read(&mut self, path: &str, text: &str) {
        let modules = modules(path);
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some(name) = function(line)
                && std::mem::take(&mut is_test)
            {
                self.0.entry(name.to_owned()).or_default().push(modules.clone());
            }
        }
    }

    /// What the document at `path` names and nobody has.
    pub fn check(&self, path: &str, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let quoted = line.split('`').skip(1).step_by(2);
            for name in quoted.filter(|quoted| quoted.contains("::") && !self.has(quoted)) {
                let what = format!("there is no test `{name}`");
                findings.push(Finding { path: path.to_owned(), line: index + 1, what, rule: &NAMED_TEST });
            }
        }
        findings
    }

    fn has(&self, named: &str) -> bool {
        let mut path: Vec<&str> = named.split("::").collect();
        let places = path.pop().and_then(|name| self.0.get(name));
        path.retain(|module| *module != "tests");
        places.is_some_and(|places| places.iter().any(|place| place == &path))
    }
}

/// The crate and the modules of the file at `path`. Modules of tests are left out: that they are tests is known.
fn modules(path: &str) -> Vec<String> {
    let parts = Path::new(path).iter().filter_map(|part| part.to_str());
    let parts = parts.map(|part| part.trim_end_matches(".rs"));
    let left_out = ["crates", "bins", "src", "tests", "mod", "lib", "main"];
    let mut modules: Vec<String> = parts.filter(|part| !left_out.contains(part)).map(str::to_owned).collect();
    modules.dedup(); // crates/it/tests/it
    modules
}

/// The name of the function that begins in `line`.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split('(').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests() -> Tests {
        let mut tests = Tests::default();
        let text = "fn plain() {}\n    #[test]\n    fn one_is_one() {}\n#[tokio::test(flavor = \"x\")]\n// why\nasync fn two() {}\n";
        tests.read("crates/it/tests/it/http/mod.rs", text);
        tests.read("crates/edge/src/page/tests.rs", text);
        tests
    }

    #[test]
    fn a_test_is_found_by_its_path() {
        for good in ["it::http::one_is_one", "it::http::two", "edge::page::two", "edge::page::tests::two"] {
            assert!(tests().has(good), "{good}");
        }
        for bad in ["it::http::plain", "it::two", "edge::http::two", "two", "it::http::three"] {
            assert!(!tests().has(bad), "{bad}");
        }
    }

    #[test]
    fn a_test_that_is_gone_is_found_with_its_line() {
        let document = "Words.\nSee `it::http::two` and `it::http::gone`, `plain` and `deny.toml`.\n";
        let findings: Vec<String> = tests().check("docs/x.md", document).iter().map(ToString::to_string).collect();
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].starts_with("docs/x.md:2: named-test: there is no test `it::http::gone` ("),
            "{findings:?}"
        );
    }
}
