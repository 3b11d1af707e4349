//! Signatures, against vectors computed elsewhere and against another implementation.

use schemas::webhook::{self, SecretError, VerifyError};

const FIRST: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECOND: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const APPROVAL: &str = "sha256=2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964";

fn header<'a>(headers: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

#[test]
fn signatures_are_those_of_the_pinned_vectors() {
    let headers = webhook::headers(&[FIRST, SECOND], ID, AT, BODY);
    assert_eq!(header(&headers, "X-Approval-Event-Id"), Some(ID));
    assert_eq!(header(&headers, "X-Approval-Timestamp"), Some("1614265330"));
    assert_eq!(header(&headers, "X-Approval-Signature"), Some(APPROVAL));
    assert_eq!(header(&headers, "webhook-id"), Some(ID));
    assert_eq!(header(&headers, "webhook-timestamp"), Some("1614265330"));
    assert_eq!(
        header(&headers, "webhook-signature"),
        Some(
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,O4Gjv1HqPqsMrjmczoggs/sWA8gZD0VyHG+fLh4+ktI="
        )
    );
}

#[test]
fn each_standard_signature_is_the_one_of_the_reference_library() {
    let headers = webhook::headers(&[FIRST, SECOND], ID, AT, BODY);
    let signatures = header(&headers, "webhook-signature").expect("signed");
    for (key, ours) in [FIRST, SECOND].into_iter().zip(signatures.split(' ')) {
        let reference = standardwebhooks::Webhook::new(key).expect("a key");
        assert_eq!(reference.sign(ID, AT, BODY).expect("signed"), ours);
    }
}

#[test]
fn without_a_secret_there_are_ids_and_timestamps_and_no_signature() {
    let headers = webhook::headers(&[], ID, AT, BODY);
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["X-Approval-Event-Id", "X-Approval-Timestamp", "webhook-id", "webhook-timestamp"]);
}

#[test]
fn a_signature_is_believed_inside_the_tolerance_only() {
    let verify = |now| webhook::verify(FIRST, "1614265330", APPROVAL, BODY, now, 300);
    assert_eq!(verify(AT), Ok(()));
    assert_eq!(verify(AT + 300), Ok(()));
    assert_eq!(verify(AT - 300), Ok(()));
    assert_eq!(verify(AT + 301), Err(VerifyError::OutsideTolerance));
    assert_eq!(verify(AT - 301), Err(VerifyError::OutsideTolerance));
}

#[test]
fn a_signature_is_not_believed_when_anything_differs() {
    let verify = |key, at, signature, body| webhook::verify(key, at, signature, body, AT, 300);
    assert_eq!(verify(SECOND, "1614265330", APPROVAL, BODY), Err(VerifyError::Mismatch));
    assert_eq!(verify(FIRST, "1614265331", APPROVAL, BODY), Err(VerifyError::Mismatch));
    assert_eq!(verify(FIRST, "+1614265330", APPROVAL, BODY), Err(VerifyError::Mismatch));
    assert_eq!(verify(FIRST, "1614265330", APPROVAL, b"{}"), Err(VerifyError::Mismatch));
    assert_eq!(verify(FIRST, "soon", APPROVAL, BODY), Err(VerifyError::MalformedTimestamp));
    for malformed in ["", "sha256=", "sha1=00", &APPROVAL[..70], &APPROVAL[7..]] {
        assert_eq!(
            verify(FIRST, "1614265330", malformed, BODY),
            Err(VerifyError::MalformedSignature),
            "{malformed}"
        );
    }
}

#[test]
fn what_is_signed_with_the_active_secret_verifies() {
    for body in [&b""[..], b"{}", "{\"name\":\"Zo\u{eb}\"}".as_bytes()] {
        let headers = webhook::headers(&[SECOND, FIRST], ID, AT, body);
        let signature = header(&headers, webhook::SIGNATURE).expect("signed");
        assert_eq!(webhook::verify(SECOND, &AT.to_string(), signature, body, AT, 0), Ok(()));
    }
}

#[test]
fn a_secret_is_read_as_it_was_shown_and_is_long_enough() {
    let bytes: Vec<u8> = (0..32).collect();
    assert_eq!(webhook::show_secret(&bytes), SECOND);
    assert_eq!(webhook::secret_bytes(SECOND), Ok(bytes));
    assert_eq!(webhook::secret_bytes(&webhook::show_secret(&[7; 24])), Ok(vec![7; 24]));
    assert_eq!(webhook::secret_bytes(&webhook::show_secret(&[7; 23])), Err(SecretError::TooShort));
    assert_eq!(webhook::secret_bytes("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Err(SecretError::Form));
    assert_eq!(webhook::secret_bytes("whsec_not base64"), Err(SecretError::Form));
}
