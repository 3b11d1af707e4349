//! The vectors of hand-off tokens, byte for byte, and what must be refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_custodian::handoff::{Codec, Consent, KeyTooShort, Outbound, Rejection, Return, WrongVersion};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use uuid::uuid;

const KEY: &str = "spec-vector-signing-key-0123456789-abcdef";
const P_OF_A: &str = "eyJ2IjoxLCJkaXIiOiJvdXRib3VuZCIsImNpZCI6ImNvcnItMDAwMSIsImlhdCI6IjIwMjYtMDYtMDFUMDk6MzA6MDBaIiwiZXhwIjoiMjAyNi0wNi0wMVQwOTozNTowMFoiLCJub25jZSI6IkFBRUNBd1FGQmdjSUNRb0xEQTBPRHciLCJjbGllbnRfaWQiOiJ0aGlyZF9wYXJ0eSIsInNjb3BlIjoiRkI9NF81XzE1O0ludGVydmFsRHVyYXRpb249MzYwMCIsInJldHVybl91cmwiOiJodHRwczovL2FzLmV4YW1wbGUuY29tL2NvbnRpbnVlP3N0YXRlPXMxIn0";
const M_OF_A: &str = "p_A4EHTq1SuYbH2q2CvIMJ3VV0vvWJiJCj__0At6bzc";
const M_OF_B: &str = "i-6HIcb1oF1AsRVspQuKGJ4PMcck6nHWhn5Tl1re0DA";
const M_OF_C: &str = "BP3R9jh108QW11cl_aXlo0gFmSrk_dP62p_aiPZWwrU";
const JSON_OF_A: &str = r#"{"v":1,"dir":"outbound","cid":"corr-0001","iat":"2026-06-01T09:30:00Z","exp":"2026-06-01T09:35:00Z","nonce":"AAECAwQFBgcICQoLDA0ODw","client_id":"third_party","scope":"FB=4_5_15;IntervalDuration=3600","return_url":"https://as.example.com/continue?state=s1"}"#;
const JSON_OF_B: &str = r#"{"v":1,"dir":"return","cid":"corr-0001","iat":"2026-06-01T09:31:00Z","exp":"2026-06-01T09:36:00Z","nonce":"EBESExQVFhcYGRobHB0eHw","sub":"42","up":["11111111-2222-4333-8444-555555555555"],"cust_uri":"https://dc.example.com/espi/1_1/resource/RetailCustomer/42/Customer/7","consent":"allow"}"#;
const JSON_OF_C: &str = r#"{"v":1,"dir":"return","cid":"corr-0002","iat":"2026-06-01T09:31:00Z","exp":"2026-06-01T09:36:00Z","nonce":"EBESExQVFhcYGRobHB0eHw","sub":"42","up":[],"consent":"deny"}"#;

const NOW: OffsetDateTime = datetime!(2026-06-01 09:31:00 UTC);
const LATER: OffsetDateTime = datetime!(2026-06-01 09:32:00 UTC);

fn codec() -> Codec {
    Codec::new(KEY).unwrap()
}

fn a() -> Outbound {
    Outbound {
        v: 1,
        cid: "corr-0001".to_owned(),
        iat: datetime!(2026-06-01 09:30:00 UTC),
        exp: datetime!(2026-06-01 09:35:00 UTC),
        nonce: "AAECAwQFBgcICQoLDA0ODw".to_owned(),
        client_id: "third_party".to_owned(),
        scope: "FB=4_5_15;IntervalDuration=3600".to_owned(),
        return_url: "https://as.example.com/continue?state=s1".to_owned(),
    }
}

fn b() -> Return {
    Return {
        v: 1,
        cid: "corr-0001".to_owned(),
        iat: NOW,
        exp: datetime!(2026-06-01 09:36:00 UTC),
        nonce: "EBESExQVFhcYGRobHB0eHw".to_owned(),
        sub: "42".to_owned(),
        up: vec![uuid!("11111111-2222-4333-8444-555555555555")],
        cust_uri: Some("https://dc.example.com/espi/1_1/resource/RetailCustomer/42/Customer/7".to_owned()),
        consent: Consent::Allow,
    }
}

fn c() -> Return {
    Return { cid: "corr-0002".to_owned(), up: Vec::new(), cust_uri: None, consent: Consent::Deny, ..b() }
}

fn token(json: &str, mac: &str) -> String {
    format!("{}.{mac}", URL_SAFE_NO_PAD.encode(json))
}

fn refused(token: &str) -> Rejection {
    refused_at(token, NOW)
}

fn refused_at(token: &str, now: OffsetDateTime) -> Rejection {
    codec().decode_outbound(Some(token), now).expect_err(token)
}

#[test]
fn vector_a_is_written_byte_for_byte_and_read_back() {
    let written = codec().encode_outbound(&a()).unwrap();
    assert_eq!(written, format!("{P_OF_A}.{M_OF_A}"));
    assert_eq!(written, token(JSON_OF_A, M_OF_A));
    assert_eq!(JSON_OF_A.len(), 257);
    assert_eq!(codec().decode_outbound(Some(&written), NOW), Ok(a()));
}

#[test]
fn vector_b_an_allowing_return_with_personal_data_is_written_byte_for_byte_and_read_back() {
    let written = codec().encode_return(&b()).unwrap();
    assert_eq!((written.as_str(), JSON_OF_B.len()), (&*token(JSON_OF_B, M_OF_B), 289));
    assert_eq!(codec().decode_return(Some(&written), LATER), Ok(b()));
}

#[test]
fn vector_c_a_denying_return_has_an_empty_list_and_no_uri() {
    let written = codec().encode_return(&c()).unwrap();
    assert_eq!((written.as_str(), JSON_OF_C.len()), (&*token(JSON_OF_C, M_OF_C), 167));
    assert_eq!(codec().decode_return(Some(&written), LATER), Ok(c()));
}

#[test]
fn n1_a_tampered_payload_is_refused() {
    assert_eq!(refused(&format!("A{}.{M_OF_A}", &P_OF_A[1..])), Rejection::MacWrong);
}

#[test]
fn a_tampered_signature_is_refused() {
    let first = if M_OF_A.starts_with('A') { 'B' } else { 'A' };
    assert_eq!(refused(&format!("{P_OF_A}.{first}{}", &M_OF_A[1..])), Rejection::MacWrong);
    assert_eq!(refused(&format!("{P_OF_A}.{}", &M_OF_A[..40])), Rejection::MacWrong, "a part of it");
}

#[test]
fn n2_another_key_is_refused() {
    let other = "BPseoTXKv5QxXZMU2Qbk6axwTiE_-umYEPb6cQberLY";
    assert_eq!(refused(&format!("{P_OF_A}.{other}")), Rejection::MacWrong);
    let alternate = Codec::new("spec-vector-ALTERNATE-key-0123456789-abcd").unwrap();
    assert_eq!(alternate.encode_outbound(&a()).unwrap(), format!("{P_OF_A}.{other}"));
}

#[test]
fn n3_a_mac_over_the_json_instead_of_its_text_is_refused() {
    let over_json = "8CPN3Lx_Fhf0NDhBQIR_LbJd0hUVL5x-8zcMcpCnNOU";
    assert_eq!(refused(&format!("{P_OF_A}.{over_json}")), Rejection::MacWrong);
}

#[test]
fn n4_another_version_is_refused_when_it_is_read() {
    let json = JSON_OF_A.replace("\"v\":1", "\"v\":2");
    let mac = "37pU24PrgdfOuMN6VVIUmHbiQ8oDtWx07MqibF7d848";
    assert_eq!(refused(&token(&json, mac)), Rejection::Version);
}

#[test]
fn n5_a_token_of_the_other_direction_is_refused() {
    let outbound = token(JSON_OF_A, M_OF_A);
    assert_eq!(codec().decode_return(Some(&outbound), NOW), Err(Rejection::Direction));
    assert_eq!(refused(&token(JSON_OF_B, M_OF_B)), Rejection::Direction);
}

#[test]
fn n6_a_token_is_accepted_at_its_last_moment_and_refused_a_nanosecond_later() {
    let written = token(JSON_OF_A, M_OF_A);
    assert!(codec().decode_outbound(Some(&written), a().exp).is_ok());
    assert_eq!(refused_at(&written, a().exp + time::Duration::nanoseconds(1)), Rejection::Expired);
}

#[test]
fn n7_a_token_without_an_end_is_refused() {
    let json = JSON_OF_A.replace(r#""exp":"2026-06-01T09:35:00Z","#, "");
    assert_eq!(refused(&token(&json, "wsj2RhI2d4cfOy0t_yVxzuF045Iwv3hQthW90fHuXyo")), Rejection::Expired);
}

#[test]
fn n8_an_expired_token_is_refused() {
    let json = JSON_OF_A.replace("09:30:00Z", "09:20:00Z").replace("09:35:00Z", "09:25:00Z");
    assert_eq!(refused(&token(&json, "SuQSM64-FsruuXyfW7r_FB_Obo0Rw2SQIIu7ST4wDtI")), Rejection::Expired);
}

#[test]
fn n9_an_empty_payload_that_is_signed_is_refused() {
    assert_eq!(refused(".Sds5JW2kAW4jiKF90yYTBOtxeReoRg1E6IAEg1Ly6iw"), Rejection::PayloadUnreadable);
}

#[test]
fn n10_what_is_no_token_is_refused() {
    let good = token(JSON_OF_A, M_OF_A);
    let rows = [
        (String::new(), Rejection::Missing),
        ("  ".to_owned(), Rejection::Missing),
        ("no-dot".to_owned(), Rejection::NoDot),
        ("abc.".to_owned(), Rejection::NoDot),
        (format!("{good}.x"), Rejection::MacUnreadable),
        (format!("{good}="), Rejection::MacUnreadable),
    ];
    for (text, cause) in rows {
        assert_eq!(refused(&text), cause, "{text}");
    }
    assert_eq!(codec().decode_outbound(None, NOW), Err(Rejection::Missing));
}

#[test]
fn base64_is_read_strictly() {
    // The last character of a MAC carries two bits that mean nothing: they must be zero.
    for last in ["d", "e", "f"] {
        let text = format!("{P_OF_A}.{}{last}", &M_OF_A[..M_OF_A.len() - 1]);
        assert_eq!(refused(&text), Rejection::MacUnreadable);
    }
    for wrong in [M_OF_A.replace('_', "/"), format!(" {M_OF_A}"), format!("{M_OF_A}\n")] {
        assert_eq!(refused(&format!("{P_OF_A}.{wrong}")), Rejection::MacUnreadable);
    }
}

#[test]
fn another_version_cannot_be_written() {
    assert_eq!(codec().encode_outbound(&Outbound { v: 2, ..a() }), Err(WrongVersion(2)));
    assert_eq!(codec().encode_return(&Return { v: 0, ..b() }), Err(WrongVersion(0)));
}

#[test]
fn an_expired_payload_can_be_written() {
    let written = codec().encode_outbound(&a()).unwrap();
    assert_eq!(refused_at(&written, datetime!(2030-01-01 0:00 UTC)), Rejection::Expired);
}

#[test]
fn a_key_of_31_characters_is_refused_and_one_of_32_is_taken() {
    assert_eq!(Codec::new(&"é".repeat(31)).map(drop), Err(KeyTooShort));
    assert!(Codec::new(&"é".repeat(32)).is_ok());
}

#[test]
fn unknown_members_and_whole_seconds_are_read_and_trailing_bytes_are_not() {
    let codec = codec();
    let signed = |json: &str| {
        use hmac::{Hmac, KeyInit, Mac};
        let payload = URL_SAFE_NO_PAD.encode(json);
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
        mac.update(payload.as_bytes());
        format!("{payload}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let more = JSON_OF_A.replace("\"v\":1", "\"v\":1,\"more\":[{}]");
    assert_eq!(codec.decode_outbound(Some(&signed(&more)), NOW), Ok(a()));
    let seconds = OffsetDateTime::parse("2026-06-01T09:35:00Z", &Rfc3339).unwrap().unix_timestamp();
    let whole = JSON_OF_A.replace("\"2026-06-01T09:35:00Z\"", &seconds.to_string());
    assert_eq!(codec.decode_outbound(Some(&signed(&whole)), NOW), Ok(a()));
    assert_eq!(refused(&signed(&format!("{JSON_OF_A} x"))), Rejection::PayloadUnreadable);
    assert_eq!(refused(&signed(&JSON_OF_A.replace("outbound", "Outbound"))), Rejection::Direction);
}
