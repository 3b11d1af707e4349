//! Reading policies, for people and for the engine. Always three statements, however many policies are read.

use crate::pool::{Connection, Pool, Transaction};
use crate::{Error, Store, What};
use engine::ids::PolicyId;
use engine::logic::Logic;
use engine::policy::{
    CommentRequired, Kind, Mode, OnBreach, OnEmpty, Policy, RejectMode, Rule, RuleSource, Stage,
};
use schemas::api::policy::{ApproverRuleOut, PolicyOut, PolicyVersionOut, StageOut};
use serde_json::Value;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

pub(super) const POLICY: Error = Error::NotFound(What::Policy);

struct PolicyRow {
    id: Uuid,
    policy_key: String,
    version: i32,
    name: String,
    description: Option<String>,
    artifact_type: String,
    status: String,
    forbid_self_approval: bool,
    forbid_repeat_approvers: bool,
    context_schema: Option<Value>,
    text_sha256: Option<String>,
    created_by: Option<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

/// One version as the engine sees it, and what else new requests are checked against.
#[derive(Debug, Clone)]
pub struct LoadedPolicy {
    /// The stages and rules.
    pub policy: Policy,
    /// The type of artifact that it is for.
    pub artifact_type: String,
    /// JSON Schema that contexts must match.
    pub context_schema: Option<Value>,
    /// SHA-256 of the canonical text that was activated; `None` for a draft.
    pub text_sha256: Option<String>,
}

macro_rules! policies {
    ($from:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            PolicyRow,
            "select id, policy_key, version, name, description, artifact_type, status, forbid_self_approval,
                    forbid_repeat_approvers, context_schema, text_sha256, created_by, created_at, updated_at " + $from
            $(, $argument)*
        )
    };
}

/// Adds stages and rules. The order of `policies` is kept.
async fn complete(connection: &mut Connection, policies: Vec<PolicyRow>) -> Result<Vec<PolicyOut>, Error> {
    let ids: Vec<Uuid> = policies.iter().map(|p| p.id).collect();
    let stages = sqlx::query!(
        "select id, policy_id, stage_order, name, mode, mode_value, reject_mode, sla_hours, skip_if, on_empty,
                comment_required, parallel_group, on_breach
         from approval_stage where policy_id = any($1) order by policy_id, stage_order",
        &ids,
    )
    .fetch_all(&mut *connection)
    .await?;
    let rules = sqlx::query!(
        "select r.id, r.stage_id, r.escalation, r.rule_type, r.rule_value, r.kind, r.required
         from approver_rule r join approval_stage s on s.id = r.stage_id
         where s.policy_id = any($1) order by r.stage_id, r.escalation, r.position",
        &ids,
    )
    .fetch_all(connection)
    .await?;

    let mut by_stage: HashMap<(Uuid, bool), Vec<ApproverRuleOut>> = HashMap::new();
    for rule in rules {
        by_stage.entry((rule.stage_id, rule.escalation)).or_default().push(ApproverRuleOut {
            id: rule.id,
            rule_type: rule.rule_type,
            rule_value: rule.rule_value,
            kind: rule.kind,
            required: rule.required,
        });
    }
    let mut by_policy: HashMap<Uuid, Vec<StageOut>> = HashMap::new();
    for stage in stages {
        by_policy.entry(stage.policy_id).or_default().push(StageOut {
            id: stage.id,
            name: stage.name,
            stage_order: stage.stage_order,
            mode: stage.mode,
            mode_value: stage.mode_value.map(i64::from),
            reject_mode: stage.reject_mode,
            sla_hours: stage.sla_hours,
            skip_if: stage.skip_if,
            on_empty: stage.on_empty,
            comment_required: stage.comment_required,
            parallel_group: stage.parallel_group,
            // A stage without a deadline has no breach; its column then holds only the default.
            on_breach: stage.sla_hours.map(|_| stage.on_breach),
            escalation_rules: by_stage.remove(&(stage.id, true)).unwrap_or_default(),
            rules: by_stage.remove(&(stage.id, false)).unwrap_or_default(),
        });
    }
    let outs = policies.into_iter().map(|p| PolicyOut {
        stages: by_policy.remove(&p.id).unwrap_or_default(),
        id: p.id,
        policy_key: p.policy_key,
        version: p.version,
        name: p.name,
        description: p.description,
        status: p.status,
        artifact_type: p.artifact_type,
        forbid_self_approval: p.forbid_self_approval,
        forbid_repeat_approvers: p.forbid_repeat_approvers,
        context_schema: p.context_schema,
        text_sha256: p.text_sha256,
        created_by: p.created_by,
        created_at: p.created_at,
        updated_at: p.updated_at,
    });
    Ok(outs.collect())
}

/// One version, as seen by the transaction of this connection.
pub(super) async fn version(
    connection: &mut Connection,
    key: &str,
    version: i32,
) -> Result<PolicyOut, Error> {
    let row = policies!("from approval_policy where policy_key = $1 and version = $2", key, version)
        .fetch_optional(&mut *connection)
        .await?
        .ok_or(POLICY)?;
    one(connection, row).await
}

/// One version by its id, as seen by the transaction of this connection.
pub(crate) async fn by_id(connection: &mut Connection, id: Uuid) -> Result<PolicyOut, Error> {
    let row = policies!("from approval_policy where id = $1", id).fetch_optional(&mut *connection).await?;
    one(connection, row.ok_or(POLICY)?).await
}

async fn one(connection: &mut Connection, row: PolicyRow) -> Result<PolicyOut, Error> {
    complete(connection, vec![row]).await?.pop().ok_or(POLICY)
}

/// The checked form of a stored policy. It was checked before it was stored, so an error is a fault of ours or of
/// somebody's SQL.
fn engine(policy: PolicyOut) -> Result<Policy, Error> {
    let (key, version) = (policy.policy_key.clone(), policy.version);
    let fault =
        |why: Unreadable| Error::Internal(format!("stored policy {key} version {version}: {why}").into());
    let stages = policy.stages.into_iter().map(stage).collect::<Result<_, _>>().map_err(fault)?;
    Ok(Policy {
        id: PolicyId(policy.id),
        key: policy.policy_key,
        version,
        forbid_self_approval: policy.forbid_self_approval,
        forbid_repeat_approvers: policy.forbid_repeat_approvers,
        stages,
    })
}

/// Why the engine cannot read a stored stage or rule.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("unknown {field} {word}")]
    Word { field: &'static str, word: String },
    #[error("{0}")]
    Invalid(Box<dyn std::error::Error + Send + Sync>),
}

fn word<T>(field: &'static str, text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Unreadable> {
    parse(text).ok_or_else(|| Unreadable::Word { field, word: text.to_owned() })
}

fn stage(stage: StageOut) -> Result<Stage, Unreadable> {
    let rules = |list: Vec<ApproverRuleOut>| list.into_iter().map(rule).collect::<Result<Vec<_>, _>>();
    Ok(Stage {
        id: stage.id.into(),
        order: stage.stage_order,
        mode: Mode::parse(&stage.mode, stage.mode_value).map_err(|why| Unreadable::Invalid(why.into()))?,
        reject_mode: word("reject_mode", &stage.reject_mode, RejectMode::parse)?,
        sla_hours: stage.sla_hours,
        skip_if: stage.skip_if.as_ref().map(Logic::stored),
        on_empty: word("on_empty", &stage.on_empty, OnEmpty::parse)?,
        comment_required: word("comment_required", &stage.comment_required, CommentRequired::parse)?,
        parallel_group: stage.parallel_group,
        on_breach: word("on_breach", stage.on_breach.as_deref().unwrap_or("notify"), OnBreach::parse)?,
        rules: rules(stage.rules)?,
        escalation_rules: rules(stage.escalation_rules)?,
        name: stage.name,
    })
}

fn rule(rule: ApproverRuleOut) -> Result<Rule, Unreadable> {
    Ok(Rule {
        id: rule.id.into(),
        kind: word("kind", &rule.kind, Kind::parse)?,
        required: rule.required,
        source: RuleSource::stored(&rule.rule_type, &rule.rule_value)
            .map_err(|why| Unreadable::Invalid(why.into()))?,
    })
}

impl Store {
    /// Begins a snapshot, so that several statements see the same moment: a draft may be edited between two of them.
    async fn snapshot(pool: &Pool) -> Result<Transaction, Error> {
        Ok(pool.snapshot().await?)
    }

    /// One version of a policy.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_policy(&self, key: &str, version: i32) -> Result<PolicyOut, Error> {
        self.pool
            .bounded(async { self::version(&mut *Self::snapshot(&self.pool).await?, key, version).await })
            .await
    }

    /// The newest version of every key, by key.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_policies(&self) -> Result<Vec<PolicyOut>, Error> {
        let mut tx = Self::snapshot(&self.pool).await?;
        let rows = policies!(
            "from (select distinct on (policy_key) * from approval_policy
                   order by policy_key, version desc) newest
             order by policy_key"
        )
        .fetch_all(&mut *tx)
        .await?;
        complete(&mut tx, rows).await
    }

    /// Every version of a key, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the key is unknown.
    pub async fn list_versions(&self, key: &str) -> Result<Vec<PolicyVersionOut>, Error> {
        let versions = sqlx::query_as!(
            PolicyVersionOut,
            "select id, policy_key, version, status, created_at from approval_policy
             where policy_key = $1 order by version desc",
            key,
        )
        .fetch_all(&self.pool)
        .await?;
        if versions.is_empty() { Err(POLICY) } else { Ok(versions) }
    }

    /// One version as the engine sees it, and what else new requests are checked against.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Internal`] when the stored rows make no valid policy.
    pub async fn load_policy(&self, id: PolicyId) -> Result<LoadedPolicy, Error> {
        let load = async {
            let mut tx = Self::snapshot(&self.hot).await?;
            by_id(&mut tx, id.0).await
        };
        let mut policy = self.hot.bounded(load).await?;
        Ok(LoadedPolicy {
            context_schema: policy.context_schema.take(),
            artifact_type: policy.artifact_type.clone(),
            text_sha256: policy.text_sha256.take(),
            policy: engine(policy)?,
        })
    }
}
