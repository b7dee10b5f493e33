//! A reader's words as a full-text query whose last word may be unfinished.

/// The two parts of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// In the syntax of `websearch_to_tsquery`; may be empty.
    pub finished: String,
    /// A word of letters and digits that matches as a beginning, too; may be empty.
    pub unfinished: String,
}

impl Terms {
    /// Splits `text`. Quotes, exclusions and `or` are left to Postgres.
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        let whole = Self { finished: text.to_owned(), unfinished: String::new() };
        if text.contains('"') || text.split_whitespace().any(|word| word.eq_ignore_ascii_case("or")) {
            return whole;
        }
        let (finished, last) = text.rsplit_once(char::is_whitespace).unwrap_or(("", text));
        // One letter begins too many words to mean anything.
        if last.chars().count() < 2 || !last.chars().all(char::is_alphanumeric) {
            return whole;
        }
        Self { finished: finished.trim().to_owned(), unfinished: last.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (String, String) {
        let terms = Terms::of(text);
        (terms.finished, terms.unfinished)
    }

    #[test]
    fn the_last_plain_word_may_be_unfinished() {
        assert_eq!(split("  crime and  pun "), ("crime and".into(), "pun".into()));
        assert_eq!(split("plato"), (String::new(), "plato".into()));
        assert_eq!(split("élan"), (String::new(), "élan".into()));
    }

    #[test]
    fn operators_are_left_alone() {
        for text in ["\"the art", "plato OR soc", "war -peace", "d'Urberv", "a", "what?", "x:*", ""] {
            assert_eq!(split(text), (text.to_owned(), String::new()), "{text}");
        }
    }
}
