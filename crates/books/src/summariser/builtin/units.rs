//! Units: one sentence, or two where the second leans on the first. They are what a summary quotes, so that nothing
//! begins with a "he" that nobody knows.

use super::text::{Role, Sentence, mentions};

const MOST_CHARS: usize = 700;

/// A thought of the description, in its own words.
#[derive(Clone, Debug)]
pub struct Unit {
    /// One or two sentences.
    pub text: String,
    /// The first of them.
    pub first: String,
    /// Its paragraph, from 0.
    pub paragraph: usize,
    /// What it is good for.
    pub role: Role,
    /// Whether it says something that could be checked.
    pub evidence: bool,
    /// Its weight, higher is better.
    pub score: f64,
    sentences: usize,
}

/// The units of `sentences`, in their order; `scores` are the weights of the sentences.
pub fn units(sentences: &[Sentence], scores: &[f64]) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for (sentence, &score) in sentences.iter().zip(scores) {
        match units.last_mut().filter(|last| joins(last, sentence)) {
            Some(last) => {
                last.text = format!("{} {}", last.text, sentence.text);
                last.score = last.score.max(score);
                last.evidence |= sentence.shows_evidence();
                last.sentences += 1;
            }
            None => units.push(Unit {
                text: sentence.text.clone(),
                first: sentence.text.clone(),
                paragraph: sentence.paragraph,
                role: sentence.role,
                evidence: sentence.shows_evidence(),
                score,
                sentences: 1,
            }),
        }
    }
    units
}

fn joins(unit: &Unit, sentence: &Sentence) -> bool {
    sentence.leans_back()
        && unit.paragraph == sentence.paragraph
        && unit.role == sentence.role
        && unit.sentences < 2
        && unit.text.chars().count() + sentence.text.chars().count() < MOST_CHARS
}

impl Unit {
    /// Its first clause, when that can stand alone.
    pub fn clause(&self) -> Option<&str> {
        if self.first.ends_with('?') {
            return None; // a question is no statement
        }
        let end = self.first.find([',', ';', ':', '(', '—', '.', '?', '!'])?;
        let clause = [
            " because ",
            " so that ",
            " which ",
            " although ",
            " whereas ",
            " while ",
            " who ",
            " and he ",
            " and she ",
        ]
        .iter()
        .filter_map(|joint| self.first[..end].find(joint))
        .min()
        .map_or(&self.first[..end], |cut| &self.first[..cut]);
        let words: Vec<&str> = clause.split(' ').collect();
        ((4..=11).contains(&words.len()) && !begins_badly(words[0]) && !ends_badly(words[words.len() - 1]))
            .then_some(clause)
    }

    /// A few words that name it.
    pub fn title(&self) -> String {
        if let Some(clause) = self.clause() {
            return clause.to_owned();
        }
        let lead = self.first.split([',', ';', ':']).next().unwrap_or_default();
        let lead = if lead.split(' ').count() < 3 { &self.first } else { lead };
        let words: Vec<&str> = lead.trim_end_matches(['.', '?', '!']).split(' ').collect();
        let mut kept = &words[..words.len().min(9)];
        while let [start @ .., last] = kept
            && kept.len() > 3
            && ends_badly(last)
        {
            kept = start;
        }
        format!("{} …", kept.join(" ").trim_end_matches([',', ';', ':']))
    }

    /// Whether it has one of `cues`.
    pub fn says(&self, cues: &[&str]) -> bool {
        mentions(&self.text, cues)
    }
}

/// Words after which a clause waits for another one, or points back.
fn begins_badly(word: &str) -> bool {
    const WORDS: [&str; 46] = [
        "After", "Although", "Among", "Against", "Around", "Anyone", "As", "At", "Because", "Before", "By", "Even",
        "During", "For", "From", "Given", "He", "Here", "His", "Her", "If", "In", "It", "Its", "Near", "Next", "Of",
        "On", "Once", "Not", "Over", "She", "Since", "Such", "Sent", "That", "Their", "They", "This", "Those", "To",
        "Under", "Unlike", "When", "While", "With",
    ];
    WORDS.contains(&word) || word.ends_with("ing") || (word.ends_with("ed") && word.len() > 4)
}

fn ends_badly(word: &str) -> bool {
    const WORDS: [&str; 16] =
        ["a", "the", "of", "in", "to", "with", "that", "is", "was", "are", "by", "for", "as", "such", "or", "than"];
    WORDS.contains(&word)
}
