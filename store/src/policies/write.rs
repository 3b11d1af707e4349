//! The statements that write policies, stages and rules.

use crate::Error;
use crate::audit::Actor;
use crate::pool::Connection;
use engine::policy::{Policy, Rule};
use schemas::api::policy::{ApproverRuleIn, PolicyCreate};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

#[derive(Serialize)]
struct StageRow<'a> {
    id: Uuid,
    stage_order: i32,
    name: &'a str,
    mode: &'a str,
    mode_value: Option<i32>,
    reject_mode: &'a str,
    sla_hours: Option<i32>,
    skip_if: Option<&'a Value>,
    on_empty: &'a str,
    comment_required: &'a str,
    parallel_group: Option<i32>,
    on_breach: &'a str,
}

#[derive(Serialize)]
struct RuleRow<'a> {
    id: Uuid,
    stage_id: Uuid,
    position: usize,
    escalation: bool,
    rule_type: &'a str,
    rule_value: &'a Value,
    kind: &'a str,
    required: bool,
}

/// The rows of `policy`: its words as they were written, with the ids of `engine`, its checked form. Both have the
/// same stages, and the same rules in the same order.
fn rows<'a>(
    policy: &'a PolicyCreate,
    engine: &Policy,
) -> Result<(Vec<StageRow<'a>>, Vec<RuleRow<'a>>), Error> {
    let mismatch = || Error::Internal("a policy and its checked form differ".into());
    let (mut stages, mut rules) = (Vec::new(), Vec::new());
    if policy.stages.len() != engine.stages.len() {
        return Err(mismatch());
    }
    for written in &policy.stages {
        let checked = engine.stages.iter().find(|s| s.order == written.stage_order).ok_or_else(mismatch)?;
        stages.push(StageRow {
            id: checked.id.0,
            stage_order: written.stage_order,
            name: &written.name,
            mode: &written.mode,
            // Mode `all` ignores the value, so nobody has checked what is written there.
            mode_value: written.mode_value.and_then(|v| i32::try_from(v).ok()).filter(|v| *v >= 1),
            reject_mode: &written.reject_mode,
            sla_hours: written.sla_hours,
            skip_if: written.skip_if.as_ref(),
            on_empty: &written.on_empty,
            comment_required: &written.comment_required,
            parallel_group: written.parallel_group,
            on_breach: written.on_breach.as_deref().unwrap_or("notify"),
        });
        let lists = [
            (false, &written.rules, &checked.rules),
            (true, &written.escalation_rules, &checked.escalation_rules),
        ];
        for (escalation, written, ids) in lists {
            if written.len() != ids.len() {
                return Err(mismatch());
            }
            rules.extend(
                written
                    .iter()
                    .zip(ids)
                    .enumerate()
                    .map(|(position, pair)| rule_row(checked.id.0, escalation, position, pair)),
            );
        }
    }
    Ok((stages, rules))
}

fn rule_row<'a>(
    stage_id: Uuid,
    escalation: bool,
    position: usize,
    (written, checked): (&'a ApproverRuleIn, &Rule),
) -> RuleRow<'a> {
    RuleRow {
        id: checked.id.0,
        stage_id,
        position,
        escalation,
        rule_type: &written.rule_type,
        rule_value: &written.rule_value,
        kind: &written.kind,
        required: written.required,
    }
}

fn array(rows: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(rows).map_err(|e| Error::Internal(Box::new(e)))
}

async fn insert_stages(
    connection: &mut Connection,
    policy_id: Uuid,
    policy: &PolicyCreate,
    engine: &Policy,
) -> Result<(), Error> {
    let (stages, rules) = rows(policy, engine)?;
    sqlx::query!(
        "insert into approval_stage
             (id, policy_id, stage_order, name, mode, mode_value, reject_mode, sla_hours, skip_if, on_empty,
              comment_required, parallel_group, on_breach)
         select id, $1, stage_order, name, mode, mode_value, reject_mode, sla_hours, skip_if, on_empty,
                comment_required, parallel_group, on_breach
         from jsonb_to_recordset($2) as s(
             id uuid, stage_order integer, name text, mode text, mode_value integer, reject_mode text,
             sla_hours integer, skip_if jsonb, on_empty text, comment_required text,
             parallel_group integer, on_breach text)",
        policy_id,
        array(&stages)?,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into approver_rule
             (id, stage_id, position, escalation, rule_type, rule_value, kind, required)
         select id, stage_id, position, escalation, rule_type, rule_value, kind, required
         from jsonb_to_recordset($1) as r(
             id uuid, stage_id uuid, position integer, escalation boolean, rule_type text, rule_value jsonb,
             kind text, required boolean)",
        array(&rules)?,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Inserts a new draft with its stages and rules.
pub(super) async fn insert_policy(
    connection: &mut Connection,
    policy: &PolicyCreate,
    engine: &Policy,
    version: i32,
    actor: &Actor,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into approval_policy
             (id, policy_key, version, name, description, artifact_type, status, forbid_self_approval,
              forbid_repeat_approvers, context_schema, created_by)
         values ($1, $2, $3, $4, $5, $6, 'draft', $7, $8, $9, $10)",
        engine.id.0,
        policy.policy_key,
        version,
        policy.name,
        policy.description,
        policy.artifact_type,
        policy.forbid_self_approval,
        policy.forbid_repeat_approvers,
        policy.context_schema,
        actor.subject,
    )
    .execute(&mut *connection)
    .await?;
    insert_stages(connection, engine.id.0, policy, engine).await
}

/// Replaces the content of the draft `id`.
pub(super) async fn replace_policy(
    connection: &mut Connection,
    id: Uuid,
    policy: &PolicyCreate,
    engine: &Policy,
) -> Result<(), Error> {
    sqlx::query!(
        "update approval_policy
         set name = $2, description = $3, artifact_type = $4, forbid_self_approval = $5,
             forbid_repeat_approvers = $6, context_schema = $7, updated_at = now()
         where id = $1",
        id,
        policy.name,
        policy.description,
        policy.artifact_type,
        policy.forbid_self_approval,
        policy.forbid_repeat_approvers,
        policy.context_schema,
    )
    .execute(&mut *connection)
    .await?;
    // Rules are deleted with their stages.
    sqlx::query!("delete from approval_stage where policy_id = $1", id).execute(&mut *connection).await?;
    insert_stages(connection, id, policy, engine).await
}

/// Makes one version the active one and stores the hash of its text.
pub(super) async fn activate(connection: &mut Connection, id: Uuid, text_sha256: &str) -> Result<(), Error> {
    sqlx::query!(
        "update approval_policy set status = 'active', text_sha256 = $2, updated_at = now() where id = $1",
        id,
        text_sha256
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Moves one version to another status.
pub(super) async fn set_status(connection: &mut Connection, id: Uuid, status: &str) -> Result<(), Error> {
    sqlx::query!("update approval_policy set status = $2, updated_at = now() where id = $1", id, status)
        .execute(connection)
        .await?;
    Ok(())
}
