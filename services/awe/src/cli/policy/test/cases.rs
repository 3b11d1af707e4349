//! The format of files of cases.

use engine::policy::RuleSource;
use schemas::api::{JsonObject, PolicyCreate};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use time::OffsetDateTime;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) policy: PolicySource,
    #[serde(default)]
    pub(super) directory: Vec<Entry>,
    #[serde(default)]
    pub(super) delegations: Vec<Absence>,
    pub(super) cases: Vec<Case>,
}

/// The policy that is tried.
#[derive(Debug)]
pub(super) enum PolicySource {
    File(String),
    Inline(Box<PolicyCreate>),
}

/// Written by hand, because serde does not say what is wrong inside an untagged enum.
impl<'de> Deserialize<'de> for PolicySource {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = PolicySource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a policy or the name of its file")
            }

            fn visit_str<E>(self, file: &str) -> Result<PolicySource, E> {
                Ok(PolicySource::File(file.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, policy: A) -> Result<PolicySource, A::Error> {
                let policy = PolicyCreate::deserialize(MapAccessDeserializer::new(policy))?;
                Ok(PolicySource::Inline(Box::new(policy)))
            }
        }

        from.deserialize_any(Either)
    }
}

/// The users that one external rule finds. Exactly one of `role`, `group` and `url` is set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    role: Option<String>,
    client: Option<String>,
    group: Option<String>,
    url: Option<String>,
    users: Vec<String>,
}

/// A delegation; without times it is always in force.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Absence {
    pub(super) user_id: String,
    pub(super) delegate_to: String,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(super) starts_at: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(super) ends_at: Option<OffsetDateTime>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(default)]
    pub(super) context: JsonObject,
    #[serde(default = "requester")]
    pub(super) requester: String,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(super) now: Option<OffsetDateTime>,
    #[serde(default)]
    pub(super) directory: Vec<Entry>,
    #[serde(default)]
    pub(super) delegations: Vec<Absence>,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
    pub(super) expect: Expect,
}

fn requester() -> String {
    "requester".to_owned()
}

/// Something that happens to the request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    Decide(Decide),
    Wait(Wait),
    Reassign(Reassign),
    Cancel(Cancel),
}

/// Somebody decides their own task, or an administrator that of `task_of`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decide {
    pub(super) by: String,
    pub(super) action: String,
    pub(super) task_of: Option<String>,
    pub(super) stage: Option<i32>,
    #[serde(default)]
    pub(super) refused: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    pub(super) hours: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reassign {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) stage: Option<i32>,
    #[serde(default)]
    pub(super) refused: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cancel {
    pub(super) by: String,
    #[serde(default)]
    pub(super) refused: bool,
}

/// What the case must lead to; only what is named is compared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    #[serde(default)]
    pub(super) context: ContextIs,
    pub(super) status: Option<String>,
    /// `Some(None)`: the case says `null`, so there must be no reason.
    #[serde(default, deserialize_with = "named")]
    pub(super) reason: Option<Option<String>>,
    pub(super) open: Option<Vec<String>>,
    #[serde(default)]
    pub(super) stages: Vec<StageIs>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ContextIs {
    #[default]
    Accepted,
    Refused,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StageIs {
    pub(super) stage_order: i32,
    pub(super) approvers: Option<Vec<String>>,
    pub(super) observers: Option<Vec<String>>,
    pub(super) skipped: Option<Skipped>,
    pub(super) state: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "must be skip_if, on_empty, true or false")]
pub(super) enum Skipped {
    Whether(bool),
    Why(String),
}

fn named<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// The directory of a case: the first entry that fits a rule answers it.
pub(super) struct Directory<'a>(Vec<&'a Entry>);

impl<'a> Directory<'a> {
    pub(super) fn new(first: &'a [Entry], then: &'a [Entry]) -> Self {
        Self(first.iter().chain(then).collect())
    }

    /// The users that a rule finds. `None` when no entry fits; an entry may well name no user.
    pub(super) fn users(&self, source: &RuleSource) -> Option<&'a [String]> {
        let RuleSource::External { rule_type, value } = source else { return None };
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let fits = |entry: &&&Entry| match rule_type.as_str() {
            "role" => {
                entry.role.is_some()
                    && entry.role.as_deref() == text("role")
                    && entry.client.as_deref() == text("client")
            }
            "group" => entry.group.is_some() && entry.group.as_deref() == text("group"),
            _ => entry.url.is_some() && entry.url.as_deref() == text("url"),
        };
        self.0.iter().find(fits).map(|entry| entry.users.as_slice())
    }
}
