//! The JSON Schema of a summary for the language models, made from the same types as the API's document.

use std::{collections::HashMap, sync::LazyLock};

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use super::{Content, MAX_INSIGHTS};

/// What language models are asked for: every property required (null where there is nothing to say), ten insights, and
/// only the keywords that structured outputs of all of them know.
pub static FOR_MODELS: LazyLock<Value> = LazyLock::new(|| {
    let mut parts = Vec::new();
    Content::schemas(&mut parts);
    let parts: HashMap<String, Value> = parts.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let mut schema = inline(&json!(Content::schema()), &parts);
    schema["properties"]["key_insights"]["minItems"] = json!(MAX_INSIGHTS);
    schema
});

const KEPT: [&str; 5] = ["type", "description", "enum", "minItems", "maxItems"];

/// The schema with its references replaced by what they stand for.
fn inline(schema: &Value, parts: &HashMap<String, Value>) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let mut target = parts.get(name).map_or(Value::Null, |part| inline(part, parts));
        if let Some(description) = schema.get("description") {
            target["description"] = description.clone();
        }
        return target;
    }
    let mut plain: Map<String, Value> = Map::new();
    plain.extend(KEPT.iter().filter_map(|key| Some(((*key).to_owned(), schema.get(*key)?.clone()))));
    if let Some(items) = schema.get("items") {
        plain.insert("items".to_owned(), inline(items, parts));
    }
    if let Some(choices) = schema.get("oneOf").or(schema.get("anyOf")).and_then(Value::as_array) {
        plain.insert("anyOf".to_owned(), choices.iter().map(|choice| inline(choice, parts)).collect());
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let inlined: Map<String, Value> =
            properties.iter().map(|(name, value)| (name.clone(), inline(value, parts))).collect();
        plain.insert("required".to_owned(), inlined.keys().cloned().collect());
        plain.insert("properties".to_owned(), inlined.into());
        plain.insert("additionalProperties".to_owned(), json!(false));
    }
    plain.into()
}

#[cfg(test)]
mod tests;
