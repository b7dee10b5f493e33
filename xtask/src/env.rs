//! `cargo xtask env`: the documents made from the table of environment variables.

use std::fmt::Write as _;

use config::{VARS, Var};

use crate::failure::{Failure, Outcome};
use crate::generated::{Mode, keep, read};

const EXAMPLE: &str = ".env.example";
const README: &str = "README.md";
/// Procfile runners give each process a port of their own choosing, unless `.env` has one.
const ALWAYS_SET: &str = "PORT";
const BEGIN: &str = "<!-- env:begin -->";
const END: &str = "<!-- env:end -->";

/// Brings `.env.example` and README's table up to date, or checks that they are.
pub fn run(mode: Mode) -> Outcome {
    keep(mode, EXAMPLE, &example(VARS), "env")?;
    let readme = read(README)?;
    keep(mode, README, &with_table(&readme, VARS)?, "env")
}

/// `.env.example`: what is required is set, so that a copy works where Postgres and Redis listen on their usual ports;
/// everything else is a comment that shows the default.
fn example(vars: &[&Var]) -> String {
    let mut text = "# Copy to .env and edit. Made by `cargo xtask env` from the table in crates/config.\n".to_owned();
    let mut section = "";
    for var in vars {
        if var.section != section {
            section = var.section;
            let _ = write!(text, "\n## {section}\n");
        }
        let _ = writeln!(text, "\n# {}", var.doc);
        let off = if is_set(var) { "" } else { "# " };
        let value = quoted(var.default.or(var.example).unwrap_or_default());
        let _ = writeln!(text, "{off}{}={value}", var.name);
    }
    text
}

fn is_set(var: &Var) -> bool {
    var.name == ALWAYS_SET || var.example.is_some() && var.doc.contains("Required")
}

/// As shells and `.env` readers agree on it.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@,+%".contains(c);
    if value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{value}'")
}

fn with_table(readme: &str, vars: &[&Var]) -> Outcome<String> {
    let marks = readme.find(BEGIN).zip(readme.find(END)).filter(|(begin, end)| begin < end);
    let (begin, end) = marks.ok_or_else(|| Failure::said(format!("{README} lacks `{BEGIN}` and `{END}`")))?;
    Ok(format!("{}\n{}{}", &readme[..begin + BEGIN.len()], table(vars), &readme[end..]))
}

fn table(vars: &[&Var]) -> String {
    let mut text = "| Variable | Default | What it does |\n| --- | --- | --- |\n".to_owned();
    for var in vars {
        let default = var.default.filter(|default| !default.is_empty());
        let default = default.map_or_else(String::new, |default| format!("`{default}`"));
        let _ = writeln!(text, "| `{}` | {default} | {} |", var.name, var.doc.replace('|', "\\|"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn var(name: &'static str, default: Option<&'static str>, example: Option<&'static str>) -> Var {
        Var { name, doc: "Required. What | it does.", default, example, secret: false, section: "Core" }
    }

    static KEY: Var = var("KEY", None, Some("change me"));
    static PORT: Var = var("PORT", Some("10000"), None);
    static MODEL: Var = var("MODEL", Some("small"), None);
    static OFF: Var = var("OFF", None, None);

    #[test]
    fn the_example_sets_what_is_required_and_shows_the_other_defaults() {
        let text = example(&[&KEY, &PORT, &MODEL, &OFF]);
        assert_eq!(text.matches("## Core").count(), 1);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains('=')).collect();
        assert_eq!(lines, ["KEY='change me'", "PORT=10000", "# MODEL=small", "# OFF="]);
    }

    #[test]
    fn the_table_replaces_what_stands_between_the_marks_and_nothing_else() {
        let before = format!("# Title\n{BEGIN}\nold\n{END}\nafter\n");
        let after = with_table(&before, &[&PORT]).unwrap();
        assert!(
            after.starts_with("# Title\n") && after.ends_with(&format!("{END}\nafter\n")) && !after.contains("old")
        );
        assert!(after.contains("| `PORT` | `10000` | Required. What \\| it does. |"));
        assert_eq!(with_table(&after, &[&PORT]).unwrap(), after);
        assert!(with_table("no marks", &[&PORT]).is_err());
    }
}
