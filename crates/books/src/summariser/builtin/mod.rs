//! The built-in summariser: extractive. It ranks the sentences of the catalogue's description and sorts them into the
//! places of a summary; it adds nothing but the frame around them, and needs no key, no model and no network.

mod compose;
mod rank;
mod text;
mod themes;
mod units;

use kernel::{Problem, Result};

use self::compose::Material;
use crate::{catalogue::Book, problems, summary::Content};

/// What it calls itself.
pub const ENGINE: &str = "built-in extractive";
/// Beyond this a description is cut: ranking is quadratic in places.
const MOST_CHARS: usize = 20_000;

/// Summarises the description of `book`. Takes a few milliseconds of computing.
///
/// # Errors
/// `too-little-to-summarise` when the description has fewer than three sentences.
pub fn summarise(book: &Book) -> Result<Content> {
    let description: String = book.description.chars().take(MOST_CHARS).collect();
    let mut sentences = text::sentences(&description);
    if sentences.len() < 3 {
        return Err(too_little());
    }
    let scores = rank::scores(&sentences);
    let mut units = units::units(&sentences, &scores);
    if units.len() < 3 {
        // So short that every sentence has to stand for itself.
        sentences.iter_mut().enumerate().for_each(|(place, sentence)| sentence.paragraph = place);
        units = units::units(&sentences, &scores);
    }
    Material { book, units }.compose().ok_or_else(too_little)
}

fn too_little() -> Problem {
    Problem::new(&problems::TOO_LITTLE_TEXT).detail("The catalogue says too little about this book.")
}

#[cfg(test)]
mod tests;
