//! The words that events give as `reason`.

/// Of `stage_skipped`: its condition holds.
pub const SKIP_IF: &str = "skip_if";
/// Of `stage_skipped`: nobody is seated and the policy says to skip.
pub const ON_EMPTY: &str = "on_empty";
/// Of `request_rejected`: nobody is seated and the policy says to block.
/// Of `stage_escalation_failed`: the escalation rules add nobody.
pub const NO_APPROVERS: &str = "no_approvers_resolved";
/// Of `request_rejected` and `stage_escalation_failed`: the rules name more approvers than a stage may seat.
pub const TOO_MANY_SEATS: &str = "too_many_seats";
/// One reject ends the stage: `reject_mode` is `veto`.
pub const REJECTED: &str = "rejected_by_approver";
/// Somebody whose approval is required rejected.
pub const REQUIRED_REJECTED: &str = "rejected_by_required_approver";
/// Somebody whose approval is required abstained.
pub const REQUIRED_ABSTAINED: &str = "required_abstained";
/// Every seat abstained.
pub const ALL_ABSTAINED: &str = "all_abstained";
/// The seats that are left cannot reach what the mode asks for.
pub const UNREACHABLE: &str = "quorum_unreachable";
/// The deadline passed and the policy approves then.
pub const AUTO_APPROVE: &str = "auto_approve";
/// The deadline passed and the policy rejects then.
pub const AUTO_REJECT: &str = "auto_reject";
/// Of `request_approved`: not one stage ran.
pub const ALL_SKIPPED: &str = "all_stages_skipped";
/// Of `request_approved`: the policy has no stages.
pub const NO_STAGES: &str = "no_stages";
