//! Who makes summaries: a language model if one is configured, else the built-in engine.

pub mod builtin;
mod prompt;

use garde::Validate;
use gateways::{Gateways, gemini::Gemini, openai::OpenAi};
use kernel::{Problem, Result};
use serde_json::Value;

use crate::{
    catalogue::Book,
    problems,
    summary::{Content, MAX_INSIGHTS, Made, schema},
};

/// The summariser of this process. Cheap to clone.
#[derive(Clone)]
pub enum Summariser {
    /// Any endpoint that speaks OpenAI's protocol.
    OpenAi(OpenAi),
    /// Google's model.
    Gemini(Gemini),
    /// Our own, without a model.
    BuiltIn,
}

impl Summariser {
    /// What is configured: `SUMMARIZER_URL` wins over `GOOGLE_API_KEY`; without both it is the built-in one.
    pub fn choose(gateways: &Gateways) -> Self {
        match (&gateways.openai, &gateways.gemini) {
            (Some(openai), _) => Self::OpenAi(openai.clone()),
            (None, Some(gemini)) => Self::Gemini(gemini.clone()),
            (None, None) => Self::BuiltIn,
        }
    }

    /// The engine, as summaries name it.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::OpenAi(_) => "openai-compatible",
            Self::Gemini(_) => "gemini",
            Self::BuiltIn => builtin::ENGINE,
        }
    }

    /// The model behind it, if there is one.
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::OpenAi(openai) => Some(openai.model()),
            Self::Gemini(gemini) => Some(gemini.model()),
            Self::BuiltIn => None,
        }
    }

    /// Engine and model, for people: `gemini (gemini-flash-latest)`.
    pub fn name(&self) -> String {
        match self.model() {
            Some(model) => format!("{} ({model})", self.engine()),
            None => self.engine().to_owned(),
        }
    }

    /// Summarises `book`; takes up to 200 seconds. What does not have the shape of a summary is an error, never an answer.
    ///
    /// # Errors
    /// `summary-malformed` and the upstream kinds, most of them transient; `too-little-to-summarise`.
    pub(crate) async fn summarise(&self, book: &Book) -> Result<Made> {
        let content = match self {
            Self::OpenAi(openai) => {
                read(openai.generate_json(prompt::SYSTEM, &prompt::of(book), &schema::FOR_MODELS).await?)?
            }
            Self::Gemini(gemini) => {
                read(gemini.generate_json(prompt::SYSTEM, &prompt::of(book), &schema::FOR_MODELS).await?)?
            }
            Self::BuiltIn => {
                let book = book.clone();
                let content = tokio::task::spawn_blocking(move || builtin::summarise(&book)).await??;
                content.validate().map_err(malformed)?;
                content
            }
        };
        Ok(Made { engine: self.engine(), model: self.model().map(str::to_owned), content })
    }
}

/// A model's answer as a summary.
fn read(answer: Value) -> Result<Content> {
    let content: Content = serde_json::from_value(answer).map_err(malformed)?;
    content.validate().map_err(malformed)?;
    if content.key_insights.len() != MAX_INSIGHTS {
        return Err(malformed(format!("{} key insights instead of {MAX_INSIGHTS}", content.key_insights.len())));
    }
    Ok(content)
}

fn malformed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Problem {
    Problem::new(&problems::BAD_SUMMARY).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(insights: usize) -> Value {
        let content = builtin::summarise(&crate::catalogue::builtin().unwrap()[0]).unwrap();
        let mut answer = json!(content);
        let list = answer["key_insights"].as_array_mut().unwrap();
        let first = list[0].clone();
        list.resize(insights, first);
        answer
    }

    #[test]
    fn a_models_answer_has_ten_insights_and_nothing_extra() {
        assert!(read(answer(10)).is_ok());
        let mut extra = answer(10);
        extra["mood"] = json!("good");
        let mut blank = answer(10);
        blank["one_page"]["headline"] = json!("  ");
        let mut theme = answer(10);
        theme["key_insights"][3]["theme"] = json!("gardening");
        for wrong in [answer(9), answer(11), json!({}), json!("text"), extra, blank, theme] {
            let problem = read(wrong).unwrap_err();
            assert!(problem.is(&problems::BAD_SUMMARY) && problem.is_transient(), "{problem}");
        }
    }
}
