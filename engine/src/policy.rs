//! A policy version as the engine sees it: already checked (see [`crate::validate`]), immutable.

use crate::ids::{PolicyId, RuleId, StageId};
use crate::logic::Logic;
use crate::similar;
use crate::words::names;
use serde_json::Value;
use std::ops::Range;

mod rule_value;

pub use rule_value::{HttpAuth, http_auth};

/// One immutable policy version. `stages` are sorted by [`Stage::order`].
#[derive(Debug, Clone)]
pub struct Policy {
    /// Id of this version.
    pub id: PolicyId,
    /// The key that callers name.
    pub key: String,
    /// Version number, from 1.
    pub version: i32,
    /// The requester holds no seat.
    pub forbid_self_approval: bool,
    /// Whoever approved an earlier group holds no seat later.
    pub forbid_repeat_approvers: bool,
    /// Stages in activation order.
    pub stages: Vec<Stage>,
}

/// One stage of a policy.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Id of the stage row.
    pub id: StageId,
    /// `stage_order`, unique in the policy, at least 1.
    pub order: i32,
    /// Shown to people.
    pub name: String,
    /// How many approvals complete the stage.
    pub mode: Mode,
    /// What one reject does.
    pub reject_mode: RejectMode,
    /// Hours from activation to `due_at`; `None` = no deadline.
    pub sla_hours: Option<i32>,
    /// Truthy over the context: the stage is skipped.
    pub skip_if: Option<Logic>,
    /// What happens when nobody is seated.
    pub on_empty: OnEmpty,
    /// Which decisions must say why.
    pub comment_required: CommentRequired,
    /// Adjacent stages with the same number run together.
    pub parallel_group: Option<i32>,
    /// What happens when `due_at` passes.
    pub on_breach: OnBreach,
    /// Who is asked.
    pub rules: Vec<Rule>,
    /// Who is added on breach when [`OnBreach::Escalate`].
    pub escalation_rules: Vec<Rule>,
}

/// How many approvals complete a stage; `docs/policies.md`, "Stages".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every seat that does not abstain, and at least one.
    All,
    /// At least N.
    AnyN(u32),
    /// At least ceil(P/100 x (seats - abstentions)), at least 1.
    Percentage(u32),
}

/// What one reject does to the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectMode {
    /// Rejects the stage.
    Veto,
    /// Only counts: the stage is rejected when approval is out of reach.
    Unreachable,
}

/// What happens when a stage seats nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnEmpty {
    /// The request is rejected with reason `no_approvers_resolved`.
    Block,
    /// The stage is skipped.
    Skip,
}

/// What happens when a stage's deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBreach {
    /// Tasks expire, yet may still be decided (late).
    Notify,
    /// Expired seats leave, the escalation approvers join.
    Escalate,
    /// `system:sla` approves the stage.
    AutoApprove,
    /// `system:sla` rejects the stage.
    AutoReject,
}

/// Which decisions of a stage must say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommentRequired {
    /// None.
    #[default]
    Never,
    /// Rejects.
    Reject,
    /// All.
    Always,
}

/// Approvers decide; observers see and comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Holds a seat.
    Approver,
    /// Never counts, never blocks.
    Observer,
}

/// One rule of a stage.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Id of the rule row.
    pub id: RuleId,
    /// Approver or observer.
    pub kind: Kind,
    /// Every user it resolves must approve.
    pub required: bool,
    /// Whom it names.
    pub source: RuleSource,
}

/// Whom a rule names. `User` and `Expression` are answered here; the others need a directory and are
/// answered by a resolver.
#[derive(Debug, Clone)]
pub enum RuleSource {
    /// One subject id.
    User(String),
    /// JSONLogic giving a subject id or a list of them.
    Expression(Logic),
    /// Asked outside; the value is the rule's stored `(rule_type, rule_value)`.
    External {
        /// `role`, `group` or `http`.
        rule_type: String,
        /// The rule value as written in the policy.
        value: Value,
    },
}

names!(Kind { Approver = "approver", Observer = "observer" });
names!(RejectMode { Veto = "veto", Unreachable = "unreachable" });
names!(CommentRequired { Never = "never", Reject = "reject", Always = "always" });
names!(OnEmpty { Block = "block", Skip = "skip" });
names!(OnBreach {
    Notify = "notify", Escalate = "escalate", AutoApprove = "auto_approve", AutoReject = "auto_reject",
});

impl Policy {
    /// The stages that run together with the one at `index`: neighbours that share its `parallel_group`.
    #[must_use]
    pub fn group_at(&self, index: usize) -> Range<usize> {
        let Some(group) = self.stages[index].parallel_group else { return index..index + 1 };
        let same = |stage: &&Stage| stage.parallel_group == Some(group);
        let before = self.stages[..index].iter().rev().take_while(same).count();
        let from_here = self.stages[index..].iter().take_while(same).count();
        index - before..index + from_here
    }
}

impl Mode {
    /// Every word that a policy may say.
    pub const WORDS: &[&str] = &["all", "any-n", "quorum", "percentage"];

    /// Reads `mode` and `mode_value`. `quorum` is another word for `any-n`; `all` looks at no value.
    ///
    /// # Errors
    /// Unknown mode, or a value that is missing or out of range.
    pub fn parse(mode: &str, value: Option<i64>) -> Result<Self, String> {
        let within = |low: i64, high: i64| match value {
            None => Err(format!("mode `{mode}` needs a mode_value")),
            Some(v) if v < low || v > high => {
                Err(format!("mode_value of mode `{mode}` must be between {low} and {high}, not {v}"))
            }
            Some(v) => u32::try_from(v).map_err(|e| e.to_string()),
        };
        match mode {
            "all" => Ok(Self::All),
            "any-n" | "quorum" => within(1, i64::from(i32::MAX)).map(Self::AnyN),
            "percentage" => within(1, 100).map(Self::Percentage),
            other => Err(similar::unknown("mode", other, Self::WORDS)),
        }
    }

    /// The word for it; `any-n` for what was written as `quorum` too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::AnyN(_) => "any-n",
            Self::Percentage(_) => "percentage",
        }
    }

    /// Its `mode_value`.
    #[must_use]
    pub const fn value(self) -> Option<u32> {
        match self {
            Self::All => None,
            Self::AnyN(n) | Self::Percentage(n) => Some(n),
        }
    }
}

impl RuleSource {
    /// Whether a directory or service outside must be asked.
    #[must_use]
    pub const fn is_external(&self) -> bool {
        matches!(self, Self::External { .. })
    }
}
