//! Nonces of hand-off tokens: each may be consumed once.
//!
//! Nothing is written when a nonce is made; whoever consumes one inserts it, and the primary key lets one of them win. The
//! insert commits by itself, on a connection of its own, so that what the caller does afterwards may fail and the token
//! is used all the same.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

/// Characters of a nonce at most.
pub const LONGEST: usize = 64;
/// Nonces are kept for this long after their end: databases that cut fractions of seconds would else forget one whose token
/// is still accepted.
const KEPT: Duration = Duration::seconds(60);
/// Rows that one statement deletes.
const BATCH: i64 = 5_000;

/// Why a nonce was not consumed.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// There is none.
    #[error("no nonce")]
    Blank,
    /// Longer than [`LONGEST`].
    #[error("the nonce is too long")]
    TooLong,
    /// Somebody has consumed it.
    #[error("the nonce was used")]
    Replay,
    /// The database failed. Whether the nonce is consumed is not known.
    #[error("the nonce could not be stored")]
    Database(#[source] sqlx::Error),
}

/// A new nonce: 16 random bytes, 22 characters.
#[must_use]
pub fn generate() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}

/// The nonces that were consumed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Nonces(PgPool);

impl Nonces {
    /// In this database. Callers that hold a connection of the same pool need a second one to be free.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self(pool)
    }

    /// Consumes a nonce, for good when this returns. Whether its token has expired is not looked at.
    ///
    /// # Errors
    /// [`ConsumeError`].
    pub async fn consume(&self, nonce: Option<&str>, expires_at: OffsetDateTime) -> Result<(), ConsumeError> {
        let nonce = checked(nonce)?;
        let insert = "insert into handoff_nonces (nonce, expires_at, consumed_at) values ($1, $2, now())";
        match sqlx::query(insert).bind(nonce).bind(expires_at).execute(&self.0).await {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Err(ConsumeError::Replay),
            Err(error) => Err(ConsumeError::Database(error)),
        }
    }

    /// Whether it could be consumed now. Another call may do so before the caller does.
    ///
    /// # Errors
    /// [`ConsumeError`].
    pub async fn is_unused(&self, nonce: Option<&str>) -> Result<(), ConsumeError> {
        let nonce = checked(nonce)?;
        let found =
            sqlx::query_scalar::<_, bool>("select exists (select from handoff_nonces where nonce = $1)");
        match found.bind(nonce).fetch_one(&self.0).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(ConsumeError::Replay),
            Err(error) => Err(ConsumeError::Database(error)),
        }
    }

    /// Deletes the nonces that ended before `cutoff`; returns how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn reap(&self, cutoff: OffsetDateTime) -> sqlx::Result<u64> {
        let mut reaped = 0;
        loop {
            let done = sqlx::query(
                "delete from handoff_nonces where nonce in
                 (select nonce from handoff_nonces where expires_at < $1 limit $2 for update skip locked)",
            )
            .bind(cutoff)
            .bind(BATCH)
            .execute(&self.0)
            .await?
            .rows_affected();
            reaped += done;
            if done < BATCH.unsigned_abs() {
                return Ok(reaped);
            }
        }
    }

    /// Deletes what has ended for good.
    ///
    /// # Errors
    /// What the database says.
    pub async fn reap_ended(&self) -> sqlx::Result<u64> {
        self.reap(OffsetDateTime::now_utc() - KEPT).await
    }
}

fn checked(nonce: Option<&str>) -> Result<&str, ConsumeError> {
    let nonce = nonce.filter(|text| !text.trim().is_empty()).ok_or(ConsumeError::Blank)?;
    // The database cannot hold the character zero either.
    if nonce.chars().count() > LONGEST || nonce.contains('\0') {
        return Err(ConsumeError::TooLong);
    }
    Ok(nonce)
}
