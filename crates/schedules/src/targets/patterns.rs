//! The command allow-list: the patterns of the configuration and those that were added by API.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use config::Schedules as Settings;
use kernel::{Problem, Result, kinds};
use sea_orm::FromQueryResult;
use store::{Sql, Tx};

use crate::problems::invalid;

/// The most patterns that can be added by API.
const MOST: i64 = 1000;
/// The longest command or pattern, in characters.
pub(crate) const LONGEST: usize = 200;
/// How many patterns a refusal names.
const NAMED: usize = 20;

/// A pattern of the allow-list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    /// `cmd.domain.action`, where `*` stands for a whole part.
    pub pattern: String,
    /// Who added it and when; nothing for one of the configuration.
    pub added: Option<Added>,
}

/// Who added a pattern, and when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Added {
    pub by: String,
    pub at: DateTime<Utc>,
}

/// The patterns that count.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowList(Vec<Pattern>);

impl AllowList {
    /// The whole list, in order. What the configuration names counts as its own, whoever added it as well.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn read(sql: &impl Sql, settings: &Settings) -> Result<Self> {
        let rows: Vec<Row> = sql.query("select pattern, created_by, created_at from command_patterns", []).await?;
        let added = rows.into_iter().map(|row| (row.pattern, Some(Added { by: row.created_by, at: row.created_at })));
        let configured = settings.command_allow_list.iter().map(|pattern| (pattern.clone(), None));
        let all: BTreeMap<String, Option<Added>> = added.chain(configured).collect();
        Ok(Self(all.into_iter().map(|(pattern, added)| Pattern { pattern, added }).collect()))
    }

    /// The patterns, in order.
    pub fn into_patterns(self) -> Vec<Pattern> {
        self.0
    }

    /// A list of the configuration's.
    #[cfg(test)]
    pub fn of(patterns: &[&str]) -> Self {
        Self(patterns.iter().map(|text| Pattern { pattern: (*text).to_owned(), added: None }).collect())
    }

    /// What to say of a command that no pattern allows.
    pub fn refusal(&self, command: &str) -> Option<String> {
        if self.0.iter().any(|allowed| matches(&allowed.pattern, command)) {
            return None;
        }
        let named: Vec<&str> = self.0.iter().take(NAMED).map(|allowed| allowed.pattern.as_str()).collect();
        let more = self.0.len().saturating_sub(NAMED);
        Some(match (named.is_empty(), more) {
            (true, _) => "is not allowed: the command allow-list is empty".to_owned(),
            (false, 0) => format!("is not on the command allow-list: {}", named.join(", ")),
            (false, more) => format!("is not on the command allow-list: {} and {more} more", named.join(", ")),
        })
    }
}

#[derive(FromQueryResult)]
struct Row {
    pattern: String,
    created_by: String,
    created_at: DateTime<Utc>,
}

/// Whether `text` has the shape `cmd.domain.action`.
pub(super) fn is_command(text: &str) -> bool {
    has_shape(text, is_part)
}

/// Whether `text` is a pattern of commands.
fn is_pattern(text: &str) -> bool {
    has_shape(text, |part| part == "*" || is_part(part))
}

fn has_shape(text: &str, is_part: fn(&str) -> bool) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    text.len() <= LONGEST && matches!(parts[..], ["cmd", domain, action] if is_part(domain) && is_part(action))
}

fn is_part(part: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    !part.is_empty() && part.bytes().all(known)
}

fn matches(pattern: &str, command: &str) -> bool {
    let (mut parts, mut words) = (pattern.split('.'), command.split('.'));
    loop {
        match (parts.next(), words.next()) {
            (None, None) => return true,
            (Some(part), Some(word)) if part == "*" || part == word => {}
            _ => return false,
        }
    }
}

/// Adds a pattern.
///
/// # Errors
/// `validation-failed` naming `/pattern`; `conflict` when it is on the list already, or when the list is full.
pub(crate) async fn add(tx: &Tx, settings: &Settings, (pattern, by): (&str, &str)) -> Result<Pattern> {
    if !is_pattern(pattern) {
        return Err(invalid("/pattern", "must be cmd.domain.action in a-z, 0-9, - and _, with * for a whole part"));
    }
    let conflict = |message: String| Err(Problem::new(&kinds::CONFLICT).field("/pattern", message));
    if settings.command_allow_list.iter().any(|configured| configured == pattern) {
        return conflict(format!("{pattern} is on the list: the configuration names it"));
    }
    tx.run("lock table command_patterns in share row exclusive mode", []).await?;
    let count: Option<i64> = tx.scalar("select count(*) from command_patterns", []).await?;
    if count.unwrap_or_default() >= MOST {
        return conflict(format!("there are {MOST} patterns, and no more can be added"));
    }
    if tx.run(ADD, [pattern.into(), by.into(), tx.now().into()]).await? == 0 {
        return conflict(format!("{pattern} is on the list"));
    }
    Ok(Pattern { pattern: pattern.to_owned(), added: Some(Added { by: by.to_owned(), at: tx.now() }) })
}

const ADD: &str =
    "insert into command_patterns (pattern, created_by, created_at) values ($1, $2, $3) on conflict do nothing";

/// Takes a pattern off the list: from now on it allows nothing, waiting runs included.
///
/// # Errors
/// `not-found`; `conflict` for one that the configuration names.
pub(crate) async fn remove(tx: &Tx, settings: &Settings, pattern: &str) -> Result<Pattern> {
    if settings.command_allow_list.iter().any(|configured| configured == pattern) {
        let detail = format!("the configuration names {pattern} (COMMAND_ALLOW_LIST); it cannot be removed by API");
        return Err(Problem::new(&kinds::CONFLICT).detail(detail));
    }
    let gone: Option<Row> = if is_pattern(pattern) { tx.query_opt(REMOVE, [pattern.into()]).await? } else { None };
    let gone = gone.ok_or_else(|| Problem::new(&kinds::NOT_FOUND).detail("no such pattern is on the list"))?;
    Ok(Pattern { pattern: gone.pattern, added: Some(Added { by: gone.created_by, at: gone.created_at }) })
}

const REMOVE: &str = "delete from command_patterns where pattern = $1 returning pattern, created_by, created_at";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_three_parts_in_small_letters() {
        for good in ["cmd.billing.close", "cmd.b-1.close_day", "cmd.0.-"] {
            assert!(is_command(good) && is_pattern(good), "{good}");
        }
        let long = format!("cmd.a.{}", "x".repeat(LONGEST));
        for bad in
            ["", "cmd", "cmd.a", "cmd.a.", "cmd..b", "cmd.a.b.c", "run.a.b", "cmd.A.b", "cmd.a.b ", "cmd.ä.b", &long]
        {
            assert!(!is_command(bad) && !is_pattern(bad), "{bad}");
        }
        assert!(!is_command("cmd.a.*") && is_pattern("cmd.a.*") && is_pattern("cmd.*.*"));
        assert!(!is_pattern("cmd.a.b*") && !is_pattern("*.a.b") && !is_pattern("cmd.*"));
    }

    #[test]
    fn a_star_stands_for_one_whole_part() {
        let allowed = AllowList::of(&["cmd.billing.*", "cmd.*.ping", "cmd.report.build"]);
        for good in ["cmd.billing.close", "cmd.report.ping", "cmd.report.build"] {
            assert_eq!(allowed.refusal(good), None, "{good}");
        }
        let refusal = allowed.refusal("cmd.report.drop").unwrap();
        assert_eq!(refusal, "is not on the command allow-list: cmd.billing.*, cmd.*.ping, cmd.report.build");
        assert!(AllowList::of(&[]).refusal("cmd.a.b").unwrap().contains("empty"));
        let many: Vec<String> = (0..23).map(|n| format!("cmd.a.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(AllowList::of(&many).refusal("cmd.a.b").unwrap().ends_with("cmd.a.19 and 3 more"));
    }
}
