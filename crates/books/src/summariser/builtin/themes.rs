//! Which of the eight themes a thought is about, and what a reader can do with a thought of that theme.

use super::text::mentions;
use crate::summary::Theme;

/// What is known of a theme.
struct Entry {
    theme: Theme,
    /// Words that speak for it, as [`mentions`] reads them.
    cues: &'static [&'static str],
    /// Categories whose books are often about it.
    categories: &'static [&'static str],
    /// Things to do with a thought of this theme.
    applications: [&'static str; 5],
}

const ENTRIES: [Entry; 8] = [
    Entry {
        theme: Theme::Character,
        cues: &[
            "virtue",
            "habit",
            "moral",
            "soul.",
            "conscience",
            "pride",
            "vanity",
            "courage",
            "humility",
            "humour",
            "guilt",
            "shame",
            "instinct",
            "passion",
            "desire",
            "temptation",
            "sin.",
            "duty",
            "character",
            "honest",
            "gentleman",
            "cruel",
            "self-",
        ],
        categories: &["Self-Improvement", "Philosophy", "Fiction"],
        applications: [
            "Pick one ordinary day and note each time this shows in what you do.",
            "Name one habit of yours that this supports and one that it questions.",
            "Before your next hard choice, ask what this would demand of you.",
            "Recall when you last acted against this, and what it cost.",
            "Choose one sentence of this to keep where you see it every morning.",
        ],
    },
    Entry {
        theme: Theme::Knowledge,
        cues: &[
            "reason",
            "knowledge",
            "truth",
            "science",
            "scientif",
            "experiment",
            "learn",
            "educat",
            "school",
            "theory",
            "philosoph",
            "teach",
            "study",
            "studied",
            "idea",
            "mind.",
            "read",
            "language",
            "observ",
            "question",
            "evidence",
            "logic",
            "essay",
        ],
        categories: &["Science", "Philosophy"],
        applications: [
            "Explain this to someone in two sentences, then look up what you could not say.",
            "Write down what would change your mind about it.",
            "Look for one case in this week's news that fits, and one that does not.",
            "Ask how the author could know this, and what you would want to check.",
            "Compare it with the best opposing view you have heard.",
        ],
    },
    Entry {
        theme: Theme::Relationships,
        cues: &[
            "love",
            "marriage",
            "marry",
            "married",
            "famil",
            "friend",
            "mother",
            "father",
            "son.",
            "daughter",
            "wife",
            "wives",
            "husband",
            "sister",
            "brother",
            "child",
            "jilted",
            "affection",
            "companion",
            "kind.",
            "kindness",
            "loyal",
        ],
        categories: &["Romance", "Fiction"],
        applications: [
            "Think of one person whom this lets you see differently, and tell them so.",
            "Ask a friend how they understand this, and listen before you answer.",
            "Notice for a week where the same thing happens among people you know.",
            "Write the letter that somebody in this situation should have received.",
            "Say thank you to someone whose part you had overlooked.",
        ],
    },
    Entry {
        theme: Theme::Work,
        cues: &[
            "work",
            "labour",
            "craft",
            "industry",
            "effort",
            "method",
            "practice",
            "persever",
            "build",
            "built",
            "invent",
            "skill",
            "apprentic",
            "engineer",
            "ship.",
            "voyage",
            "journey",
            "task",
            "plan.",
            "business",
            "club",
            "project",
        ],
        categories: &["Self-Improvement", "Adventure"],
        applications: [
            "Turn this into one task for this week, with a day and an hour.",
            "Review your last project and mark where this would have helped.",
            "Try it on something small before you stake anything large on it.",
            "Copy the method once, exactly as it is told, before you change it.",
            "Agree with one colleague to try this for a fortnight and compare notes.",
        ],
    },
    Entry {
        theme: Theme::Wealth,
        cues: &[
            "money",
            "wealth",
            "rich.",
            "price",
            "market",
            "capital",
            "property",
            "wage",
            "profit",
            "rent.",
            "debt",
            "trade.",
            "poverty",
            "poor",
            "econom",
            "commerc",
            "tax",
            "goods",
            "inflation",
            "consum",
            "bourgeois",
            "credit",
        ],
        categories: &["Economics"],
        applications: [
            "Look at one expense of last month in this light.",
            "Find out who gains and who pays where this is at work near you.",
            "Put a number on this in your own case, however rough.",
            "Read one balance sheet or budget with this in mind.",
            "Ask what you would do differently if prices told you otherwise.",
        ],
    },
    Entry {
        theme: Theme::Power,
        cues: &[
            "power",
            "rule",
            "king.",
            "prince",
            "war.",
            "army",
            "armies",
            "enem",
            "general.",
            "soldier",
            "govern",
            "state.",
            "states",
            "tyran",
            "monarch",
            "despot",
            "empire",
            "conquer",
            "strateg",
            "fight",
            "master",
            "revolution",
            "faction",
            "leader",
            "navy",
        ],
        categories: &["Politics", "History"],
        applications: [
            "Take one decision that affects you and ask who made it, and whether this explains how.",
            "Before your next negotiation, write down how this looks from the other side.",
            "Compare what leaders you know say about this with what they do.",
            "List what would have to be different for the weaker side to win here.",
            "Name a rule you live under and find out when and why it was made.",
        ],
    },
    Entry {
        theme: Theme::Society,
        cues: &[
            "societ",
            "social",
            "law",
            "justice",
            "rights",
            "equal",
            "liberty",
            "freedom",
            "free.",
            "citizen",
            "class.",
            "classes",
            "slave",
            "custom",
            "opinion",
            "majority",
            "democra",
            "republic",
            "constitution",
            "people",
            "women",
            "race.",
            "church",
            "religio",
        ],
        categories: &["Politics", "History", "Philosophy"],
        applications: [
            "Find one rule or custom near you that rests on this, and ask whom it serves.",
            "Talk about this with someone who votes otherwise than you do.",
            "Take one step this month in a group that is concerned with it.",
            "Ask who is missing from this picture, and what they would say.",
            "Look up how the law of your country settles this today.",
        ],
    },
    Entry {
        theme: Theme::Nature,
        cues: &[
            "nature",
            "natural",
            "animal",
            "species",
            "plant",
            "sea.",
            "ocean",
            "river",
            "mountain",
            "forest",
            "wild",
            "earth",
            "whale",
            "dog.",
            "flame",
            "light.",
            "climate",
            "geolog",
            "island",
            "evolution",
            "pond",
            "planet",
            "martian",
            "candle",
            "creature",
        ],
        categories: &["Science", "Adventure"],
        applications: [
            "Take a walk and look for one instance of this.",
            "Describe the same thing from another creature's side.",
            "Spend ten minutes watching something that shows this.",
            "Find out what has been learned about this since the book appeared.",
            "Draw it: a sketch shows at once what you have not understood.",
        ],
    },
];

/// The theme that most words of `text` speak for; the book's categories break ties.
pub fn theme_of(text: &str, categories: &[String]) -> Theme {
    let votes = |entry: &Entry| {
        let cues = entry.cues.iter().filter(|cue| mentions(text, &[*cue])).count();
        let backed = entry.categories.iter().any(|name| categories.iter().any(|category| category == name));
        2 * cues + usize::from(backed)
    };
    let mut best = (Theme::Knowledge, 0);
    for entry in &ENTRIES {
        if votes(entry) > best.1 {
            best = (entry.theme, votes(entry));
        }
    }
    best.0
}

/// What to do with a thought; `turn` counts those of the same theme.
pub fn application(theme: Theme, turn: usize) -> &'static str {
    let entry = ENTRIES.iter().find(|entry| entry.theme == theme).unwrap_or(&ENTRIES[1]);
    entry.applications[turn % entry.applications.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_and_categories_break_ties() {
        assert_eq!(theme_of("The market fixes wages and prices", &[]), Theme::Wealth);
        assert_eq!(theme_of("Nothing of it", &["Economics".to_owned()]), Theme::Wealth);
        assert_eq!(theme_of("Since then a warning", &[]), Theme::Knowledge);
    }

    #[test]
    fn five_thoughts_of_one_theme_get_five_applications() {
        for entry in &ENTRIES {
            let told: std::collections::HashSet<_> = (0..5).map(|turn| application(entry.theme, turn)).collect();
            assert_eq!(told.len(), 5);
        }
    }
}
