//! The reason of a denial, taken from the body of the gate's response.

use serde_json::Value;

/// Characters of a reason.
const LIMIT: usize = 500;
/// The reason when the gate gives none.
const DEFAULT: &str = "denied by policy";

/// The string member `error` of a JSON body, cut with an ellipsis; else a body that is not JSON, cut without one; else
/// the default. Control characters are removed, since the reason ends in logs and terminals.
pub(super) fn of_body(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(json) => ellipsized(&clean(json.get("error").and_then(Value::as_str).unwrap_or_default())),
        Err(_) => clean(&String::from_utf8_lossy(body)).chars().take(LIMIT).collect(),
    };
    if text.is_empty() { DEFAULT.to_owned() } else { text }
}

fn clean(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

fn ellipsized(text: &str) -> String {
    let mut cut: String = text.chars().take(LIMIT).collect();
    if cut.len() < text.len() {
        cut.push_str("...");
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of_error(error: &str) -> String {
        of_body(json!({"status": "denied", "error": error}).to_string().as_bytes())
    }

    #[test]
    fn a_short_reason_is_unchanged() {
        assert_eq!(of_error("Name is reserved"), "Name is reserved");
    }

    #[test]
    fn a_reason_of_exactly_500_characters_is_unchanged() {
        assert_eq!(of_error(&"x".repeat(500)), "x".repeat(500));
    }

    #[test]
    fn a_longer_reason_is_cut_to_503_characters() {
        let cut = of_error(&"x".repeat(1000));
        assert_eq!((cut.chars().count(), cut.ends_with("x...")), (503, true));
    }

    #[test]
    fn an_empty_reason_is_the_default() {
        assert_eq!(of_error(""), "denied by policy");
        assert_eq!(of_error("\n\t"), "denied by policy");
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(of_error(&"é".repeat(500)), "é".repeat(500));
        assert_eq!(of_error(&"é".repeat(501)), format!("{}...", "é".repeat(500)));
        assert_eq!(of_body("🦀".repeat(600).as_bytes()), "🦀".repeat(500));
    }

    #[test]
    fn a_reason_without_a_status_counts() {
        assert_eq!(of_body(br#"{"error": "x"}"#), "x");
    }

    #[test]
    fn json_without_a_text_error_is_the_default() {
        for body in [r#"{"status": "denied"}"#, r#"{"error": null}"#, r#"{"error": 7}"#, "[]", "\"no\"", "7"]
        {
            assert_eq!(of_body(body.as_bytes()), "denied by policy", "{body}");
        }
    }

    #[test]
    fn text_is_the_reason_cut_without_an_ellipsis() {
        assert_eq!(of_body(b"Forbidden by policy"), "Forbidden by policy");
        assert_eq!(of_body("y".repeat(1000).as_bytes()), "y".repeat(500));
        assert_eq!(of_body(b""), "denied by policy");
        assert_eq!(of_body(b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn control_characters_do_not_reach_the_caller() {
        assert_eq!(of_error("a\r\nX: b\u{1b}[31m\u{0}"), "aX: b[31m");
        assert_eq!(of_body(b"plain\r\n\x1b[2Jtext"), "plain[2Jtext");
    }
}
