//! Rules about Rust files.

use std::path::Path;

use super::{Finding, Rule};

const LONGEST: usize = 400;
const VAGUE: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"];
/// Written in two halves, so that these lines do not find themselves.
const UNFINISHED: [&str; 5] = [
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("#[ig", "nore"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
const ENVIRONMENT: [&str; 2] = [concat!("env::", "var"), concat!("env::", "set_var")];
/// `config` reads the environment for everyone; the others never ship.
const READERS: [&str; 5] = ["crates/config/", "crates/servers/", "crates/testkit/", "crates/it/", "xtask/"];

static OPENING: Rule = Rule {
    name: "module-doc",
    reason: "the first line of a file says in a sentence what it is for, or it is for too much",
};
static LENGTH: Rule =
    Rule { name: "file-length", reason: "a file of more than 400 lines, tests aside, does several things" };
static NAME: Rule =
    Rule { name: "vague-name", reason: "such a name collects whatever has no better place; name what it does" };
static FINISHED: Rule = Rule { name: "unfinished", reason: "what is committed works; what is left to do is an issue" };
static SETTINGS: Rule = Rule {
    name: "environment",
    reason: "every variable is declared in crates/config, where it gets its documentation and its check",
};

/// What breaks a rule in the Rust file at `path`.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let finding = |line: usize, what: String, rule: &'static Rule| Finding { path: path.to_owned(), line, what, rule };
    let mut findings = Vec::new();
    if !text.starts_with("//! ") {
        findings.push(finding(1, "it does not open with `//! `".to_owned(), &OPENING));
    }
    let length = length_without_tests(text);
    if length > LONGEST && !is_test(path) {
        findings.push(finding(LONGEST, format!("{length} lines"), &LENGTH));
    }
    if let Some(name) = words(path).find(|name| VAGUE.contains(name)) {
        findings.push(finding(1, format!("`{name}`"), &NAME));
    }
    let may_read = is_test(path) || READERS.iter().any(|reader| path.starts_with(reader));
    for (index, line) in text.lines().enumerate() {
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
            findings.push(finding(index + 1, format!("`{word}`"), &FINISHED));
        }
        if index < length && reads_environment(line) && !may_read {
            findings.push(finding(index + 1, "it reads the environment".to_owned(), &SETTINGS));
        }
        if let Some(name) = inline_module(line).filter(|name| VAGUE.contains(name)) {
            findings.push(finding(index + 1, format!("`{name}`"), &NAME));
        }
    }
    findings
}

/// Lines up to the first module of unit tests.
fn length_without_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod "));
    tests.unwrap_or(lines.len())
}

/// Integration tests: they grow by cases, not by responsibilities.
fn is_test(path: &str) -> bool {
    path.starts_with("crates/it/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// The names of the folders and of the file.
fn words(path: &str) -> impl Iterator<Item = &str> {
    Path::new(path).iter().filter_map(|part| part.to_str()).map(|part| part.trim_end_matches(".rs"))
}

fn inline_module(line: &str) -> Option<&str> {
    let name = line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub ").strip_prefix("mod ")?;
    name.strip_suffix(" {")
}

fn reads_environment(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    ENVIRONMENT.iter().any(|call| code.contains(call))
}

/// Whether `word` stands in `line`, not as a part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(letter) && !after.is_some_and(letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        check(path, text).iter().map(|finding| (finding.line, finding.rule.name)).collect()
    }

    #[test]
    fn a_file_opens_with_a_sentence() {
        assert_eq!(rules("crates/x/src/a.rs", "//! Words.\n"), []);
        assert_eq!(rules("crates/x/src/a.rs", "// Words.\n"), [(1, "module-doc")]);
        assert_eq!(rules("crates/x/src/a.rs", ""), [(1, "module-doc")]);
    }

    #[test]
    fn a_file_has_400_lines_at_most_and_its_tests_do_not_count() {
        let lines = |count: usize| format!("//! Words.\n{}", "a\n".repeat(count - 1));
        assert_eq!(rules("crates/x/src/a.rs", &lines(400)), []);
        assert_eq!(rules("crates/x/src/a.rs", &lines(401)), [(400, "file-length")]);
        assert_eq!(rules("crates/it/tests/it/lane.rs", &lines(401)), []);
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(400), "a\n".repeat(400));
        assert_eq!(rules("crates/x/src/a.rs", &tested), []);
    }

    #[test]
    fn vague_names_are_found_in_paths_and_in_code() {
        assert_eq!(rules("crates/x/src/utils.rs", "//! Words.\n"), [(1, "vague-name")]);
        assert_eq!(rules("crates/common/src/lib.rs", "//! Words.\n"), [(1, "vague-name")]);
        assert_eq!(rules("crates/x/src/a.rs", "//! Words.\npub mod helpers {\n"), [(2, "vague-name")]);
        assert_eq!(rules("crates/x/src/utilisation.rs", "//! Words.\n"), []);
    }

    #[test]
    fn unfinished_work_is_found_as_a_whole_word() {
        for word in UNFINISHED {
            let text = format!("//! Words.\n    {word}\n");
            assert_eq!(rules("crates/x/src/a.rs", &text), [(2, "unfinished")], "{word}");
        }
        let longer = format!("//! Words.\nlet {}X = 1;\n", concat!("XX", "X"));
        assert_eq!(rules("crates/x/src/a.rs", &longer), []);
    }

    #[test]
    fn only_config_and_what_never_ships_reads_the_environment() {
        let text = format!("//! Words.\nlet a = std::{}(\"A\");\n// {}\n", ENVIRONMENT[0], ENVIRONMENT[0]);
        assert_eq!(rules("crates/books/src/a.rs", &text), [(2, "environment")]);
        assert_eq!(rules("crates/config/src/a.rs", &text), []);
    }
}
