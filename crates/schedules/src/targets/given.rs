//! The target as a request names it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What runs: exactly one of `job`, `target_command` and `webhook`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetGiven {
    /// A kind of job that may be scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "engine.noop", max_length = 200)]
    pub job: Option<String>,
    /// Its arguments: what its JSON schema says. Texts may hold placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({ "sleep_ms": 250 }))]
    pub args: Option<Value>,
    /// A command, `cmd.domain.action`, that the allow-list has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "cmd.billing.close-day", max_length = 200)]
    pub target_command: Option<String>,
    /// What goes with the command: any JSON of at most 64 KiB. Texts may hold placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({ "day": "{{scheduled_for}}" }))]
    pub command_payload: Option<Value>,
    /// A URL that is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookGiven>,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookGiven {
    /// The receiver, at a public host.
    #[schema(example = "https://hooks.example.org/bookflow", max_length = 2048)]
    pub url: String,
    /// `data.payload` of what is delivered: any JSON of at most 64 KiB. Texts may hold placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({ "report": "daily", "since": "{{last_success_at}}" }))]
    pub payload: Option<Value>,
}
