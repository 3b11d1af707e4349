//! Asks AWE about what waits, in case the stream lost an event, and tells it what was withdrawn.

use super::Awe;
use crate::authorizations::{Authorizations, Outcome};
use futures::StreamExt;
use uuid::Uuid;

/// Rows of one round, and calls at once.
const MOST: i64 = 200;
const AT_ONCE: usize = 8;

/// One round. `rested_seconds`: what was looked at within this time is left alone.
///
/// # Errors
/// The database, or the last failure of a call; the others were tried all the same.
pub async fn reconcile(
    awe: &Awe,
    authorizations: &Authorizations,
    rested_seconds: f64,
) -> anyhow::Result<()> {
    if awe.client().is_none() {
        return Ok(());
    }
    let waiting = authorizations.take_waiting(rested_seconds, MOST).await?;
    let asked = futures::stream::iter(waiting).map(|(request, is_owed)| async move {
        if is_owed {
            cancel(awe, authorizations, request).await
        } else {
            look(awe, authorizations, request).await
        }
    });
    let failures: Vec<anyhow::Error> =
        asked.buffer_unordered(AT_ONCE).filter_map(async |done| done.err()).collect().await;
    failures.into_iter().next_back().map_or(Ok(()), Err)
}

async fn cancel(awe: &Awe, authorizations: &Authorizations, request: Uuid) -> anyhow::Result<()> {
    awe.cancel(request, "the authorization was withdrawn").await?;
    Ok(authorizations.cancelled(request).await?)
}

async fn look(awe: &Awe, authorizations: &Authorizations, request: Uuid) -> anyhow::Result<()> {
    let Some(client) = awe.client() else { return Ok(()) };
    let outcome = match client.get(&request.to_string()).await {
        Ok(found) => match found.status.as_str() {
            "approved" => Outcome::Active,
            "rejected" | "cancelled" | "expired" => Outcome::Revoked,
            _ => return Ok(()),
        },
        Err(error) if error.status() == Some(404) => {
            // Nobody can approve it any more, but an AWE that was restored may yet be given its data back.
            tracing::error!(%request, "AWE does not know a request that an authorization waits for");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    authorizations.apply(request, outcome, None).await?;
    Ok(())
}
