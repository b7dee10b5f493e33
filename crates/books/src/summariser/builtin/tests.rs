//! The built-in summariser on the built-in catalogue.

use garde::Validate;

use super::*;
use crate::catalogue::builtin;

#[test]
fn every_book_of_the_catalogue_gets_a_valid_summary_of_its_own_sentences() {
    for book in builtin().unwrap() {
        let told = book.description.split_whitespace().collect::<Vec<_>>().join(" ");
        let content = summarise(&book).unwrap();
        content.validate().unwrap_or_else(|report| panic!("{}: {report}", book.title));
        assert!(content.key_insights.len() >= 5, "{}: {} insights", book.title, content.key_insights.len());
        for insight in &content.key_insights {
            assert!(told.contains(&insight.description.0), "{}: {}", book.title, insight.description.0);
            assert_eq!(insight.quote, None);
        }
        let mut titles: Vec<_> = content.key_insights.iter().map(|insight| &insight.title.0).collect();
        titles.sort();
        titles.dedup();
        assert_eq!(titles.len(), content.key_insights.len(), "{}: an insight's title repeats", book.title);
    }
}

#[test]
fn the_same_book_gets_the_same_summary() {
    let book = &builtin().unwrap()[0];
    assert_eq!(summarise(book).unwrap(), summarise(book).unwrap());
}

fn described(description: &str) -> Book {
    Book { description: description.to_owned(), ..builtin().unwrap().remove(0) }
}

#[test]
fn three_short_sentences_are_enough_and_two_are_not() {
    let three = "Bees live in large hives. They feed on the nectar of flowers. It keeps them alive all winter.";
    assert_eq!(summarise(&described(three)).unwrap().validate().ok(), Some(()));
    let two = summarise(&described("Bees live in large hives. They feed on nectar.")).unwrap_err();
    assert!(two.is(&problems::TOO_LITTLE_TEXT) && !two.is_transient());
}

#[test]
fn odd_descriptions_are_refused_or_summarised_but_never_break_it() {
    let odd = [
        String::new(),
        "…!?".to_owned(),
        "1 2 3 4 5. 6 7 8 9 10. 11 12 13 14 15.".to_owned(),
        "the of and to. the of and to. the of and to. the of and to.".to_owned(),
        "日本語の本です。とても面白い。読んでください。".to_owned(),
        "<p>One two three four five.</p> \u{0} Zero \u{202e} width joiner text here. A third one follows it now."
            .to_owned(),
        "word ".repeat(30_000),
        "Short but repeated sentence goes here. ".repeat(2_000),
        "ÀÉÎ öäü ßẞ ŁŃ. Über alles hinaus gehen wir. Żółć jest tu dziś obecna. Это русская фраза тут.".to_owned(),
    ];
    for text in odd {
        if let Ok(content) = summarise(&described(&text)) {
            content.validate().unwrap_or_else(|report| panic!("{text:.60}: {report}"));
        }
    }
}
