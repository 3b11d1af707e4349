//! What a policy would do with a context: asked of the engine, and of the directory, without a request.

use super::Requests;
use crate::catalog::Version;
use crate::directory::Question;
use crate::{Error, clock, people};
use engine::command::Environment;
use engine::ids::RuleId;
use engine::policy::{Policy, RuleSource};
use schemas::api::policy::{SimulateRequest, SimulateResponse, SimulateStageOut};
use serde_json::Value;
use std::collections::BTreeMap;

impl Requests {
    /// What a policy version would do with a context. Writes nothing. `caller` is who asks: with their callback
    /// secrets the questions to services are signed.
    ///
    /// # Errors
    /// [`Error::UnknownPolicy`], [`Error::Context`], [`Error::Directory`], [`Error::Unavailable`].
    pub async fn simulate(
        &self,
        caller: &str,
        key: &str,
        version: i32,
        body: SimulateRequest,
    ) -> Result<SimulateResponse, Error> {
        let out = self.shared.store.get_policy(key, version).await?;
        // Drafts change, so a simulation never uses the cache of started versions.
        let version = Version::new(self.shared.store.load_policy(out.id.into()).await?);
        let (policy, now) = (&version.policy, clock::now());
        let context = body.context;
        version.check_context(&context, caller, &self.shared.validations).await?;
        let answers = self.answers(caller, policy, &context).await?;
        let requester = body.requester.as_deref().unwrap_or(caller);
        // Nothing is committed that would show what is remembered to be out of date.
        let simulated = people::decide(&self.shared.catalog.people, now, true, |delegations| {
            let env = Environment { policy, delegations, now };
            Ok(engine::simulate::simulate(&env, &context, &[requester, caller], &answers))
        });
        let stages =
            simulated.await??.what.into_iter().zip(&out.stages).map(|(simulated, stage)| SimulateStageOut {
                stage_order: simulated.order,
                name: simulated.name,
                mode: stage.mode.clone(),
                mode_value: stage.mode_value,
                comment_required: stage.comment_required.clone(),
                resolved_approvers: simulated.resolved_approvers,
                resolved_observers: simulated.resolved_observers,
                skipped: simulated.skipped,
                skip_reason: simulated.skip_reason.map(str::to_owned),
                unknown_users: simulated.unknown_users,
                resolution_errors: simulated.resolution_errors,
            });
        Ok(SimulateResponse { policy_id: out.id, policy_version: out.version, stages: stages.collect() })
    }

    /// What the directory says about every rule that a request with this context would ask.
    async fn answers(
        &self,
        caller: &str,
        policy: &Policy,
        context: &Value,
    ) -> Result<BTreeMap<RuleId, Vec<String>>, Error> {
        let mut answers = BTreeMap::new();
        for rule in engine::simulate::asks(policy, context) {
            if let RuleSource::External { rule_type, value } = &rule.source {
                let question =
                    Question { rule_type, rule_value: value, context, caller, callback_secret_id: None };
                answers.insert(rule.id, self.directory.users(question).await.map_err(Error::Directory)?);
            }
        }
        Ok(answers)
    }
}
