//! One difference, and the list of them.

use crate::policy::Stage;
use crate::words::names;
use serde_json::Value;

/// One difference between two versions of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub kind: ChangeKind,
    /// `stage_order` of the stage, in the later version unless the stage is gone; `None` = the policy as a whole.
    pub stage: Option<i32>,
    /// Name of that stage, in the same version.
    pub stage_name: Option<String>,
    /// The field, as named on the wire; `None` = the stage as a whole.
    pub field: Option<&'static str>,
    /// What it was; null when there was nothing.
    pub before: Value,
    /// What it is; null when there is nothing.
    pub after: Value,
    /// One sentence in plain English, without a full stop.
    pub words: String,
}

/// The kinds of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// A stage or rule is new, or a field has a value for the first time.
    Added,
    /// A stage, rule or value is gone.
    Removed,
    /// A field has another value.
    Changed,
    /// A stage runs at another place among those that stay.
    Moved,
}

names!(ChangeKind { Added = "added", Removed = "removed", Changed = "changed", Moved = "moved" });

/// The differences found so far.
#[derive(Default)]
pub(super) struct Found {
    pub(super) changes: Vec<Change>,
}

/// Where the next differences belong.
pub(super) struct Place<'a> {
    found: &'a mut Found,
    stage: Option<&'a Stage>,
}

impl Found {
    pub(super) const fn at<'a>(&'a mut self, stage: &'a Stage) -> Place<'a> {
        Place { found: self, stage: Some(stage) }
    }

    pub(super) const fn policy(&mut self) -> Place<'_> {
        Place { found: self, stage: None }
    }
}

impl Place<'_> {
    pub(super) fn push(
        &mut self,
        kind: ChangeKind,
        field: Option<&'static str>,
        before: Value,
        after: Value,
        words: String,
    ) {
        let (stage, stage_name) = (self.stage.map(|stage| stage.order), self.stage.map(|s| s.name.clone()));
        self.found.changes.push(Change { kind, stage, stage_name, field, before, after, words });
    }

    /// Notes a field with another value. Where there was none it is added, where there is none any more removed.
    pub(super) fn changed(&mut self, field: &'static str, before: Value, after: Value, words: String) {
        let kind = match (before.is_null(), after.is_null()) {
            (true, false) => ChangeKind::Added,
            (false, true) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        self.push(kind, Some(field), before, after, words);
    }
}
