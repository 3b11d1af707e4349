//! Removes secrets from the JSON that describes a registered object, before it is sent to the gate or the webhook.

use crate::redact::redacted_url;
use serde_json::{Map, Value};

const EXACT: [&str; 3] = ["auth_credential", "auth_credential_encrypted", "auth_header_name"];
const WITHIN: [&str; 5] = ["credential", "secret", "token", "password", "api_key"];

/// A copy without the members whose name suggests a secret, at any depth, and with redacted URLs. Harmless names that
/// contain such a word (`max_tokens`) are removed too.
pub(crate) fn sanitized(card: &Map<String, Value>) -> Map<String, Value> {
    let kept = card.iter().filter(|(key, _)| !names_a_secret(key));
    let shown = |(key, value): (&String, &Value)| match value {
        Value::String(url) if key.to_lowercase().ends_with("url") => (key.clone(), redacted_url(url).into()),
        _ => (key.clone(), within(value)),
    };
    kept.map(shown).collect()
}

fn within(value: &Value) -> Value {
    match value {
        Value::Object(card) => Value::Object(sanitized(card)),
        Value::Array(items) => Value::Array(items.iter().map(within).collect()),
        plain => plain.clone(),
    }
}

fn names_a_secret(key: &str) -> bool {
    let lower = key.to_lowercase();
    EXACT.contains(&key) || WITHIN.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn left_of(card: &Value) -> Value {
        Value::Object(sanitized(card.as_object().expect("an object")))
    }

    #[test]
    fn the_exact_names_are_dropped() {
        let card =
            json!({"auth_credential": 1, "auth_credential_encrypted": 2, "auth_header_name": 3, "name": 4});
        assert_eq!(left_of(&card), json!({"name": 4}));
    }

    #[test]
    fn names_that_contain_a_word_for_a_secret_are_dropped() {
        let card = json!({"my_credential_x": 1, "client_secret": 2, "access_token_url": 3, "password2": 4,
            "openai_api_key": 5, "max_tokens": 6, "tokenizer": 7, "name": 8});
        assert_eq!(left_of(&card), json!({"name": 8}));
    }

    #[test]
    fn case_does_not_matter() {
        assert_eq!(
            left_of(&json!({"PassWord": 1, "API_KEY": 2, "accessToken": 3, "Name": 4})),
            json!({"Name": 4})
        );
    }

    #[test]
    fn a_url_goes_out_without_the_values_of_its_query() {
        let card = json!({"callback_url": "https://a.example/x?t=s3cret", "rules": [{"url": "https://b:c@d.example"}]});
        let left = json!({"callback_url": "https://a.example/x?t=redacted", "rules": [{"url": "https://redacted@d.example"}]});
        assert_eq!(left_of(&card), left);
    }

    #[test]
    fn what_is_not_sensitive_is_untouched() {
        let card =
            json!({"name": "n", "tags": ["a", 1, null], "nested": {"deep": [{"deeper": true}]}, "key": "k"});
        assert_eq!(left_of(&card), card);
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert_eq!(left_of(&json!({})), json!({}));
    }

    #[test]
    fn nothing_is_left_of_what_is_all_sensitive() {
        assert_eq!(left_of(&json!({"password": 1, "secret": {"deep": 1}, "token": []})), json!({}));
    }

    #[test]
    fn secrets_are_found_at_any_depth() {
        let card = json!({"a": {"token": 1, "b": [{"secret": 2, "c": 3}, [{"password": 4}]]}});
        assert_eq!(left_of(&card), json!({"a": {"b": [{"c": 3}, [{}]]}}));
    }
}
