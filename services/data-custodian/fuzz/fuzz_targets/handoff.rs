//! Any bytes as a hand-off token, as they are and signed with the right key: nothing panics, nothing unsigned is
//! accepted, and what is accepted reads as the same when it is written again.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_custodian::handoff::Codec;
use hmac::{Hmac, KeyInit, Mac};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;
use time::OffsetDateTime;

const KEY: &str = "a key of thirty-two characters, or more";

fn signed(payload: &[u8]) -> String {
    let text = URL_SAFE_NO_PAD.encode(payload);
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fuzz_target!(|bytes: &[u8]| {
    let codec = Codec::new(KEY).expect("the key is long enough");
    let now = OffsetDateTime::UNIX_EPOCH;
    let raw = String::from_utf8_lossy(bytes);
    assert!(codec.decode_outbound(Some(&raw), now).is_err(), "accepted without the key: {raw}");
    assert!(codec.decode_return(Some(&raw), now).is_err(), "accepted without the key: {raw}");

    let token = signed(bytes);
    if let Ok(read) = codec.decode_outbound(Some(&token), now) {
        let again = codec.encode_outbound(&read).expect("its version was checked");
        assert_eq!(codec.decode_outbound(Some(&again), now).as_ref(), Ok(&read));
    }
    if let Ok(read) = codec.decode_return(Some(&token), now) {
        let again = codec.encode_return(&read).expect("its version was checked");
        assert_eq!(codec.decode_return(Some(&again), now).as_ref(), Ok(&read));
    }
});
