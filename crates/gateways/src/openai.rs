//! Any model behind an OpenAI-compatible chat endpoint: OpenAI, Ollama, vLLM, llama.cpp and the like.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use config::Summarizer;
use kernel::Result;
use reqwest::{
    Client, Url,
    header::{AUTHORIZATION, HeaderValue},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    answer,
    gemini::MODEL_PATIENCE,
    http::{self, Fetched, Upstream},
};

const NAME: &str = "The summariser";

/// Access to one model. Cheap to clone.
#[derive(Clone)]
pub struct OpenAi {
    upstream: Upstream,
    url: Url,
    key: Option<HeaderValue>,
    model: String,
    /// Set once the server has refused a schema and answered without one, so that it is not asked in vain each time.
    takes_no_schema: Arc<AtomicBool>,
}

impl OpenAi {
    pub(crate) fn new(client: &Client, settings: &Summarizer, url: &str) -> Result<Self> {
        let key = settings.openai_key.as_ref();
        Ok(Self {
            upstream: Upstream { name: NAME, client: client.clone(), patience: MODEL_PATIENCE },
            url: http::under(&http::base_url(NAME, url)?, &["chat", "completions"]),
            key: key.map(|key| http::key_header(NAME, "Bearer ", key)).transpose()?,
            model: settings.openai_model.clone(),
            takes_no_schema: Arc::default(),
        })
    }

    /// The model's name, as configured.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The model's answer to `prompt` as JSON of `schema` (JSON Schema). Takes up to 200 seconds.
    ///
    /// A server that refuses schemas is asked for plain JSON, with the schema in the instructions; whoever calls checks
    /// the answer in any case.
    ///
    /// # Errors
    /// `answer-blocked` when the model declines, `upstream-failed` when its answer is empty, cut off or not JSON, and the
    /// other upstream kinds of [`crate::problems`].
    pub async fn generate_json(&self, system: &str, prompt: &str, schema: &Value) -> Result<Value> {
        if !self.takes_no_schema.load(Relaxed) {
            // Not `strict`: that takes a small part of JSON Schema only and refuses the rest.
            let format = json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema } });
            match self.ask(system, prompt, &format).await {
                Err(problem) if matches!(http::status_of(&problem), Some(400 | 422)) => {}
                done => return done,
            }
        }
        let system = format!("{system}\n\nAnswer with one JSON object that fits this JSON Schema:\n{schema}");
        let answer = self.ask(&system, prompt, &json!({ "type": "json_object" })).await?;
        self.takes_no_schema.store(true, Relaxed);
        Ok(answer)
    }

    async fn ask(&self, system: &str, prompt: &str, format: &Value) -> Result<Value> {
        let body = json!({
            "model": self.model,
            "messages": [{ "role": "system", "content": system }, { "role": "user", "content": prompt }],
            "response_format": format,
            "stream": false,
        });
        // One key for all tries of this question, so that a server that knows it does the work once.
        let question = Uuid::now_v7().to_string();
        let fetched = self
            .upstream
            .call(|client| {
                let request = client.post(self.url.clone()).header("Idempotency-Key", &question).json(&body);
                match &self.key {
                    Some(key) => request.header(AUTHORIZATION, key.clone()),
                    None => request,
                }
            })
            .await?;
        match fetched {
            Fetched::Fresh { value, .. } => self.read(value),
            Fetched::NotModified => Err(self.upstream.failed("answered a question that was not asked")),
        }
    }

    fn read(&self, answer: Answer) -> Result<Value> {
        let Some(choice) = answer.choices.into_iter().next() else {
            return Err(self.upstream.failed("sent an empty answer"));
        };
        match choice.finish_reason.as_deref() {
            Some("length") => Err(answer::cut_off(&self.upstream)),
            Some("content_filter") => Err(answer::blocked(&self.upstream)),
            _ if choice.message.refusal.is_some() => Err(answer::blocked(&self.upstream)),
            _ => answer::json(&self.upstream, &choice.message.content.unwrap_or_default()),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[cfg(test)]
mod tests;
