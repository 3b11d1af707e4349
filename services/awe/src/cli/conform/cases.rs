//! What is played, and what a receiver makes of it.

use super::answers::Answers;
use super::report::{Judged, Verdict};
use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Client libraries play the same.
const FILE: &str = include_str!("../../../../../schemas/conformance.json");

/// All cases, and what they need besides the receiver's secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kit {
    #[serde(rename = "about")]
    _about: Vec<String>,
    /// One that the receiver does not know; it guards nothing.
    pub(super) other_secret: String,
    /// In the order in which they are played.
    pub(super) cases: Vec<Case>,
}

/// One thing that is tried.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    name: String,
    /// Otherwise webhooks are lost, doubled or forged; without it, it is only better so.
    must: bool,
    expected: Expected,
    why: String,
    pub(super) how: How,
    pub(super) sends: Vec<Send>,
}

/// In which order the webhooks of a case are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    OneAfterTheOther,
    AtOnce,
    Slowly,
}

/// What the receiver does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expected {
    /// Every answer is 2xx.
    Taken,
    /// Every answer is 4xx.
    Refused,
    /// One is 2xx; another may ask for a later attempt (409, 429, 503).
    TakenOnce,
}

/// How a webhook differs from one that is right.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Send {
    /// Which event, by a name within the case.
    pub(super) event: String,
    pub(super) sequence: i64,
    /// Seconds by which the timestamp is off.
    pub(super) offset: i64,
    pub(super) signed_by: Vec<Signer>,
    /// Replace those of the event.
    pub(super) fields: Map<String, Value>,
    /// Bytes in the payload.
    pub(super) filler: usize,
    /// Signed and sent instead of the event.
    pub(super) raw: Option<String>,
    /// Sent instead of what was signed.
    pub(super) sent: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Signer {
    Own,
    Other,
}

impl Default for Send {
    fn default() -> Self {
        Self {
            event: String::new(),
            sequence: 1,
            offset: 0,
            signed_by: vec![Signer::Own],
            fields: Map::new(),
            filler: 0,
            raw: None,
            sent: None,
        }
    }
}

impl Kit {
    pub(super) fn read() -> anyhow::Result<Self> {
        serde_json::from_str(FILE).context("the cases cannot be read")
    }
}

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
            name: self.name.clone(),
            did: answers.told(),
            expected: self.expected.words(),
            why: self.why.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_can_be_played() {
        let kit = Kit::read().expect("the cases");
        assert!(kit.cases.len() >= 16);
        for case in &kit.cases {
            assert!(!case.name.is_empty() && !case.why.is_empty(), "{case:?}");
            assert!(case.sends.len() == if case.how == How::AtOnce { 2 } else { case.sends.len().max(1) });
            assert!(case.how != How::Slowly || case.sends.len() == 1, "{case:?}");
        }
    }
}
