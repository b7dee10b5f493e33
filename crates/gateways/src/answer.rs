//! What the models have in common: their text must be one JSON value, and there are three ways not to get it.

use kernel::{Problem, Result};
use serde_json::Value;

use crate::{http::Upstream, problems::ANSWER_BLOCKED};

/// The JSON in a model's text; small models like to wrap it into a Markdown code fence.
pub(crate) fn json(upstream: &Upstream, text: &str) -> Result<Value> {
    if text.trim().is_empty() {
        return Err(upstream.failed("sent an empty answer"));
    }
    serde_json::from_str(unfenced(text)).map_err(|error| upstream.unreadable(&error))
}

/// The model ran into its output limit; another try may be shorter.
pub(crate) fn cut_off(upstream: &Upstream) -> Problem {
    upstream.failed("sent an answer that was cut off at its length limit")
}

/// The model, or the filter around it, will not answer this prompt; the same prompt is not worth another try.
pub(crate) fn blocked(upstream: &Upstream) -> Problem {
    Problem::new(&ANSWER_BLOCKED).detail(format!("{} declined to answer this.", upstream.name))
}

fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inner.map_or(text, |inner| inner.strip_prefix("json").unwrap_or(inner).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_fence_is_taken_off() {
        for text in ["{\"a\":1}", " ```json\n{\"a\":1}\n``` ", "```\n{\"a\":1}```"] {
            assert_eq!(unfenced(text), "{\"a\":1}");
        }
    }
}
