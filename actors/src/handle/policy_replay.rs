//! Replays requests that have ended under another version of their policy: see [`engine::replay`].

use super::Requests;
use crate::Error;
use crate::directory::Question;
use engine::ids::RuleId;
use engine::policy::{Policy, RuleSource};
use engine::replay::{Course, Replayed, Routed, differences, recorded_answers, replay, routes};
use engine::request::RequestStatus;
use schemas::api::{PolicyReplayIn, PolicyReplayOut, ReplayedRequestOut, ReplayedStageOut};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use store::requests::Loaded;

/// Requests in one replay when only `since` is given, and when nothing is.
const MOST: u32 = 1_000;
const UNSAID: u32 = 100;
/// How long one replay may take.
const WITHIN: Duration = Duration::from_secs(20);
/// Most requests that are told with what would have gone otherwise, and most people of a stage.
const MOST_TOLD: usize = 100;
const MOST_PEOPLE: usize = 100;
/// Most rules that the directory is asked about.
const MOST_ASKED: usize = 50;

/// What the directory says about a rule now; `None` when it cannot say. A rule that looks at the context, or calls a
/// service, is not asked about.
type Asked = BTreeMap<RuleId, Option<Vec<String>>>;

impl Requests {
    /// What a policy version would have made of requests of its key that have ended. Writes nothing.
    ///
    /// # Errors
    /// [`Error::UnknownPolicy`], [`Error::Unavailable`].
    pub async fn replay_policy(
        &self,
        caller: &str,
        key: &str,
        version: i32,
        body: PolicyReplayIn,
    ) -> Result<PolicyReplayOut, Error> {
        let began = Instant::now();
        let shown = self.shared.store.get_policy(key, version).await?;
        let policy = self.shared.store.load_policy(shown.id.into()).await?.policy;
        let most = body.last.unwrap_or(if body.since.is_some() { MOST } else { UNSAID });
        let ended = self.shared.store.ended_requests(key, body.since, most).await?;
        let mut out = PolicyReplayOut {
            policy_key: key.to_owned(),
            version,
            looked_at: 0,
            stopped_early: false,
            same: 0,
            different: 0,
            undecided: 0,
            unknown: 0,
            requests: Vec::new(),
        };
        let mut asked = Asked::new();
        for id in ended {
            if began.elapsed() > WITHIN {
                out.stopped_early = true;
                break;
            }
            // Retention may have deleted it meanwhile.
            let Some(recorded) = self.shared.store.load_request(id).await? else { continue };
            let told = self.replay_one(caller, &policy, &recorded, &mut asked).await?;
            out.looked_at += 1;
            *count_of(&mut out, &told.outcome) += 1;
            if !told.words.is_empty() && out.requests.len() < MOST_TOLD {
                out.requests.push(told);
            }
        }
        Ok(out)
    }

    async fn replay_one(
        &self,
        caller: &str,
        policy: &Policy,
        recorded: &Loaded,
        asked: &mut Asked,
    ) -> Result<ReplayedRequestOut, Error> {
        let version = self.shared.catalog.version(recorded.request.policy_id).await?;
        let mut answers = recorded_answers(&version.policy, &recorded.request, policy);
        self.ask(caller, policy, recorded, &mut answers, asked).await;
        let replayed = replay(policy, &recorded.request, &answers);
        let words = differences(&version.policy, &recorded.request, policy, &replayed);
        Ok(ReplayedRequestOut {
            request_id: recorded.request.id.0,
            artifact_id: recorded.meta.artifact_id.clone(),
            policy_version: recorded.meta.policy_version,
            status: recorded.request.status.as_str().to_owned(),
            outcome: outcome(recorded.request.status, &replayed).to_owned(),
            stages: routes(policy, &replayed.request).into_iter().map(shown).collect(),
            words,
        })
    }

    /// Asks the directory about the rules of which the recorded seats say nothing, each once in a replay.
    async fn ask(
        &self,
        caller: &str,
        policy: &Policy,
        recorded: &Loaded,
        answers: &mut BTreeMap<RuleId, Vec<String>>,
        asked: &mut Asked,
    ) {
        let mut rules = Vec::new();
        for stage in &policy.stages {
            rules.extend(stage.rules.iter().chain(&stage.escalation_rules));
        }
        for rule in rules {
            let RuleSource::External { rule_type, value } = &rule.source else { continue };
            if answers.contains_key(&rule.id) || rule_type == "http" {
                continue;
            }
            if !asked.contains_key(&rule.id) && asked.len() < MOST_ASKED {
                let question = Question {
                    rule_type,
                    rule_value: value,
                    context: &recorded.request.context,
                    caller,
                    callback_secret_id: None,
                };
                let answer = self.directory.users(question).await;
                asked.insert(rule.id, answer.ok());
            }
            if let Some(Some(users)) = asked.get(&rule.id) {
                answers.insert(rule.id, users.clone());
            }
        }
    }
}

fn outcome(recorded: RequestStatus, replayed: &Replayed) -> &'static str {
    let status = replayed.request.status;
    match status.is_terminal() {
        true if status == recorded => "same",
        true => "different",
        false if !replayed.unknown.is_empty() => "unknown",
        false => "undecided",
    }
}

fn count_of<'a>(out: &'a mut PolicyReplayOut, outcome: &str) -> &'a mut i64 {
    match outcome {
        "same" => &mut out.same,
        "different" => &mut out.different,
        "unknown" => &mut out.unknown,
        _ => &mut out.undecided,
    }
}

fn shown(stage: Routed) -> ReplayedStageOut {
    let state = match stage.outcome {
        Course::NotReached => "not_reached",
        Course::Skipped => "skipped",
        Course::Waiting => "waiting",
        Course::Approved => "approved",
        Course::Rejected => "rejected",
    };
    ReplayedStageOut {
        stage_order: stage.order,
        name: stage.name,
        state: state.to_owned(),
        approvers: stage.approvers.into_iter().take(MOST_PEOPLE).collect(),
        needed: stage.needed,
        approvals: stage.approvals,
    }
}
