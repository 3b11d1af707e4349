//! Whatever comes, nothing panics, and nothing that was changed is accepted. `PROPTEST_CASES=1000000` tries for longer.

use data_custodian::handoff::{Codec, Consent, Outbound, Return};
use data_custodian::scope::Scope;
use proptest::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

const KEY: &str = "a key of thirty-two characters, or more";

fn moment() -> impl Strategy<Value = OffsetDateTime> {
    (0i64..4_102_444_800, 0u32..1_000_000_000).prop_map(|(seconds, nanoseconds)| {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap().replace_nanosecond(nanoseconds).unwrap()
    })
}

fn outbound() -> impl Strategy<Value = Outbound> {
    (".{0,20}", moment(), moment(), "[A-Za-z0-9_-]{22}", ".{0,20}", ".{0,40}", ".{0,40}").prop_map(
        |(cid, iat, exp, nonce, client_id, scope, return_url)| Outbound {
            v: 1,
            cid,
            iat,
            exp,
            nonce,
            client_id,
            scope,
            return_url,
        },
    )
}

fn answer() -> impl Strategy<Value = Return> {
    let up = proptest::collection::vec(any::<u128>().prop_map(Uuid::from_u128), 0..4);
    let consent = prop_oneof![Just(Consent::Allow), Just(Consent::Deny)];
    (".{0,20}", moment(), "[A-Za-z0-9_-]{22}", "[0-9]{1,19}", up, proptest::option::of(".{0,40}"), consent)
        .prop_map(|(cid, exp, nonce, sub, up, cust_uri, consent)| Return {
            v: 1,
            cid,
            iat: exp,
            exp,
            nonce,
            sub,
            up,
            cust_uri,
            consent,
        })
}

/// Texts that are scopes more often than chance would make them.
fn near_scope() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        "FB",
        "fb",
        "IntervalDuration",
        "HistoryLength",
        "BlockDuration",
        "BR",
        "[a-z]{0,3}",
        ".?"
    ];
    let value = prop_oneof!["[0-9_]{0,8}", "-?[0-9]{1,9}", ".{0,6}"];
    let term = (key, prop_oneof![Just("="), Just(" = "), Just("")], value)
        .prop_map(|(key, sign, value)| format!("{key}{sign}{value}"));
    proptest::collection::vec(term, 0..6).prop_map(|terms| terms.join(";"))
}

proptest! {
    #[test]
    fn a_scope_that_is_printed_reads_as_the_same(text in near_scope()) {
        let Ok(scope) = Scope::parse(&text) else { return Ok(()) };
        let again = Scope::parse(&scope.to_string()).unwrap();
        prop_assert_eq!(again.function_blocks(), scope.function_blocks());
        prop_assert_eq!(again.interval_duration(), scope.interval_duration());
        prop_assert_eq!(again.history_length(), scope.history_length());
        prop_assert_eq!(again.block_duration(), scope.block_duration());
        prop_assert_eq!(again.extras(), scope.extras());
        prop_assert_eq!(again.to_string(), scope.to_string());
    }

    #[test]
    fn no_text_makes_the_parser_of_scopes_panic(text in ".*") {
        let _ = Scope::parse(&text);
    }

    #[test]
    fn what_is_written_is_read(sent in outbound(), answered in answer()) {
        let codec = Codec::new(KEY).unwrap();
        let token = codec.encode_outbound(&sent).unwrap();
        prop_assert_eq!(codec.decode_outbound(Some(&token), sent.exp).unwrap(), sent);
        let token = codec.encode_return(&answered).unwrap();
        prop_assert_eq!(codec.decode_return(Some(&token), answered.exp).unwrap(), answered);
    }

    #[test]
    fn any_flipped_bit_is_refused(sent in outbound(), place in any::<prop::sample::Index>(), bit in 0u8..7) {
        let codec = Codec::new(KEY).unwrap();
        let mut bytes = codec.encode_outbound(&sent).unwrap().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let text = String::from_utf8(bytes).unwrap();
        prop_assert!(codec.decode_outbound(Some(&text), sent.exp).is_err(), "{text}");
    }

    #[test]
    fn no_bytes_make_the_codec_panic_or_agree(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let codec = Codec::new(KEY).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(codec.decode_outbound(Some(&text), OffsetDateTime::UNIX_EPOCH).is_err());
        prop_assert!(codec.decode_return(Some(&text), OffsetDateTime::UNIX_EPOCH).is_err());
    }

    #[test]
    fn no_signed_bytes_make_the_codec_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        use hmac::{Hmac, KeyInit, Mac};
        let payload = URL_SAFE_NO_PAD.encode(&bytes);
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
        mac.update(payload.as_bytes());
        let token = format!("{payload}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        let codec = Codec::new(KEY).unwrap();
        prop_assert!(codec.decode_outbound(Some(&token), OffsetDateTime::UNIX_EPOCH).is_err());
    }
}
