//! Policies: one row for each version. Drafts are edited in place; a version that was once active never changes
//! again.
//!
//! Writes to one key are serialized: a new version gets its number under an advisory lock on the key, and changes of
//! status lock the rows of the key. Row locks are `for no key update`, so that requests may refer to a version
//! meanwhile.

mod hashes;
mod read;
mod write;

pub use hashes::PolicyTexts;
pub use read::LoadedPolicy;
pub(crate) use read::by_id;

use crate::audit::{self, Actor, Record};
use crate::pool::Connection;
use crate::{Clash, Error, Store, once};
use engine::policy::Policy;
use read::POLICY;
use schemas::api::policy::{PolicyCreate, PolicyOut};
use schemas::etag::IfMatch;
use schemas::policy::{as_written, entity_tag, text_sha256};
use serde_json::json;
use uuid::Uuid;

fn record(action: &'static str, verb: &str, policy: &PolicyOut) -> Record {
    Record {
        action,
        resource_type: "policy",
        resource_id: format!("{}:{}", policy.policy_key, policy.version),
        summary: Some(format!("{verb} {} version {}", policy.policy_key, policy.version)),
        metadata: Some(json!({"policy_key": policy.policy_key, "version": policy.version})),
        ..Record::default()
    }
}

/// Locks the numbering of the versions of `key` until the end of the transaction; returns the newest number.
async fn lock_numbering(connection: &mut Connection, key: &str) -> Result<Option<i32>, Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('approval_policy ' || $1, 0))")
        .bind(key)
        .execute(&mut *connection)
        .await?;
    let newest = sqlx::query_scalar!("select max(version) from approval_policy where policy_key = $1", key)
        .fetch_one(connection)
        .await?;
    Ok(newest)
}

struct Version {
    id: Uuid,
    version: i32,
    status: String,
}

/// Locks the versions of `key` until the end of the transaction, so that nobody else changes their status.
async fn lock_versions(connection: &mut Connection, key: &str) -> Result<Vec<Version>, Error> {
    let versions = sqlx::query_as!(
        Version,
        "select id, version, status from approval_policy where policy_key = $1
         order by version for no key update",
        key,
    )
    .fetch_all(connection)
    .await?;
    Ok(versions)
}

fn active(versions: &[Version]) -> Option<&Version> {
    versions.iter().find(|v| v.status == "active")
}

/// The hash of a version's text, which must equal the one that was stored when it was activated before.
fn checked_hash(policy: &PolicyOut) -> Result<String, Error> {
    let hash = text_sha256(policy).map_err(|e| Error::Internal(Box::new(e)))?;
    if policy.text_sha256.as_ref().is_some_and(|activated| *activated != hash) {
        let (key, version) = (&policy.policy_key, policy.version);
        let text =
            format!("the text of policy {key} version {version} is not the one that was activated before");
        return Err(Error::Conflict(Clash::TextChanged, text));
    }
    Ok(hash)
}

/// Refuses a version that the caller has not read as it is now.
fn must_match(policy: &PolicyOut, expected: Option<&IfMatch>) -> Result<(), Error> {
    let Some(expected) = expected else { return Ok(()) };
    let tag = entity_tag(policy).map_err(|e| Error::Internal(Box::new(e)))?;
    if expected.holds_for(&tag) {
        return Ok(());
    }
    let (key, version, status) = (&policy.policy_key, policy.version, &policy.status);
    let text = format!(
        "header If-Match: policy {key} version {version} is not what you have read: it is {status} and was last changed \
         by somebody else or by an earlier call of yours; nothing was done: read it again"
    );
    Err(Error::Conflict(Clash::Unexpected, text))
}

impl Store {
    /// Stores version 1 of a new key, a draft. `engine` is `policy` in its checked form; its ids (policy, stages,
    /// rules) become the ids of the rows.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the key exists.
    pub async fn create_policy(
        &self,
        policy: &PolicyCreate,
        engine: &Policy,
        actor: &Actor,
    ) -> Result<PolicyOut, Error> {
        let mut tx = self.pool.begin().await?;
        let key = &policy.policy_key;
        if lock_numbering(&mut tx, key).await?.is_some() {
            return Err(Error::Conflict(Clash::PolicyExists, format!("policy {key} already exists")));
        }
        write::insert_policy(&mut tx, policy, engine, 1, actor).await?;
        let created = read::version(&mut tx, key, 1).await?;
        let entry = Record { after: audit::json(&created)?, ..record("policy.create", "created", &created) };
        audit::insert(&mut tx, actor, &entry).await?;
        once::commit(tx, actor.once.as_ref(), &created).await?;
        Ok(created)
    }

    /// Stores the next version of an existing key, a draft. The version number in `engine` is ignored.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the key is unknown.
    pub async fn add_policy_version(
        &self,
        policy: &PolicyCreate,
        engine: &Policy,
        actor: &Actor,
    ) -> Result<PolicyOut, Error> {
        let mut tx = self.pool.begin().await?;
        let key = &policy.policy_key;
        let next = lock_numbering(&mut tx, key).await?.ok_or(POLICY)? + 1;
        write::insert_policy(&mut tx, policy, engine, next, actor).await?;
        let added = read::version(&mut tx, key, next).await?;
        let entry = Record { after: audit::json(&added)?, ..record("policy.add_version", "added", &added) };
        audit::insert(&mut tx, actor, &entry).await?;
        tx.commit().await?;
        Ok(added)
    }

    /// Replaces the content of a draft, stages and rules included. The policy keeps its id; stages and rules get the
    /// ids in `engine`. `expected` is the state that the caller has read; `None` = whatever it is.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is not as expected, or no longer a draft.
    pub async fn update_draft(
        &self,
        key: &str,
        version: i32,
        policy: &PolicyCreate,
        engine: &Policy,
        expected: Option<&IfMatch>,
        actor: &Actor,
    ) -> Result<PolicyOut, Error> {
        let mut tx = self.pool.begin().await?;
        let row = sqlx::query!(
            "select id, status from approval_policy where policy_key = $1 and version = $2
             for no key update",
            key,
            version,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(POLICY)?;
        let before = read::version(&mut tx, key, version).await?;
        must_match(&before, expected)?;
        if row.status != "draft" {
            let text = format!("policy {key} version {version} is {}: only drafts can be edited", row.status);
            return Err(Error::Conflict(Clash::NotDraft, text));
        }
        write::replace_policy(&mut tx, row.id, policy, engine).await?;
        let updated = read::version(&mut tx, key, version).await?;
        let entry = Record {
            before: audit::json(&before)?,
            after: audit::json(&updated)?,
            ..record("policy.update", "updated", &updated)
        };
        audit::insert(&mut tx, actor, &entry).await?;
        tx.commit().await?;
        Ok(updated)
    }

    /// Makes a version the active one and archives the one before it; an archived version is activated again in the
    /// same way. Activating the active version changes nothing and is not audited.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when somebody changed the text since it was activated before.
    pub async fn activate_policy(&self, key: &str, version: i32, actor: &Actor) -> Result<PolicyOut, Error> {
        self.activate(key, version, None, None, actor).await
    }

    /// [`Store::activate_policy`] for a version that the gate has judged, if its text is still the one that was
    /// judged. `expected` is the state that the caller has read; `None` = whatever it is.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is not as expected, or the text has changed.
    pub async fn activate_judged_policy(
        &self,
        judged: &PolicyOut,
        expected: Option<&IfMatch>,
        actor: &Actor,
    ) -> Result<PolicyOut, Error> {
        self.activate(&judged.policy_key, judged.version, Some(judged), expected, actor).await
    }

    async fn activate(
        &self,
        key: &str,
        version: i32,
        judged: Option<&PolicyOut>,
        expected: Option<&IfMatch>,
        actor: &Actor,
    ) -> Result<PolicyOut, Error> {
        let mut tx = self.pool.begin().await?;
        let versions = lock_versions(&mut tx, key).await?;
        let target = versions.iter().find(|v| v.version == version).ok_or(POLICY)?;
        // A draft may have been edited since it was read and judged; under the lock it cannot change any more.
        let found = read::version(&mut tx, key, version).await?;
        must_match(&found, expected)?;
        if let Some(judged) = judged
            && as_written(judged) != as_written(&found)
        {
            return Err(Error::Conflict(
                Clash::Judged,
                format!(
                    "policy {key} version {version} was changed while it was judged; nothing was activated: activate it \
                 again to have it judged as it is now"
                ),
            ));
        }
        if target.status == "active" {
            once::commit(tx, actor.once.as_ref(), &found).await?;
            return Ok(found);
        }
        let text_sha256 = checked_hash(&found)?;
        let previous = active(&versions);
        if let Some(previous) = previous {
            write::set_status(&mut tx, previous.id, "archived").await?;
        }
        write::activate(&mut tx, target.id, &text_sha256).await?;
        let activated = read::version(&mut tx, key, version).await?;
        let entry = Record {
            before: Some(json!({"status": target.status, "active_version": previous.map(|p| p.version)})),
            after: Some(json!({"status": "active", "active_version": version})),
            ..record("policy.activate", "activated", &activated)
        };
        audit::insert(&mut tx, actor, &entry).await?;
        once::commit(tx, actor.once.as_ref(), &activated).await?;
        Ok(activated)
    }

    /// Archives the active version; the key takes no new requests until another is activated.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when the version is not active.
    pub async fn deactivate_policy(
        &self,
        key: &str,
        version: i32,
        actor: &Actor,
    ) -> Result<PolicyOut, Error> {
        let mut tx = self.pool.begin().await?;
        let versions = lock_versions(&mut tx, key).await?;
        let target = versions.iter().find(|v| v.version == version).ok_or(POLICY)?;
        if target.status != "active" {
            let text = format!("policy {key} version {version} is {}, not active", target.status);
            return Err(Error::Conflict(Clash::NotActive, text));
        }
        write::set_status(&mut tx, target.id, "archived").await?;
        let deactivated = read::version(&mut tx, key, version).await?;
        let entry = Record {
            before: Some(json!({"status": "active", "active_version": version})),
            after: Some(json!({"status": "archived", "active_version": null})),
            ..record("policy.deactivate", "deactivated", &deactivated)
        };
        audit::insert(&mut tx, actor, &entry).await?;
        once::commit(tx, actor.once.as_ref(), &deactivated).await?;
        Ok(deactivated)
    }
}
