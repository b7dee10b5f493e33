//! Answers on standard output: aligned tables and sentences, or JSON.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write as _},
};

use chrono::{DateTime, SecondsFormat, Utc};
use kernel::Result;
use serde::Serialize;

/// Where answers go.
#[derive(Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// JSON when `json`, else text.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether answers are JSON.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints `value` as JSON, or what `text` makes of it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn print<T: Serialize + ?Sized>(self, value: &T, text: impl FnOnce(&T) -> String) -> Result<()> {
        let shown = if self.json { serde_json::to_string_pretty(value)? } else { text(value) };
        write(shown.trim_end())
    }
}

/// Prints `text`, whatever was asked for.
///
/// # Errors
/// As [`Output::print`].
pub fn write(text: &str) -> Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        // The reader of a pipe has seen enough (`bookflow jobs list | head`).
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Prints `words` on standard error.
pub fn complain(words: &dyn Display) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{words}");
}

/// Columns under their headings, as wide as their widest cell; the last one is not padded.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(|heading| heading.chars().count());
    for (column, width) in widths.iter_mut().enumerate() {
        let widest = rows.iter().map(|row| row[column].chars().count()).max();
        *width = (*width).max(widest.unwrap_or(0));
    }
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(headings)];
    lines.extend(rows.iter().map(|row| line(row.each_ref().map(String::as_str))));
    lines.join("\n")
}

/// An instant, to the second.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A value, or a dash.
pub fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

/// One line of at most `most` characters.
pub fn shortened(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let rows = [["é".to_owned(), "x".to_owned()], ["abc".to_owned(), "y".to_owned()]];
        assert_eq!(table(["A", "B"], &rows), "A    B\né    x\nabc  y");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shortened("añ\nb c", 3), "añ …");
        assert_eq!(shortened("abc", 3), "abc");
    }
}
