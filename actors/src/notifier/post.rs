//! Leases mails that are due and sends them, several at once.

use super::options::NotifierOptions;
use crate::background::Job;
use crate::{Error, clock};
use engine::ids::RequestId;
use futures::stream::{self, StreamExt};
use outbound::mail::{Facts, Mail, MailError};
use outbound::{Backoff, UserEntry};
use std::time::Duration;
use store::Store;
use store::notifications::{Notification, Outcome};
use telemetry::measure;
use tracing::{Instrument as _, field};

/// Mails under way at once, each with its own connection to the mail server.
const AT_ONCE: usize = 8;
/// How much longer than an attempt a lease lasts.
const LEASE_OVER: Duration = Duration::from_secs(5);
/// How often it looks without a signal.
const LOOK: Duration = Duration::from_secs(5);
/// Pauses after attempts that failed.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(30 * 60));
/// Attempts before a mail is given up: some two days.
const MOST_ATTEMPTS: i32 = 100;

pub(super) struct Post {
    store: Store,
    options: NotifierOptions,
}

/// Pause after attempt `attempt`, counted from 1.
fn pause_after(attempt: i32) -> Duration {
    // The number in the row is never negative.
    BACKOFF.after(u32::try_from(attempt).unwrap_or(0))
}

impl Post {
    pub(super) fn new(store: Store, options: NotifierOptions) -> Self {
        Self { store, options }
    }

    async fn deliver(&self, owed: &Notification) -> Result<(), Error> {
        let trace = self.store.last_of(RequestId(owed.request_id)).await.and_then(|last| last.trace);
        let span = telemetry::trace::about(&trace, || {
            tracing::debug_span!(
                parent: None,
                "mail",
                otel.kind = "client",
                otel.status_code = field::Empty,
                awe.request.id = %owed.request_id,
                awe.task.id = %owed.task_id,
            )
        });
        let attempt = tokio::time::timeout(self.options.timeout, self.attempt(owed).instrument(span.clone()));
        let late = || self.again(owed, format!("no answer within {:?}", self.options.timeout));
        let outcome = attempt.await.unwrap_or_else(|_| late());
        if matches!(outcome, Outcome::Retry(..) | Outcome::Failed(_)) {
            span.record("otel.status_code", "ERROR");
        }
        tell(owed, &outcome);
        if !self.store.record_notification(owed.id, owed.attempt, &outcome).await? {
            tracing::debug!(task.id = %owed.task_id, "the mail was somebody else's by then");
        }
        Ok(())
    }

    async fn attempt(&self, owed: &Notification) -> Outcome {
        if let Some(why) = not_needed(owed) {
            return Outcome::Dropped(why.to_owned());
        }
        let person = match self.options.directory.user(&owed.assignee).await {
            Ok(person) => person,
            Err(error) => return self.again(owed, error.to_string()),
        };
        let Some((person, to)) = reachable(person) else {
            return Outcome::Dropped(
                "the assignee has no account that is enabled and has an e-mail".to_owned(),
            );
        };
        let letter = match self.options.letters.write(&facts(owed, person.name.as_deref())) {
            Ok(letter) => letter,
            Err(why) => return Outcome::Failed(format!("the template cannot be rendered: {why}")),
        };
        let id = owed.id.to_string();
        let mail = Mail { id: &id, to: &to, name: person.name.as_deref(), letter: &letter };
        match self.options.mailer.send(mail).await {
            Ok(()) => Outcome::Sent,
            Err(MailError::Refused(why)) => Outcome::Failed(format!("refused for good: {why}")),
            Err(MailError::Unavailable(why)) => self.again(owed, why),
        }
    }

    fn again(&self, owed: &Notification, why: String) -> Outcome {
        if owed.attempt >= MOST_ATTEMPTS {
            return Outcome::Failed(format!("given up after {MOST_ATTEMPTS} attempts: {why}"));
        }
        Outcome::Retry(pause_after(owed.attempt), why)
    }
}

/// Why this mail is not wanted any more, if so.
fn not_needed(owed: &Notification) -> Option<&'static str> {
    if !matches!(&*owed.task_status, "open" | "claimed") {
        return Some("the task is not open any more");
    }
    let moved = owed.reminder_of.is_some() && owed.reminder_of != owed.due_at;
    moved.then_some("the deadline has moved")
}

fn reachable(person: Option<UserEntry>) -> Option<(UserEntry, String)> {
    let person = person.filter(|person| person.enabled)?;
    let to = person.email.clone().filter(|email| !email.trim().is_empty())?;
    Some((person, to))
}

fn facts<'a>(owed: &'a Notification, name: Option<&'a str>) -> Facts<'a> {
    Facts {
        reminder: owed.reminder_of.is_some(),
        task_id: owed.task_id,
        request_id: owed.request_id,
        kind: &owed.kind,
        assignee: &owed.assignee,
        assignee_name: name.unwrap_or_default(),
        delegated_from: owed.delegated_from.as_deref().unwrap_or_default(),
        artifact_type: &owed.artifact_type,
        artifact_id: &owed.artifact_id,
        requester: &owed.requester,
        policy_key: &owed.policy_key,
        policy_name: &owed.policy_name,
        stage_name: &owed.stage_name,
        due_at: owed.due_at,
    }
}

/// Counts a mail, and writes one log line for it: which task, and why it was not sent.
fn tell(owed: &Notification, outcome: &Outcome) {
    let (task, request, attempt) = (owed.task_id, owed.request_id, owed.attempt);
    let reminder = owed.reminder_of.is_some();
    measure::mailed(match outcome {
        Outcome::Sent => "sent",
        Outcome::Dropped(_) => "dropped",
        Outcome::Retry(..) => "retried",
        Outcome::Failed(_) => "failed",
    });
    match outcome {
        Outcome::Sent => {
            tracing::debug!(task.id = %task, request.id = %request, reminder, attempt, "mail sent")
        }
        Outcome::Dropped(why) => {
            tracing::info!(task.id = %task, request.id = %request, reminder, why, "no mail is sent");
        }
        Outcome::Retry(pause, why) => {
            tracing::warn!(task.id = %task, request.id = %request, reminder, attempt, why, ?pause,
                "a mail could not be sent; trying again");
        }
        Outcome::Failed(why) => {
            tracing::error!(task.id = %task, request.id = %request, reminder, attempt, why, "a mail is given up");
        }
    }
}

impl Job for Post {
    const NAME: &'static str = "notifier";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        let lease = self.options.timeout + LEASE_OVER;
        let taken = self.store.lease_notifications(lease, i64::try_from(AT_ONCE).unwrap_or(i64::MAX)).await?;
        if taken.is_empty() {
            let next = self.store.next_notification().await?;
            let wait = next.map(|at| Duration::try_from(at - clock::now()).unwrap_or_default());
            return Ok(wait.map_or(LOOK, |wait| wait.min(LOOK)));
        }
        let post = &*self;
        let deliveries = taken.into_iter().map(async |owed| post.deliver(&owed).await);
        let mut done = stream::iter(deliveries).buffer_unordered(AT_ONCE);
        while let Some(recorded) = done.next().await {
            if let Err(error) = recorded {
                tracing::warn!(%error, "what came of a mail was not recorded; it may be sent again");
            }
        }
        Ok(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_given_up_after_some_two_days() {
        let pauses: Vec<u64> = [1, 2, 3, 11, 12, 99].map(pause_after).iter().map(Duration::as_secs).collect();
        assert_eq!(pauses, [2, 4, 8, 1800, 1800, 1800]);
        let all: Duration = (1..MOST_ATTEMPTS).map(pause_after).sum();
        assert_eq!(all.as_secs() / 3600, 45);
    }

    #[test]
    fn only_whoever_may_log_in_and_has_an_address_gets_mail() {
        let person = |enabled, email: Option<&str>| {
            Some(UserEntry {
                id: "ann".to_owned(),
                username: "ann".to_owned(),
                name: None,
                email: email.map(str::to_owned),
                enabled,
                service_account: false,
            })
        };
        assert!(reachable(person(true, Some("ann@example.org"))).is_some());
        for nobody in
            [None, person(false, Some("ann@example.org")), person(true, None), person(true, Some(" "))]
        {
            assert_eq!(reachable(nobody), None);
        }
    }
}
