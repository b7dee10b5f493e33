//! The rule about names in the OpenAPI document: of two types with one name it would show one in both places, silently.

use std::collections::BTreeMap;

use super::{Finding, Rule};

static NAME: Rule = Rule {
    name: "schema-name",
    reason: "two types of this name are one in the OpenAPI document: give one another, with `#[schema(as = …)]`",
};

/// The types that the document may show, by name, with where the first one stands.
#[derive(Default)]
pub struct Schemas(BTreeMap<String, String>);

impl Schemas {
    /// Notes the types of a Rust file; what breaks the rule.
    pub fn check(&mut self, path: &str, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (line, name) in names(text) {
            let first = self.0.entry(name.clone()).or_insert_with(|| path.to_owned());
            if first != path {
                let what = format!("`{name}` is in {first} too");
                findings.push(Finding { path: path.to_owned(), line, what, rule: &NAME });
            }
        }
        findings
    }
}

/// The types that derive `ToSchema`, by the name that they have in the document, with their lines.
fn names(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut shown, mut renamed) = (Vec::new(), false, None);
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.starts_with("#[derive(") {
            (shown, renamed) = (line.contains("ToSchema"), None);
        } else if let Some((_, name)) = line.split_once("schema(as = ") {
            renamed = name.split([',', ')']).next().map(str::to_owned);
        } else if let Some(name) = type_name(line) {
            if shown {
                found.push((index + 1, renamed.take().unwrap_or_else(|| name.to_owned())));
            }
            shown = false;
        }
    }
    found
}

fn type_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub").map_or(line, |rest| rest.trim_start_matches(|c| c != ' ').trim_start());
    let name = line.strip_prefix("struct ").or_else(|| line.strip_prefix("enum "))?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_types_of_one_name_are_found_unless_one_is_renamed() {
        let shown = "#[derive(Debug, Serialize, ToSchema)]\n#[serde(untagged)]\npub(crate) enum Status {\n";
        let renamed = shown.replace("#[serde(untagged)]", "#[schema(as = TaskStatus, example = 1)]");
        let hidden = "#[derive(Debug)]\nstruct Status;\n";
        let mut schemas = Schemas::default();
        for (path, text) in [("a.rs", shown), ("b.rs", renamed.as_str()), ("c.rs", hidden)] {
            assert!(schemas.check(path, text).is_empty(), "{path}");
        }
        let found = schemas.check("d.rs", shown);
        assert_eq!((found.len(), found[0].line), (1, 3));
        assert_eq!(schemas.check("e.rs", &renamed).len(), 1);
    }
}
