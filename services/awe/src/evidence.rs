//! Removes secrets in URLs from evidence before it is given to anybody.

use outbound::redacted_url;
use schemas::api::EvidenceOut;
use serde_json::Value;

/// Redacts the URLs that callers gave: query values, users and passwords are replaced, also where an error message
/// repeats such a URL. The policy is left as it is, because its hash must stay computable.
pub(crate) fn redact(evidence: &mut EvidenceOut) {
    let mut secrets = Vec::new();
    let urls = std::iter::once(&evidence.request["callback_url"])
        .chain(evidence.deliveries.iter().map(|delivery| &delivery["url"]));
    for url in urls.filter_map(Value::as_str) {
        let shown = redacted_url(url);
        if shown != url && !secrets.iter().any(|(known, _)| known == url) {
            secrets.push((url.to_owned(), shown));
        }
    }
    let rows =
        std::iter::once(&mut evidence.request).chain(&mut evidence.events).chain(&mut evidence.deliveries);
    for value in rows {
        replace(value, &secrets);
    }
    for action in &mut evidence.audit {
        if let Some(summary) = &mut action.summary {
            replace_in(summary, &secrets);
        }
        let values = [&mut action.before, &mut action.after, &mut action.metadata_];
        for value in values.into_iter().flatten() {
            replace(value, &secrets);
        }
    }
}

fn replace(value: &mut Value, secrets: &[(String, String)]) {
    match value {
        Value::String(text) => replace_in(text, secrets),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, secrets)),
        Value::Object(map) => map.values_mut().for_each(|item| replace(item, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn replace_in(text: &mut String, secrets: &[(String, String)]) {
    for (secret, shown) in secrets {
        if text.contains(secret) {
            *text = text.replace(secret, shown);
        }
    }
}
