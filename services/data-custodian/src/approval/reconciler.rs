//! Asks AWE about what waits, in case the stream lost an event, and tells it what was withdrawn.

use super::Awe;
use crate::asked::Asked;
use crate::authorizations::{Applied, Authorizations, Outcome};
use crate::metrics;
use futures::StreamExt;
use tracing::Instrument as _;
use uuid::Uuid;

/// Rows of one round, and calls at once.
const MOST: i64 = 200;
const AT_ONCE: usize = 8;
/// A call that was sent to AWE so long ago does not arrive any more.
const LATEST_SECONDS: f64 = 600.0;

/// One round. `rested_seconds`: what was looked at within this time is left alone.
///
/// # Errors
/// The database, or the last failure of a call; the others were tried all the same.
pub async fn reconcile(
    awe: &Awe,
    authorizations: &Authorizations,
    asked: &Asked,
    rested_seconds: f64,
) -> anyhow::Result<()> {
    if awe.client().is_none() {
        return Ok(());
    }
    let given_up = asked.take_given_up(rested_seconds, MOST).await?;
    let orphans = futures::stream::iter(given_up)
        .map(|(id, age)| async move { cancel_orphan(awe, asked, id, age).await });
    let mut failures: Vec<anyhow::Error> =
        orphans.buffer_unordered(AT_ONCE).filter_map(async |done| done.err()).collect().await;
    let waiting = authorizations.take_waiting(rested_seconds, MOST).await?;
    let looked = futures::stream::iter(waiting).map(|(request, is_owed)| async move {
        if is_owed {
            cancel(awe, authorizations, request).await
        } else {
            look(awe, authorizations, request).await
        }
    });
    failures.extend(
        looked.buffer_unordered(AT_ONCE).filter_map(async |done| done.err()).collect::<Vec<_>>().await,
    );
    failures.into_iter().next_back().map_or(Ok(()), Err)
}

/// Cancels the request whose grant was never stored: its answer was lost, or the process died. It may still be on its way
/// to AWE, so that it is looked for until it is found, or can come no more.
async fn cancel_orphan(awe: &Awe, asked: &Asked, id: Uuid, age: f64) -> anyhow::Result<()> {
    let found = awe.find(id).await?;
    for request in &found {
        awe.cancel(*request, "the grant was not stored").await?;
        tracing::info!(%request, authorization_id = %id, "a request that nobody waits for was cancelled");
        metrics::orphan();
    }
    if !found.is_empty() || age > LATEST_SECONDS {
        asked.forget(id).await?;
    }
    Ok(())
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
    let span = tracing::info_span!("reconcile", awe.request.id = %request);
    if authorizations.apply(request, outcome, None).instrument(span).await? == Applied::Changed {
        metrics::approval(outcome.word());
    }
    Ok(())
}
