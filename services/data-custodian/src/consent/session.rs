//! What a browser brings along: nothing is kept here, so any replica can answer. A form fits the browser that it was made for
//! and one token; who is signed in stands in a sealed cookie.

use super::refused::Refused;
use crate::handoff::Codec;
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;

const BROWSER: &str = "custodian_browser";
const CUSTOMER: &str = "custodian_customer";
const SIGN_IN: &str = "custodian_sign_in";
/// How long somebody stays signed in, seconds.
const SIGNED_IN: i64 = 600;

/// The cookies of a request.
#[derive(Debug, Default)]
pub(super) struct Session {
    browser: Option<String>,
    customer: Option<String>,
    sign_in: Option<String>,
}

impl Session {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut session = Self::default();
        let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        for (name, value) in
            texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='))
        {
            let slot = match name {
                BROWSER => &mut session.browser,
                CUSTOMER => &mut session.customer,
                SIGN_IN => &mut session.sign_in,
                _ => continue,
            };
            slot.get_or_insert_with(|| value.to_owned());
        }
        session
    }

    /// The hidden field of a form for this browser and token, and the cookie that it fits.
    pub(super) fn csrf(&self, codec: &Codec, token: &str, is_secure: bool) -> (String, HeaderValue) {
        let browser =
            self.browser.clone().filter(|id| id.len() == 22).unwrap_or_else(crate::nonces::generate);
        (field(codec, &browser, token), cookie(BROWSER, &browser, None, is_secure))
    }

    pub(super) fn require_csrf(
        &self,
        codec: &Codec,
        token: &str,
        given: Option<&str>,
    ) -> Result<(), Refused> {
        let wanted = field(codec, self.browser.as_deref().ok_or(Refused::Csrf)?, token);
        let is_same: bool = wanted.as_bytes().ct_eq(given.unwrap_or_default().as_bytes()).into();
        if is_same { Ok(()) } else { Err(Refused::Csrf) }
    }

    /// Who is signed in.
    pub(super) fn customer(&self, codec: &Codec) -> Option<i64> {
        let text = unsealed(codec, CUSTOMER, self.customer.as_deref()?)?;
        let (customer, until) = text.split_once('.')?;
        let is_over = until.parse::<i64>().ok()? <= OffsetDateTime::now_utc().unix_timestamp();
        customer.parse().ok().filter(|_| !is_over)
    }

    /// The question at the issuer that this browser has open: state, nonce and token.
    pub(super) fn sign_in(&self, codec: &Codec) -> Option<(String, String, String)> {
        let text = unsealed(codec, SIGN_IN, self.sign_in.as_deref()?)?;
        let mut parts = text.splitn(3, ' ').map(str::to_owned);
        Some((parts.next()?, parts.next()?, parts.next()?))
    }
}

/// A cookie by which a customer is signed in.
pub(super) fn signed_in(codec: &Codec, customer: i64) -> HeaderValue {
    let until = OffsetDateTime::now_utc().unix_timestamp() + SIGNED_IN;
    cookie(CUSTOMER, &sealed(codec, CUSTOMER, &format!("{customer}.{until}")), Some(SIGNED_IN), true)
}

/// A cookie that remembers a question at the issuer.
pub(super) fn asked(codec: &Codec, state: &str, nonce: &str, token: &str) -> HeaderValue {
    cookie(SIGN_IN, &sealed(codec, SIGN_IN, &format!("{state} {nonce} {token}")), Some(SIGNED_IN), true)
}

fn field(codec: &Codec, browser: &str, token: &str) -> String {
    URL_SAFE_NO_PAD.encode(codec.seal("csrf", &[browser, token]))
}

fn sealed(codec: &Codec, purpose: &str, text: &str) -> String {
    let (text, mac) = (URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(codec.seal(purpose, &[text])));
    format!("{text}.{mac}")
}

fn unsealed(codec: &Codec, purpose: &str, value: &str) -> Option<String> {
    let (text, mac) = value.split_once('.')?;
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let is_ours: bool = codec.seal(purpose, &[&text]).ct_eq(&URL_SAFE_NO_PAD.decode(mac).ok()?).into();
    is_ours.then_some(text)
}

fn cookie(name: &str, value: &str, seconds: Option<i64>, is_secure: bool) -> HeaderValue {
    let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/consent; HttpOnly; SameSite=Lax{age}{secure}");
    HeaderValue::from_str(&text).expect("a cookie of ours is base64url")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codec() -> Codec {
        Codec::new("a key of thirty-two characters, or more").unwrap()
    }

    fn with(cookie: &HeaderValue) -> Session {
        let mut headers = HeaderMap::new();
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        headers.insert(header::COOKIE, HeaderValue::from_str(&format!("other=1; {pair}")).unwrap());
        Session::of(&headers)
    }

    #[test]
    fn a_form_fits_its_browser_and_its_token_alone() {
        let (field, cookie) = Session::default().csrf(&codec(), "token", false);
        let same = with(&cookie);
        assert!(same.require_csrf(&codec(), "token", Some(&field)).is_ok());
        assert!(same.require_csrf(&codec(), "another", Some(&field)).is_err());
        assert!(same.require_csrf(&codec(), "token", None).is_err());
        assert!(Session::default().require_csrf(&codec(), "token", Some(&field)).is_err());
        let (_, stranger) = Session::default().csrf(&codec(), "token", false);
        assert!(with(&stranger).require_csrf(&codec(), "token", Some(&field)).is_err());
    }

    #[test]
    fn a_customer_is_who_the_sealed_cookie_names() {
        let cookie = signed_in(&codec(), 42);
        assert_eq!(with(&cookie).customer(&codec()), Some(42));
        let other = Codec::new("another key of thirty-two characters!!").unwrap();
        assert_eq!(with(&cookie).customer(&other), None);
        let over = sealed(&codec(), CUSTOMER, "42.1");
        assert_eq!(with(&super::cookie(CUSTOMER, &over, None, true)).customer(&codec()), None);
        let for_another_purpose = sealed(&codec(), SIGN_IN, "42.99999999999");
        assert_eq!(with(&super::cookie(CUSTOMER, &for_another_purpose, None, true)).customer(&codec()), None);
    }
}
