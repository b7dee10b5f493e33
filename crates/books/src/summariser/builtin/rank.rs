//! Which sentences carry a text: by the term weights of YAKE.

use std::collections::{HashMap, HashSet};

use yake_rust::{Config, StopWords, get_n_best};

use super::text::Sentence;

/// Terms beyond these weigh next to nothing.
const TERMS: usize = 80;

/// The weight of each of `sentences`, higher is better.
pub fn scores(sentences: &[Sentence]) -> Vec<f64> {
    let text = sentences.iter().map(|sentence| sentence.text.as_str()).collect::<Vec<_>>().join(" ");
    let weights = weights(&text);
    sentences.iter().map(|sentence| score(sentence, &weights)).collect()
}

/// The terms of `text` with weights above 0. YAKE gives its best the lowest score.
fn weights(text: &str) -> HashMap<String, f64> {
    let stop_words = StopWords::predefined("en").unwrap_or_default();
    let config = Config { ngrams: 1, only_alphanumeric_and_hyphen: true, ..Config::default() };
    let items = get_n_best(TERMS, text, &stop_words, &config);
    let usable = items.into_iter().filter(|item| item.score.is_finite());
    usable.map(|item| (item.keyword, -item.score.clamp(1e-6, 0.999).ln())).collect()
}

/// The weights of its terms, damped so that long sentences do not win by length alone; first sentences lead.
fn score(sentence: &Sentence, weights: &HashMap<String, f64>) -> f64 {
    let terms: HashSet<String> = sentence
        .text
        .split(|c: char| !c.is_alphanumeric() && c != '-')
        .filter(|term| !term.is_empty())
        .map(str::to_lowercase)
        .collect();
    let sum: f64 = terms.iter().filter_map(|term| weights.get(term)).sum();
    let lead = if sentence.opens { 1.15 } else { 1.0 };
    lead * sum / (terms.len() as f64).max(6.0).sqrt()
}
