//! The signature headers of a webhook.

use super::error::{Hint, VerificationError, VerificationKind};
use super::key::Key;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use std::collections::HashMap;

/// The signatures of a webhook in one of both forms.
pub(super) struct Signed {
    /// `webhook-id`; `None` in AWE's own form, which does not sign it.
    id: Option<String>,
    timestamp: String,
    seconds: u64,
    signatures: Vec<Vec<u8>>,
}

/// Values by name in lower case, without the white space around them.
struct Headers(HashMap<String, Vec<Vec<u8>>>);

impl Signed {
    pub(super) fn read<N, V>(headers: impl IntoIterator<Item = (N, V)>) -> Result<Self, VerificationError>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let headers = Headers::gather(headers);
        if headers.has("webhook-signature") {
            Self::standard(&headers)
        } else if headers.has("x-approval-signature") {
            Self::approval(&headers)
        } else {
            let is_ours = headers.has("webhook-id") || headers.has("x-approval-event-id");
            let hint = if is_ours { Hint::Unsigned } else { Hint::NoHeaders };
            let text = "webhook-signature is missing";
            Err(VerificationError::with_hint(VerificationKind::MissingHeader, text, Some(hint)))
        }
    }

    /// Unix seconds.
    pub(super) const fn timestamp(&self) -> u64 {
        self.seconds
    }

    pub(super) fn is_by_any(&self, keys: &[Key], body: &[u8]) -> bool {
        keys.iter().any(|key| self.is_by(key, body))
    }

    /// Whether one of the signatures is by the key; each is compared in constant time.
    pub(super) fn is_by(&self, key: &Key, body: &[u8]) -> bool {
        let mac = match &self.id {
            Some(id) => key.standard(id, &self.timestamp, body),
            None => key.approval(&self.timestamp, body),
        };
        self.signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    }

    fn standard(headers: &Headers) -> Result<Self, VerificationError> {
        let id = headers.only("webhook-id")?;
        let (timestamp, seconds) = headers.seconds("webhook-timestamp")?;
        let entries = headers.only("webhook-signature")?;
        let coded: Vec<&str> = entries.split(' ').filter_map(|entry| entry.strip_prefix("v1,")).collect();
        if coded.is_empty() {
            return Err(bad_header("webhook-signature has no entry of the form `v1,<base64>`"));
        }
        // What is no canonical base64 is the signature of nothing.
        let signatures = coded.into_iter().filter_map(|coded| STANDARD.decode(coded).ok()).collect();
        Ok(Self { id: Some(id), timestamp, seconds, signatures })
    }

    fn approval(headers: &Headers) -> Result<Self, VerificationError> {
        let (timestamp, seconds) = headers.seconds("x-approval-timestamp")?;
        let value = headers.only("x-approval-signature")?;
        let signature = value
            .strip_prefix("sha256=")
            .filter(|digits| digits.len() == 64)
            .and_then(|digits| hex::decode(digits).ok())
            .ok_or_else(|| bad_header("x-approval-signature is not `sha256=` and 64 hexadecimal digits"))?;
        Ok(Self { id: None, timestamp, seconds, signatures: vec![signature] })
    }
}

impl Headers {
    fn gather<N: AsRef<str>, V: AsRef<[u8]>>(headers: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut found: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
        for (name, value) in headers {
            let value = value.as_ref().trim_ascii().to_vec();
            found.entry(name.as_ref().to_ascii_lowercase()).or_default().push(value);
        }
        Self(found)
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The one value of a header, in printable ASCII.
    fn only(&self, name: &str) -> Result<String, VerificationError> {
        let value = match self.0.get(name).map(Vec::as_slice) {
            None | Some([]) => {
                return Err(VerificationError::new(
                    VerificationKind::MissingHeader,
                    format!("{name} is missing"),
                ));
            }
            Some([value]) => value,
            Some(values) => return Err(bad_header(format!("{name} is there {} times", values.len()))),
        };
        let text = std::str::from_utf8(value).ok();
        let is_printable = |text: &&str| !text.is_empty() && text.bytes().all(|b| matches!(b, b' '..=b'~'));
        text.filter(is_printable).map(str::to_owned).ok_or_else(|| {
            bad_header(format!("{name} is empty or has characters that are not printable ASCII"))
        })
    }

    /// The text that was signed, and the Unix seconds that it says.
    fn seconds(&self, name: &str) -> Result<(String, u64), VerificationError> {
        let text = self.only(name)?;
        let is_number = text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = text.parse().ok().filter(|_| is_number);
        let seconds = seconds.ok_or_else(|| bad_header(format!("{name} is not a number of Unix seconds")))?;
        Ok((text, seconds))
    }
}

fn bad_header(text: impl Into<String>) -> VerificationError {
    VerificationError::new(VerificationKind::BadHeader, text)
}
