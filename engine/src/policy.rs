//! A policy version as the engine uses it: immutable, and checked before it was stored (see [`crate::validate`]).

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
    pub id: PolicyId,
    /// The key that callers name.
    pub key: String,
    /// Version number, from 1.
    pub version: i32,
    /// The requester, and the subject that created the request, hold no seat.
    pub forbid_self_approval: bool,
    /// Whoever approved in an earlier group holds no seat in a later one.
    pub forbid_repeat_approvers: bool,
    pub stages: Vec<Stage>,
}

/// One stage of a policy.
#[derive(Debug, Clone)]
pub struct Stage {
    pub id: StageId,
    /// `stage_order`, unique in the policy, at least 1.
    pub order: i32,
    /// Shown to people.
    pub name: String,
    pub mode: Mode,
    pub reject_mode: RejectMode,
    /// Hours from activation to `due_at`; `None` = no deadline.
    pub sla_hours: Option<i32>,
    /// The stage is skipped when this holds over the context.
    pub skip_if: Option<Logic>,
    pub on_empty: OnEmpty,
    pub comment_required: CommentRequired,
    /// Adjacent stages with the same number run together.
    pub parallel_group: Option<i32>,
    pub on_breach: OnBreach,
    pub rules: Vec<Rule>,
    /// Who is added on a breach, with [`OnBreach::Escalate`].
    pub escalation_rules: Vec<Rule>,
}

/// How many approvals complete a stage. `docs/policies.md` explains each mode under "Stages".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every seat that does not abstain, and at least one.
    All,
    /// At least N approvals.
    AnyN(u32),
    /// At least ceil(P/100 x (seats - abstentions)) approvals, and at least 1.
    Percentage(u32),
}

/// What one reject does to the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectMode {
    /// The stage is rejected.
    Veto,
    /// The reject only counts: the stage is rejected once approval is out of reach.
    Unreachable,
}

/// What happens when a stage seats nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnEmpty {
    /// The request is rejected with reason `no_approvers_resolved`.
    Block,
    Skip,
}

/// What happens when a stage's deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBreach {
    /// Tasks expire and may still be decided (late).
    Notify,
    /// Expired seats leave, and the escalation approvers join.
    Escalate,
    /// `system:sla` approves the stage.
    AutoApprove,
    /// `system:sla` rejects the stage.
    AutoReject,
}

/// Which decisions of a stage must say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommentRequired {
    #[default]
    Never,
    /// Only rejects.
    Reject,
    Always,
}

/// What the people whom a rule names may do. Approvers decide; observers see and comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Holds a seat.
    Approver,
    /// Has a task that never counts and never blocks.
    Observer,
}

/// One rule of a stage.
#[derive(Debug, Clone)]
pub struct Rule {
    pub id: RuleId,
    pub kind: Kind,
    /// Every user whom it names must approve.
    pub required: bool,
    pub source: RuleSource,
}

/// Whom a rule names. The engine answers `User` and `Expression` itself; `External` needs a directory or service,
/// which a resolver asks.
#[derive(Debug, Clone)]
pub enum RuleSource {
    /// One subject id.
    User(String),
    /// JSONLogic that gives a subject id or a list of them.
    Expression(Logic),
    /// The rule's stored `(rule_type, rule_value)`, for a resolver.
    External {
        /// `role`, `group` or `http`.
        rule_type: String,
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
    /// Every word that `mode` accepts.
    pub const WORDS: &[&str] = &["all", "any-n", "quorum", "percentage"];

    /// Reads `mode` and `mode_value`. `quorum` is another word for `any-n`; `all` ignores the value.
    ///
    /// # Errors
    /// The mode is unknown, or its value is missing or out of range.
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

    /// The word for the mode. What was written as `quorum` gives `any-n`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::AnyN(_) => "any-n",
            Self::Percentage(_) => "percentage",
        }
    }

    /// The `mode_value`; `None` for `all`.
    #[must_use]
    pub const fn value(self) -> Option<u32> {
        match self {
            Self::All => None,
            Self::AnyN(n) | Self::Percentage(n) => Some(n),
        }
    }
}

impl RuleSource {
    /// Returns whether a directory or service must be asked.
    #[must_use]
    pub const fn is_external(&self) -> bool {
        matches!(self, Self::External { .. })
    }
}
