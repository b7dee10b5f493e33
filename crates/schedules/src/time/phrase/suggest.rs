//! What to say about a text outside the grammar: what was not understood, and phrases near it that are.

use std::collections::VecDeque;

use super::{Fail, PhraseError, Surplus, parser::parse, words};
use crate::time::zone::edits;

/// The most suggestions.
const MOST: usize = 3;
/// The most texts that are tried.
const MOST_TRIED: usize = 40;

/// Shown where nothing nearer is known.
const EXAMPLES: [&str; 3] =
    ["every weekday at 9am", "every 15 minutes between 9am and 5pm", "on the 1st of every month at 08:00"];

pub(super) fn examples() -> Vec<String> {
    EXAMPLES.map(str::to_owned).to_vec()
}

/// The error for a text on which the parser failed.
pub(super) fn explain(tokens: &[String], fail: Fail) -> PhraseError {
    let mut found: Vec<String> = Vec::new();
    let mut tries = VecDeque::from([nearby(tokens, &fail), without_rest(tokens, &fail)].concat());
    let mut tried = 0;
    while let Some(tokens) = tries.pop_front() {
        tried += 1;
        match parse(&tokens) {
            Ok(_) => {
                let text = text(&tokens);
                if !found.contains(&text) {
                    found.push(text);
                }
            }
            // There may be a second slip.
            Err(fail) if tried + tries.len() < MOST_TRIED => tries.extend(nearby(&tokens, &fail)),
            Err(_) => {}
        }
        if found.len() == MOST || tried == MOST_TRIED {
            break;
        }
    }
    let suggestions = if found.is_empty() { examples() } else { found };
    PhraseError { what: fail.what, suggestions }
}

/// The texts in which the place of the failure is mended in one way or another.
fn nearby(tokens: &[String], fail: &Fail) -> Vec<Vec<String>> {
    if fail.at > tokens.len() {
        return Vec::new();
    }
    let (before, rest) = tokens.split_at(fail.at);
    let mend = |instead: &str, replaced: usize| {
        let after = &rest[replaced.min(rest.len())..];
        before.iter().cloned().chain(words::tokens(instead)).chain(after.iter().cloned()).collect::<Vec<_>>()
    };
    let told = fail.instead.iter().map(|instead| mend(instead, fail.replaced));
    let misspelt = rest.first().map(|word| similar(word)).unwrap_or_default().into_iter().map(|word| mend(word, 1));
    told.chain(misspelt).collect()
}

/// The text without the word that is too many, or without all from there on.
fn without_rest(tokens: &[String], fail: &Fail) -> Vec<Vec<String>> {
    if fail.surplus == Surplus::No {
        return Vec::new();
    }
    let (before, rest) = tokens.split_at(fail.at.min(tokens.len()));
    vec![[before, rest.get(1..).unwrap_or_default()].concat(), before.to_vec()]
}

/// Words of the grammar that are spelled nearly so, the nearest first.
fn similar(word: &str) -> Vec<&'static str> {
    let most = if word.len() < 5 { 1 } else { 2 };
    if word.len() > 12 || word.bytes().any(|b| b.is_ascii_digit()) {
        return Vec::new();
    }
    let mut near: Vec<_> =
        words::vocabulary().filter(|known| known.len() > 2).map(|known| (edits(known, word), known)).collect();
    near.retain(|(edits, known)| (1..=most).contains(edits) && *edits < known.len().min(word.len()));
    near.sort_unstable();
    near.into_iter().map(|(_, known)| known).take(MOST).collect()
}

/// As a person would write it: zones in their own spelling.
fn text(tokens: &[String]) -> String {
    let body = tokens.iter().position(|token| token == "in").map_or(tokens.len(), |at| at + 1);
    let zone = parse(tokens).ok().and_then(|phrase| phrase.zone);
    let words = match zone {
        Some(zone) => tokens[..body].iter().cloned().chain([zone.name().to_owned()]).collect(),
        None => tokens.to_vec(),
    };
    words.join(" ").replace(" , ", ", ").replace(" - ", "-")
}
