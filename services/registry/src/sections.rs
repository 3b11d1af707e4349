//! Which sections there are, and which of them ask AWE.

use sqlx::PgPool;

/// A section as it is written.
#[derive(Debug)]
pub struct NewSection<'a> {
    pub register: &'a str,
    pub section: &'a str,
    pub name: &'a str,
    pub auto_approval: bool,
    pub policy_key: Option<&'a str>,
    pub context_fields: &'a [&'a str],
}

/// Writes a section unless it is there: what operators have changed stays.
///
/// # Errors
/// The database.
pub async fn add(db: &PgPool, new: &NewSection<'_>) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "insert into g2p_register_sections values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
    );
    let query = query.bind(new.register).bind(new.section).bind(new.name).bind(new.auto_approval);
    query.bind(new.policy_key).bind(new.context_fields).execute(db).await.map(drop)
}

/// Sets the policy of a section; `None`: AWE is not asked any more. Change requests that wait go on as they began.
/// Returns whether there is such a section.
///
/// # Errors
/// The database.
pub async fn set_policy(
    db: &PgPool,
    register: &str,
    section: &str,
    policy_key: Option<&str>,
    context_fields: Option<&[String]>,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "update g2p_register_sections
         set awe_policy_key = $3, awe_context_fields = coalesce($4, awe_context_fields)
         where register_mnemonic = $1 and section_id = $2",
    );
    let query = query.bind(register).bind(section).bind(policy_key).bind(context_fields);
    Ok(query.execute(db).await?.rows_affected() == 1)
}
