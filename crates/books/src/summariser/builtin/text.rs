//! A description as numbered sentences with what their wording gives away.

use segtok::segmenter::{SegmentConfig, split_single};

/// What a sentence is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Tells what the book says.
    Content,
    /// Tells what others hold against it.
    Criticism,
    /// Tells whom it serves, or what it still means.
    Audience,
}

/// One sentence of the description.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// Its words, as they stand.
    pub text: String,
    /// Its paragraph, from 0.
    pub paragraph: usize,
    /// Whether its paragraph begins with it.
    pub opens: bool,
    /// What it is good for.
    pub role: Role,
}

impl Sentence {
    /// Whether its first word points back to the sentence before.
    pub fn leans_back(&self) -> bool {
        let first = self.text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        const BACKWARD: [&str; 22] = [
            "He",
            "She",
            "It",
            "They",
            "His",
            "Her",
            "Its",
            "Their",
            "This",
            "That",
            "These",
            "Those",
            "Such",
            "Both",
            "Yet",
            "But",
            "However",
            "Then",
            "Thus",
            "Therefore",
            "Here",
            "Another",
        ];
        BACKWARD.contains(&first) && !self.text.starts_with("Those who")
    }

    /// Whether it says something that could be checked: a number, or a word of observing.
    pub fn shows_evidence(&self) -> bool {
        const WORDS: [&str; 22] = [
            "experiment",
            "observ",
            "example",
            "evidence",
            "estimate",
            "compar",
            "trace",
            "record",
            "measure",
            "document",
            "witness",
            "statistic",
            "figures",
            "case",
            "drawn from",
            "material",
            "histor",
            "survey",
            "proof",
            "prove",
            "illustrat",
            "demonstrat",
        ];
        self.text.contains(|c: char| c.is_ascii_digit()) || mentions(&self.text, &WORDS)
    }
}

/// Splits `description` into sentences; paragraphs are separated by line breaks.
pub fn sentences(description: &str) -> Vec<Sentence> {
    let paragraphs: Vec<&str> = description.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut sentences = Vec::new();
    for (paragraph, text) in paragraphs.iter().enumerate() {
        let told = split_single(text, SegmentConfig::default()).into_iter().filter(|text| is_told(text));
        sentences.extend(told.enumerate().map(|(place, text)| Sentence {
            text: tidy(&text),
            paragraph,
            opens: place == 0,
            role: Role::Content,
        }));
    }
    // A description turns from the book to its readers at its end, if at all.
    let end = sentences.len().saturating_sub(1);
    for (place, sentence) in sentences.iter_mut().enumerate() {
        if sentence.paragraph + 1 == paragraphs.len() && (paragraphs.len() > 1 || place == end) {
            sentence.role = role(&sentence.text);
        }
    }
    sentences
}

/// Long enough to mean something, short enough to be a sentence.
fn is_told(text: &str) -> bool {
    (4..=90).contains(&text.split_whitespace().count()) && text.chars().count() <= 1000
}

fn tidy(text: &str) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !text.ends_with(['.', '!', '?', '"', '”', '’', ')', '…']) {
        text.push('.');
    }
    text
}

fn role(text: &str) -> Role {
    const AUDIENCE: [&str; 32] = [
        "anyone",
        "anybody",
        "everybody",
        "readers who",
        "readers of",
        "readers will",
        "those who want",
        "those interested",
        "those who",
        "fans of",
        "beginners",
        "should read",
        "will find",
        "will discover",
        "will enjoy",
        "can still",
        "can study",
        "can use",
        "can read",
        "can consult",
        "can learn",
        "can take",
        "can test",
        "can follow",
        "can draw",
        "invites",
        "recommended",
        "ideal for",
        "perfect for",
        "it offers",
        "best way in",
        "excellent first",
    ];
    const CRITICISM: [&str; 38] = [
        "critic",
        "complain",
        "objected",
        "objection",
        "opponent",
        "mocked",
        "denounced",
        "disput",
        "historians",
        "scholars",
        "reviewers",
        "detractor",
        "weakest",
        "some find",
        "modern readers",
        "repellent",
        "questioned",
        "falsified",
        "silent about",
        "ridicul",
        "condemned",
        "debate",
        "accused",
        "doubted",
        "controvers",
        "dated",
        "replied",
        "interpreters",
        "feared",
        "sometimes object",
        "philosophers argue",
        "defects",
        "flaw",
        "underrated",
        "overstat",
        "exaggerat",
        "graver charge",
        "banned",
    ];
    if mentions(text, &AUDIENCE) {
        Role::Audience
    } else if mentions(text, &CRITICISM) {
        Role::Criticism
    } else {
        Role::Content
    }
}

/// Whether a word in `text` begins with one of `cues` (lower case); one that ends in a dot means that whole word, or its plural.
pub fn mentions(text: &str, cues: &[&str]) -> bool {
    let text = text.to_lowercase();
    cues.iter().any(|cue| {
        let stem = cue.trim_end_matches('.');
        text.match_indices(stem).any(|(at, _)| {
            let after = text[at + stem.len()..].strip_prefix('s').unwrap_or(&text[at + stem.len()..]);
            let ends = stem.len() == cue.len() || !after.starts_with(char::is_alphanumeric);
            ends && !text[..at].ends_with(char::is_alphanumeric)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_keep_their_paragraph_and_abbreviations_do_not_end_them() {
        let found =
            sentences("Dr. Watson tells the story of St. Ives. It is long enough.\n\nCritics complain about it a lot");
        let told: Vec<_> = found.iter().map(|s| (s.text.as_str(), s.paragraph, s.opens, s.role)).collect();
        assert_eq!(
            told,
            [
                ("Dr. Watson tells the story of St. Ives.", 0, true, Role::Content),
                ("It is long enough.", 0, false, Role::Content),
                ("Critics complain about it a lot.", 1, true, Role::Criticism),
            ]
        );
        assert!(found[1].leans_back() && !found[0].leans_back());
    }

    #[test]
    fn cues_stand_at_the_beginning_of_words() {
        assert!(mentions("The Critics agree", &["critic"]));
        assert!(!mentions("A diacritic mark", &["critic"]));
        assert!(mentions("Two wars", &["war."]) && !mentions("A warning", &["war."]));
    }
}
