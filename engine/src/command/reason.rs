//! The words that events give as `reason`.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $word;)*

        /// Every reason.
        pub const ALL: &[&str] = &[$($word),*];
    };
}

reasons! {
    /// Of `stage_skipped`: the stage's `skip_if` holds.
    SKIP_IF = "skip_if";
    /// Of `stage_skipped`: nobody is seated, and `on_empty` is `skip`.
    ON_EMPTY = "on_empty";
    /// Of `request_rejected`: nobody is seated, and `on_empty` is `block`. Of `stage_escalation_failed`: the
    /// escalation rules add nobody.
    NO_APPROVERS = "no_approvers_resolved";
    /// Of `request_rejected` and `stage_escalation_failed`: the rules name more approvers than a stage may seat.
    TOO_MANY_SEATS = "too_many_seats";
    /// One reject ends the stage: `reject_mode` is `veto`.
    REJECTED = "rejected_by_approver";
    /// Somebody whose approval is required rejected.
    REQUIRED_REJECTED = "rejected_by_required_approver";
    /// Somebody whose approval is required abstained.
    REQUIRED_ABSTAINED = "required_abstained";
    /// Every seat abstained.
    ALL_ABSTAINED = "all_abstained";
    /// The seats that are left cannot reach what the mode asks for.
    UNREACHABLE = "quorum_unreachable";
    /// The deadline passed, and `on_breach` is `auto_approve`.
    AUTO_APPROVE = "auto_approve";
    /// The deadline passed, and `on_breach` is `auto_reject`.
    AUTO_REJECT = "auto_reject";
    /// Of `request_approved`: every stage was skipped.
    ALL_SKIPPED = "all_stages_skipped";
    /// Of `request_approved`: the policy has no stages.
    NO_STAGES = "no_stages";
}
