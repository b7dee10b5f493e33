//! What a summary consists of: one type for the database, the API, the language models and the validation.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The number of key insights that a language model is asked for, and the most that a summary holds.
pub const MAX_INSIGHTS: usize = 10;
const TEXT_CHARS: std::ops::RangeInclusive<usize> = 3..=1200;

/// A summary, without the mention of who made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = SummaryContent)]
pub struct Content {
    /// What the book argues.
    #[garde(dive)]
    pub main_argument: MainArgument,
    /// The model or method the book teaches; null when it teaches none.
    #[garde(dive)]
    pub framework: Option<Framework>,
    /// The most important ideas, the most important one first.
    #[garde(length(min = 3, max = 10), dive)]
    #[schema(min_items = 3, max_items = 10)]
    pub key_insights: Vec<Insight>,
    /// How to put the book to use.
    #[garde(dive)]
    pub implementation_guide: Guide,
    /// What the book rests its claims on.
    #[garde(length(max = 10), dive)]
    #[schema(max_items = 10)]
    pub evidence: Vec<Text>,
    /// What speaks against it.
    #[garde(length(max = 10), dive)]
    #[schema(max_items = 10)]
    pub criticisms: Vec<Text>,
    /// The whole on one page.
    #[garde(dive)]
    pub one_page: OnePage,
}

/// The argument of a book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct MainArgument {
    /// The question or difficulty it starts from.
    #[garde(dive)]
    pub problem: Text,
    /// Its answer.
    #[garde(dive)]
    pub solution: Text,
    /// Why a reader should care.
    #[garde(dive)]
    pub why_it_matters: Text,
}

/// A named model or method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// What the book or its readers call it.
    #[garde(dive)]
    pub name: Text,
    /// Its parts.
    #[garde(length(min = 1, max = 12), dive)]
    #[schema(min_items = 1, max_items = 12)]
    pub components: Vec<Component>,
}

/// One part of a framework.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = FrameworkComponent)]
pub struct Component {
    /// What it is called.
    #[garde(dive)]
    pub name: Text,
    /// What it does.
    #[garde(dive)]
    pub description: Text,
}

/// One idea of the book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyInsight)]
pub struct Insight {
    /// A few words.
    #[garde(dive)]
    pub title: Text,
    /// The idea in one to three sentences.
    #[garde(dive)]
    pub description: Text,
    /// What it is about.
    #[garde(skip)]
    pub theme: Theme,
    /// What a reader can do with it.
    #[garde(dive)]
    pub application: Text,
    /// The book's own words; null when they are not known for certain.
    #[garde(dive)]
    pub quote: Option<Text>,
}

/// What an insight is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InsightTheme)]
pub enum Theme {
    /// Virtues, habits and self-command.
    Character,
    /// Reason, learning and science.
    Knowledge,
    /// Love, family and friendship.
    Relationships,
    /// Effort, craft and method.
    Work,
    /// Money, trade and property.
    Wealth,
    /// Rule, strategy and conflict.
    Power,
    /// Law, justice and how people live together.
    Society,
    /// The living world and our place in it.
    Nature,
}

/// How to put the book to use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = ImplementationGuide)]
pub struct Guide {
    /// What to do, in order.
    #[garde(length(min = 1, max = 10), dive)]
    #[schema(min_items = 1, max_items = 10)]
    pub steps: Vec<Text>,
    /// What goes wrong easily.
    #[garde(length(min = 1, max = 10), dive)]
    #[schema(min_items = 1, max_items = 10)]
    pub pitfalls: Vec<Text>,
    /// What helps within minutes.
    #[garde(length(min = 1, max = 10), dive)]
    #[schema(min_items = 1, max_items = 10)]
    pub quick_wins: Vec<Text>,
}

/// The whole book on one page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = OnePageSummary)]
pub struct OnePage {
    /// A headline.
    #[garde(dive)]
    pub headline: Text,
    /// The message in one or two sentences.
    #[garde(dive)]
    pub core_message: Text,
    /// What the book holds to be true.
    #[garde(length(min = 3, max = 7), dive)]
    #[schema(min_items = 3, max_items = 7)]
    pub principles: Vec<Text>,
    /// What to remember.
    #[garde(length(min = 3, max = 5), dive)]
    #[schema(min_items = 3, max_items = 5)]
    pub takeaways: Vec<Text>,
    /// For whom it is.
    #[garde(dive)]
    pub who_should_read: Text,
    /// The last word.
    #[garde(dive)]
    pub bottom_line: Text,
}

/// A piece of plain text: 3 to 1200 characters, not counting blanks around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schema(as = SummaryText, min_length = 3, max_length = 1200)]
pub struct Text(#[garde(custom(is_told))] pub String);

impl<T: Into<String>> From<T> for Text {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

fn is_told<C>(text: &str, _: &C) -> garde::Result {
    let length = text.trim().chars().count();
    if TEXT_CHARS.contains(&length) {
        return Ok(());
    }
    Err(garde::Error::new(format!("has {length} characters, not 3 to 1200")))
}
