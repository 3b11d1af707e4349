//! Why a webhook is not accepted.

use std::fmt;

/// The kinds of refusal, named as in `schemas/webhook-vectors.json`. When several things are wrong, the first of these is
/// told: secrets, headers, signature, time, payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VerificationKind {
    /// A header that the signature needs is not there.
    MissingHeader,
    /// A header is there twice, or is not of its form.
    BadHeader,
    /// No signature is by any of the secrets over this body.
    NoMatch,
    /// Signed by one of the secrets, too long ago: a replay, a late delivery, or a clock that is wrong.
    TooOld,
    /// Signed by one of the secrets with a time that lies ahead: a clock is wrong.
    TooNew,
    /// One of the given secrets cannot be one. A fault of the receiver's configuration.
    BadSecret,
    /// The signature is right and the body is no event that can be read. It is not forged.
    BadPayload,
}

impl VerificationKind {
    /// The name in `schemas/webhook-vectors.json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingHeader => "missing_header",
            Self::BadHeader => "bad_header",
            Self::NoMatch => "no_match",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
            Self::BadSecret => "bad_secret",
            Self::BadPayload => "bad_payload",
        }
    }

    /// The HTTP status to answer with. AWE sends the webhook again after any that is not 2xx.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::MissingHeader | Self::BadHeader => 400,
            Self::NoMatch | Self::TooOld | Self::TooNew => 401,
            Self::BadPayload => 422,
            Self::BadSecret => 500,
        }
    }
}

impl fmt::Display for VerificationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Typical mistakes that are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hint {
    /// None of AWE's headers is there.
    NoHeaders,
    /// The webhook carries ids and no signature.
    Unsigned,
    /// The secret lacks `whsec_`.
    MissingPrefix,
    /// The body was parsed and written again.
    ReserialisedBody,
    /// White space was added to the end of the body or taken from it.
    LineEnd,
    /// The body was probably read before.
    EmptyBody,
}

impl Hint {
    /// The name in `schemas/webhook-vectors.json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoHeaders => "no_headers",
            Self::Unsigned => "unsigned",
            Self::MissingPrefix => "missing_prefix",
            Self::ReserialisedBody => "reserialised_body",
            Self::LineEnd => "line_end",
            Self::EmptyBody => "empty_body",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NoHeaders => "none of AWE's headers is there: hand in the request's own headers",
            Self::Unsigned => {
                "the webhook is not signed: its caller has no callback secret, or a proxy takes the header away"
            }
            Self::MissingPrefix => "the secret lacks its beginning `whsec_`: use it as it was shown",
            Self::ReserialisedBody => "the body was parsed and written again: hand in the bytes as they came",
            Self::LineEnd => {
                "white space was added to the end of the body or taken from it: hand in the bytes as they came"
            }
            Self::EmptyBody => "the body is empty: it was probably read before",
        }
    }
}

/// A webhook is not accepted. The text holds no part of a secret, a signature or the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationError {
    kind: VerificationKind,
    hint: Option<Hint>,
    text: String,
}

impl VerificationError {
    pub(super) fn new(kind: VerificationKind, text: impl Into<String>) -> Self {
        Self::with_hint(kind, text, None)
    }

    pub(super) fn with_hint(kind: VerificationKind, text: impl Into<String>, hint: Option<Hint>) -> Self {
        Self { kind, hint, text: text.into() }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> VerificationKind {
        self.kind
    }

    /// A typical mistake that was recognised.
    #[must_use]
    pub const fn hint(&self) -> Option<Hint> {
        self.hint
    }
}

impl fmt::Display for VerificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hint {
            Some(hint) => write!(f, "{} ({})", self.text, hint.advice()),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for VerificationError {}
