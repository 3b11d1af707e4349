//! Signatures, against vectors computed elsewhere and against another implementation.

use schemas::webhook;

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
fn a_secret_is_shown_with_its_prefix_in_base64() {
    let bytes: Vec<u8> = (0..32).collect();
    assert_eq!(webhook::show_secret(&bytes), SECOND);
}
