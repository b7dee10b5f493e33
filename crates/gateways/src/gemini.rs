//! Gemini: one prompt in, one JSON value of a given schema out.

use std::time::Duration;

use config::Summarizer;
use kernel::{Result, Secret};
use reqwest::{Client, Url, header::HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answer,
    http::{self, Fetched, Patience, Upstream},
};

const NAME: &str = "Gemini";
/// Thinking takes its time; the caller is a job.
pub(crate) const MODEL_PATIENCE: Patience = Patience {
    per_try: Duration::from_secs(90),
    total: Duration::from_secs(100),
    tries: 3,
    first_wait: Duration::from_millis(500),
};

/// Access to one Gemini model. Cheap to clone.
#[derive(Clone)]
pub struct Gemini {
    upstream: Upstream,
    url: Url,
    key: HeaderValue,
    model: String,
}

impl Gemini {
    pub(crate) fn new(client: &Client, settings: &Summarizer, key: &Secret) -> Result<Self> {
        let base = http::base_url(NAME, &settings.gemini_url)?;
        Ok(Self {
            upstream: Upstream { name: NAME, client: client.clone(), patience: MODEL_PATIENCE },
            url: http::under(&base, &["models", &format!("{}:generateContent", settings.gemini_model)]),
            key: http::key_header(NAME, "", key)?,
            model: settings.gemini_model.clone(),
        })
    }

    /// The model's name, as configured.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The model's answer to `prompt` as JSON of `schema` (JSON Schema). Takes up to 100 seconds.
    ///
    /// # Errors
    /// `answer-blocked` when the model declines, `upstream-failed` when its answer is empty, cut off or not JSON, and the
    /// other upstream kinds of [`crate::problems`].
    pub async fn generate_json(&self, system: &str, prompt: &str, schema: &Value) -> Result<Value> {
        let body = json!({
            "systemInstruction": { "parts": [{ "text": system }] },
            "contents": [{ "role": "user", "parts": [{ "text": prompt }] }],
            "generationConfig": { "responseMimeType": "application/json", "responseJsonSchema": schema },
            "store": false,
        });
        let fetched = self
            .upstream
            .call(|client| client.post(self.url.clone()).header("x-goog-api-key", self.key.clone()).json(&body))
            .await?;
        match fetched {
            Fetched::Fresh { value, .. } => self.read(value),
            Fetched::NotModified => Err(self.upstream.failed("answered a question that was not asked")),
        }
    }

    fn read(&self, answer: Answer) -> Result<Value> {
        if answer.prompt_feedback.block_reason.is_some() {
            return Err(answer::blocked(&self.upstream));
        }
        let Some(candidate) = answer.candidates.into_iter().next() else {
            return Err(self.upstream.failed("sent an empty answer"));
        };
        match candidate.finish_reason.as_deref() {
            None | Some("STOP") => {}
            Some("MAX_TOKENS") => return Err(answer::cut_off(&self.upstream)),
            Some("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE") => {
                return Err(answer::blocked(&self.upstream));
            }
            Some(_) => return Err(self.upstream.failed("stopped before its answer was complete")),
        }
        let said = candidate.content.parts.into_iter().filter(|part| !part.thought).map(|part| part.text);
        answer::json(&self.upstream, &said.collect::<String>())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    candidates: Vec<Candidate>,
    #[serde(default)]
    prompt_feedback: Feedback,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Content,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
    /// A summary of the model's reasoning, not of its answer.
    #[serde(default)]
    thought: bool,
}

#[cfg(test)]
mod tests;
