//! What processes cache, and the numbers that tell whether a cache is still true.

use crate::{Error, Store};
use engine::delegation::Delegation;
use engine::ids::PolicyId;
use std::collections::HashMap;
use time::OffsetDateTime;

/// The delegations of one person that are or will be in force, and the number of their last change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DelegationsOf {
    /// Number of the last change; 0 = the person has never had a delegation.
    pub version: i64,
    /// Newest first.
    pub delegations: Vec<Delegation>,
}

impl Store {
    /// The policy epoch: a number that is raised whenever an active version changes.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn policy_epoch(&self) -> Result<i64, Error> {
        Ok(sqlx::query_scalar!("select policy_epoch from catalog").fetch_one(&self.hot).await?)
    }

    /// The delegations of each of these people that are in force at `now` or will be later. One statement, so one
    /// snapshot.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn delegations_of(
        &self,
        users: &[String],
        now: OffsetDateTime,
    ) -> Result<HashMap<String, DelegationsOf>, Error> {
        let rows = sqlx::query!(
            r#"select u.user_id as "user_id!", coalesce(v.version, 0) as "version!",
                      d.delegate_to as "delegate_to?", d.starts_at as "starts_at?", d.ends_at as "ends_at?",
                      d.created_at as "created_at?"
               from unnest($1::text[]) u (user_id)
               left join delegation_version v on v.user_id = u.user_id
               left join user_delegation d on d.user_id = u.user_id and d.ends_at > $2
               order by d.created_at desc, d.id desc"#,
            users,
            now,
        )
        .fetch_all(&self.hot)
        .await?;
        let mut found: HashMap<String, DelegationsOf> = HashMap::with_capacity(users.len());
        for row in rows {
            let of = found.entry(row.user_id.clone()).or_default();
            of.version = row.version;
            if let (Some(delegate_to), Some(starts_at), Some(ends_at), Some(created_at)) =
                (row.delegate_to, row.starts_at, row.ends_at, row.created_at)
            {
                let user_id = row.user_id;
                of.delegations.push(Delegation { user_id, delegate_to, starts_at, ends_at, created_at });
            }
        }
        Ok(found)
    }

    /// The active version of `key`, if there is one, and the policy epoch, in one snapshot.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn active_policy_with_epoch(&self, key: &str) -> Result<Option<(i64, PolicyId)>, Error> {
        let row = sqlx::query!(
            "select c.policy_epoch, p.id from catalog c cross join approval_policy p
             where p.policy_key = $1 and p.status = 'active'",
            key,
        )
        .fetch_optional(&self.hot)
        .await?;
        Ok(row.map(|row| (row.policy_epoch, PolicyId(row.id))))
    }
}
