//! What a receiver answered.

use std::time::Duration;

/// What the receiver answered to the webhooks of a case, in the order in which they were sent.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) statuses: Vec<u16>,
    pub(super) failure: Option<String>,
    /// The case cannot be played at this URL.
    pub(super) untried: bool,
    pub(super) took: Duration,
}

impl Answers {
    pub(super) fn told(&self) -> String {
        if self.untried {
            return "not tried: only http:// can be played so slowly".to_owned();
        }
        if let Some(failure) = &self.failure {
            return failure.clone();
        }
        let statuses: Vec<String> = self.statuses.iter().map(u16::to_string).collect();
        format!("{} in {} ms", statuses.join(", "), self.took.as_millis())
    }
}

/// The answers to webhooks, in the order in which they were sent.
pub(super) fn gathered(sent: impl IntoIterator<Item = Result<u16, String>>) -> Answers {
    let mut answers = Answers::default();
    for one in sent {
        match one {
            Ok(status) => answers.statuses.push(status),
            Err(failure) => answers.failure = Some(failure),
        }
    }
    answers
}
