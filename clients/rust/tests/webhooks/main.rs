//! Webhooks: against the vectors, and as endpoints.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod conformance;
mod endpoint;
mod receiver;
mod vectors;

use awe_client::webhook::sign_for_test;
use std::time::SystemTime;

/// A secret.
pub(crate) const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Body and headers of a webhook that is signed now.
pub(crate) fn signed(event_id: &str) -> (Vec<u8>, Vec<(&'static str, String)>) {
    let body = format!(r#"{{"event_id":"{event_id}","event_type":"request_novelty"}}"#).into_bytes();
    let headers = sign_for_test(&body, &[SECRET], event_id, SystemTime::now()).unwrap();
    (body, headers)
}
