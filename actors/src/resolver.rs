//! Answers rules that need a directory. What is owed is a row (`resolve_after`), so an answer that fails or is slow
//! is asked for again, with growing pauses, until it succeeds or the request ends.

use crate::background::Job;
use crate::{Error, Requests};
use engine::command::Command;
use engine::ids::{RequestId, RuleId};
use engine::policy::{Policy, RuleSource};
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::Store;

/// Requests in one round.
const BATCH: i64 = 50;
/// How long a claimed request is left to this resolver.
const LEASE: Duration = Duration::from_secs(60);
/// How long an idle resolver waits before it looks by itself.
const LOOK: Duration = Duration::from_secs(2);

/// Whoever knows which users hold a role, are in a group or are named by an HTTP service.
pub trait Directory: Send + Sync + 'static {
    /// Users of one rule, as stable subject ids, in order.
    ///
    /// # Errors
    /// Words fit for the request's timeline; the question is asked again.
    fn users<'a>(
        &'a self,
        rule_type: &'a str,
        rule_value: &'a Value,
        context: &'a Value,
    ) -> BoxFuture<'a, Result<Vec<String>, String>>;
}

/// The directory of an installation that has none.
#[derive(Debug, Clone, Copy)]
pub struct NoDirectory;

impl Directory for NoDirectory {
    fn users<'a>(
        &'a self,
        rule_type: &'a str,
        _: &'a Value,
        _: &'a Value,
    ) -> BoxFuture<'a, Result<Vec<String>, String>> {
        Box::pin(
            async move { Err(format!("no directory is configured that could answer a {rule_type} rule")) },
        )
    }
}

/// Pause before attempt `attempt + 1`: 5 s, doubling to 60 s.
pub(crate) fn back_off(attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt.max(1) - 1).unwrap_or(0).min(4);
    (Duration::from_secs(5) * 2u32.pow(doublings)).min(Duration::from_secs(60))
}

pub(crate) struct Resolver {
    pub(crate) store: Store,
    pub(crate) requests: Requests,
    pub(crate) directory: Arc<dyn Directory>,
}

impl Resolver {
    async fn resolve(&self, id: RequestId) -> Result<(), Error> {
        let Some(loaded) = self.store.load_request(id).await? else { return Ok(()) };
        let policy = self.store.load_engine_policy(loaded.request.policy_id).await?;
        let asked = loaded.request.pending_rules(&policy);
        let command = match self.answers(&policy, &asked, &loaded.request.context).await {
            Ok(answers) => Command::Resolved { answers },
            Err(reason) => Command::ResolutionFailed { reason },
        };
        match self.requests.apply(id, command).await {
            Ok(_) | Err(Error::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn answers(
        &self,
        policy: &Policy,
        asked: &[RuleId],
        context: &Value,
    ) -> Result<BTreeMap<RuleId, Vec<String>>, String> {
        let mut answers = BTreeMap::new();
        for stage in &policy.stages {
            for rule in stage.rules.iter().chain(&stage.escalation_rules) {
                if let RuleSource::External { rule_type, value } = &rule.source
                    && asked.contains(&rule.id)
                {
                    answers.insert(rule.id, self.directory.users(rule_type, value, context).await?);
                }
            }
        }
        Ok(answers)
    }
}

impl Job for Resolver {
    const NAME: &'static str = "resolver";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        let owed = self.store.claim_resolutions(LEASE, BATCH).await?;
        for id in &owed {
            self.resolve(*id).await?;
        }
        Ok(if owed.is_empty() { LOOK } else { Duration::ZERO })
    }
}
