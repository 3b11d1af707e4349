//! Turns a policy as it is written into the policy that the engine uses.
//!
//! All faults are found before the policy is refused, so that an author can mend them in one go.

mod text;

pub use text::{canonical_text, entity_tag, text_sha256};

use crate::api::{ApproverRuleIn, ApproverRuleOut, Location, PolicyCreate, PolicyOut, StageIn, StageOut};
use engine::ids::{PolicyId, RuleId, StageId};
use engine::logic::Logic;
use engine::policy::{
    CommentRequired, Kind, Mode, OnBreach, OnEmpty, Policy, RejectMode, Rule, RuleSource, Stage,
};
use engine::similar;
pub use engine::validate::Fault;
use uuid::Uuid;

/// Reads a policy. It draws from `next_id` one id for each stage and then one for each of its `rules` and
/// `escalation_rules`, in the order in which they are written, whatever the outcome.
///
/// # Errors
/// Every fault found, in the order of the stages.
pub fn to_engine(
    policy: &PolicyCreate,
    id: PolicyId,
    version: i32,
    next_id: &mut dyn FnMut() -> Uuid,
) -> Result<Policy, Vec<Fault>> {
    let mut faults = Vec::new();
    if policy.context_schema.as_ref().is_some_and(|schema| !schema.is_object()) {
        faults.push(Fault::of_policy("context_schema", "must be a JSON object"));
    }
    let mut read = |(index, stage)| Reader { stage, index, faults: &mut faults }.stage(next_id);
    let stages: Vec<Stage> = policy.stages.iter().enumerate().map(&mut read).collect();
    let mut engine = Policy {
        id,
        key: policy.policy_key.clone(),
        version,
        forbid_self_approval: policy.forbid_self_approval,
        forbid_repeat_approvers: policy.forbid_repeat_approvers,
        stages,
    };
    for fault in engine::validate::check(&engine) {
        let known = |seen: &Fault| seen.index == fault.index && seen.field == fault.field;
        if !faults.iter().any(known) {
            faults.push(fault);
        }
    }
    if faults.is_empty() {
        // Only now, so that faults name the stages by their places in what was written.
        engine.stages.sort_by_key(|stage| stage.order);
        return Ok(engine);
    }
    Err(faults)
}

/// The way from a written policy to the field that a fault is about. The value itself may be absent.
#[must_use]
pub fn way(policy: &PolicyCreate, fault: &Fault) -> Vec<Location> {
    let field = |name: &str| Location::Field(name.to_owned());
    let mut way = Vec::new();
    if let Some(order) = fault.stage {
        way.push(field("stages"));
        let last = || policy.stages.iter().rposition(|stage| stage.stage_order == order);
        way.extend(fault.index.or_else(last).map(|index| Location::Index(index as u64)));
    }
    for step in fault.field.split(['.', '[']) {
        let index = step.strip_suffix(']').and_then(|index| index.parse().ok());
        way.push(index.map_or_else(|| field(step), Location::Index));
    }
    way
}

/// Reads a stored version, with its stored ids.
///
/// # Errors
/// Every fault found. There are none unless the version was stored past this crate.
pub fn stored_to_engine(policy: &PolicyOut) -> Result<Policy, Vec<Fault>> {
    let mut ids = policy.stages.iter().flat_map(|stage| {
        let rules = stage.rules.iter().chain(&stage.escalation_rules).map(|rule| rule.id);
        std::iter::once(stage.id).chain(rules)
    });
    // Yields as many ids as `to_engine` draws, in the same order.
    let mut next_id = || ids.next().unwrap_or_default();
    to_engine(&as_written(policy), PolicyId(policy.id), policy.version, &mut next_id)
}

/// Returns the body that would create the same policy again.
#[must_use]
pub fn as_written(policy: &PolicyOut) -> PolicyCreate {
    PolicyCreate {
        policy_key: policy.policy_key.clone(),
        name: policy.name.clone(),
        artifact_type: policy.artifact_type.clone(),
        description: policy.description.clone(),
        forbid_self_approval: policy.forbid_self_approval,
        forbid_repeat_approvers: policy.forbid_repeat_approvers,
        context_schema: policy.context_schema.clone(),
        stages: policy.stages.iter().map(stage_as_written).collect(),
    }
}

fn stage_as_written(stage: &StageOut) -> StageIn {
    let rules = |rules: &[ApproverRuleOut]| {
        let rule = |rule: &ApproverRuleOut| ApproverRuleIn {
            rule_type: rule.rule_type.clone(),
            rule_value: rule.rule_value.clone(),
            kind: rule.kind.clone(),
            required: rule.required,
        };
        rules.iter().map(rule).collect()
    };
    StageIn {
        name: stage.name.clone(),
        stage_order: stage.stage_order,
        mode: stage.mode.clone(),
        mode_value: stage.mode_value,
        reject_mode: stage.reject_mode.clone(),
        sla_hours: stage.sla_hours,
        skip_if: stage.skip_if.clone(),
        on_empty: stage.on_empty.clone(),
        comment_required: stage.comment_required.clone(),
        parallel_group: stage.parallel_group,
        on_breach: stage.on_breach.clone(),
        escalation_rules: rules(&stage.escalation_rules),
        rules: rules(&stage.rules),
    }
}

/// Reads one stage and collects its faults. What cannot be read is replaced by something valid, so that no later
/// check reports it again.
struct Reader<'a> {
    stage: &'a StageIn,
    /// Its place among the stages, as written.
    index: usize,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let fault = Fault::of_stage(self.stage.stage_order, &field.into(), message);
        self.faults.push(Fault { index: Some(self.index), ..fault });
    }

    fn word<T>(&mut self, field: &str, word: &str, parsed: Option<T>, allowed: &[&str], instead: T) -> T {
        parsed.unwrap_or_else(|| {
            self.fault(field, similar::unknown("word", word, allowed));
            instead
        })
    }

    fn stage(mut self, next_id: &mut dyn FnMut() -> Uuid) -> Stage {
        let stage = self.stage;
        let id = StageId(next_id());
        let rules = self.rules("rules", &stage.rules, next_id);
        let escalation_rules = self.rules("escalation_rules", &stage.escalation_rules, next_id);
        let skip_if = stage
            .skip_if
            .as_ref()
            .and_then(|source| Logic::compile(source).map_err(|message| self.fault("skip_if", message)).ok());
        Stage {
            id,
            order: stage.stage_order,
            name: stage.name.clone(),
            mode: self.mode(),
            reject_mode: self.word(
                "reject_mode",
                &stage.reject_mode,
                RejectMode::parse(&stage.reject_mode),
                RejectMode::WORDS,
                RejectMode::Veto,
            ),
            sla_hours: stage.sla_hours,
            skip_if,
            comment_required: self.word(
                "comment_required",
                &stage.comment_required,
                CommentRequired::parse(&stage.comment_required),
                CommentRequired::WORDS,
                CommentRequired::Never,
            ),
            on_empty: self.word(
                "on_empty",
                &stage.on_empty,
                OnEmpty::parse(&stage.on_empty),
                OnEmpty::WORDS,
                OnEmpty::Block,
            ),
            parallel_group: stage.parallel_group,
            on_breach: self.on_breach(),
            rules,
            escalation_rules,
        }
    }

    fn mode(&mut self) -> Mode {
        Mode::parse(&self.stage.mode, self.stage.mode_value).unwrap_or_else(|message| {
            // With a valid value only an unknown mode still fails.
            let known = Mode::parse(&self.stage.mode, Some(1)).is_ok();
            self.fault(if known { "mode_value" } else { "mode" }, message);
            Mode::All
        })
    }

    fn on_breach(&mut self) -> OnBreach {
        let Some(word) = &self.stage.on_breach else { return OnBreach::Notify };
        if self.stage.sla_hours.is_none() {
            self.fault("on_breach", "needs sla_hours: without a deadline there is no breach");
            return OnBreach::Notify;
        }
        self.word("on_breach", word, OnBreach::parse(word), OnBreach::WORDS, OnBreach::Notify)
    }

    fn rules(
        &mut self,
        field: &str,
        rules: &[ApproverRuleIn],
        next_id: &mut dyn FnMut() -> Uuid,
    ) -> Vec<Rule> {
        let mut read = Vec::with_capacity(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            let id = RuleId(next_id());
            let kind = self.word(
                &format!("{field}[{index}].kind"),
                &rule.kind,
                Kind::parse(&rule.kind),
                Kind::WORDS,
                Kind::Approver,
            );
            let source = RuleSource::parse(&rule.rule_type, &rule.rule_value).unwrap_or_else(|message| {
                let known = RuleSource::TYPES.contains(&&*rule.rule_type);
                let part = if known { "rule_value" } else { "rule_type" };
                self.fault(format!("{field}[{index}].{part}"), message);
                // An external rule, too, names people who are not known yet, so no later check draws conclusions from
                // it.
                RuleSource::External { rule_type: "unread".to_owned(), value: rule.rule_value.clone() }
            });
            read.push(Rule { id, kind, required: rule.required, source });
        }
        read
    }
}
