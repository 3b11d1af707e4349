//! What is played, and what a receiver makes of it.

use super::answers::Answers;
use super::report::{Judged, Verdict};

/// How a webhook differs from one that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Play {
    Right,
    Twice,
    OutOfOrder,
    AtOnce,
    Stale,
    Future,
    WrongSecret,
    ChangedBody,
    Unsigned,
    Rotated,
    RotatedAway,
    UnknownType,
    UnknownField,
    Large,
    Slow,
    NotJson,
}

/// What the receiver does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// Every answer is 2xx.
    Taken,
    /// Every answer is 4xx.
    Refused,
    /// One is 2xx; another may ask for a later attempt (409, 429, 503).
    TakenOnce,
}

/// One thing that is tried.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) play: Play,
    expected: Expected,
    /// Otherwise webhooks are lost, doubled or forged; without it, it is only better so.
    must: bool,
    why: &'static str,
}

const fn must(name: &'static str, play: Play, expected: Expected, why: &'static str) -> Case {
    Case { name, play, expected, must: true, why }
}

const fn should(name: &'static str, play: Play, expected: Expected, why: &'static str) -> Case {
    Case { name, play, expected, must: false, why }
}

/// In the order in which they are played.
pub(super) const CASES: &[Case] = &[
    must(
        "right event",
        Play::Right,
        Expected::Taken,
        "What is not answered 2xx is sent again, and given up in the end.",
    ),
    must(
        "same event again",
        Play::Twice,
        Expected::Taken,
        "An event comes twice when an answer was lost; by its id it is known.",
    ),
    must(
        "later event first",
        Play::OutOfOrder,
        Expected::Taken,
        "Attempts overtake each other; sequence tells the order.",
    ),
    must(
        "same event on two connections at once",
        Play::AtOnce,
        Expected::TakenOnce,
        "Two processes may deliver one event; it takes effect once.",
    ),
    must(
        "timestamp ten minutes old",
        Play::Stale,
        Expected::Refused,
        "Whoever recorded a webhook could play it again later.",
    ),
    must(
        "timestamp ten minutes ahead",
        Play::Future,
        Expected::Refused,
        "A clock that is wrong could otherwise be used to keep a webhook for later.",
    ),
    must(
        "signed with another secret",
        Play::WrongSecret,
        Expected::Refused,
        "Anybody could approve anything.",
    ),
    must(
        "body changed after signing",
        Play::ChangedBody,
        Expected::Refused,
        "The signature is about the bytes as they came.",
    ),
    must("no signature", Play::Unsigned, Expected::Refused, "Anybody could approve anything."),
    must(
        "two signatures, yours the active one",
        Play::Rotated,
        Expected::Taken,
        "While a secret is rotated, two sign.",
    ),
    should(
        "two signatures, yours the older one",
        Play::RotatedAway,
        Expected::Taken,
        "Until the new secret is deployed, webhook-signature still carries yours; X-Approval-Signature does not.",
    ),
    must(
        "event type that nobody has heard of",
        Play::UnknownType,
        Expected::Taken,
        "New types come with new versions; ignore them.",
    ),
    must(
        "field that nobody has heard of",
        Play::UnknownField,
        Expected::Taken,
        "New fields come with new versions; ignore them.",
    ),
    must("body of 64 KiB", Play::Large, Expected::Taken, "request_created carries a context of up to 64 kB."),
    should(
        "body that comes slowly",
        Play::Slow,
        Expected::Taken,
        "Networks are slow at times; it takes two seconds.",
    ),
    should(
        "right signature, no JSON",
        Play::NotJson,
        Expected::Refused,
        "What cannot be read must not be taken for done.",
    ),
];

impl Case {
    /// Judges what the receiver answered.
    pub(super) fn judge(&self, answers: Answers) -> Judged {
        let fits = |status: &u16| match self.expected {
            Expected::Taken => (200..300).contains(status),
            Expected::Refused => (400..500).contains(status),
            Expected::TakenOnce => (200..300).contains(status) || matches!(status, 409 | 429 | 503),
        };
        let taken = answers.statuses.iter().any(|status| (200..300).contains(status));
        let good = answers.statuses.iter().all(fits) && (self.expected != Expected::TakenOnce || taken);
        let verdict = match (&answers.failure, answers.untried, good, self.must) {
            (_, true, ..) => Verdict::Untried,
            (Some(_), ..) => Verdict::Unreached,
            (None, _, true, _) => Verdict::Good,
            (None, _, false, true) => Verdict::Must,
            (None, _, false, false) => Verdict::Should,
        };
        Judged {
            name: self.name,
            did: answers.told(),
            expected: self.expected.words(),
            why: self.why,
            must: self.must,
            verdict,
        }
    }
}

impl Expected {
    const fn words(self) -> &'static str {
        match self {
            Self::Taken => "2xx",
            Self::Refused => "4xx",
            Self::TakenOnce => "2xx; of two, one may be 409, 429 or 503",
        }
    }
}
