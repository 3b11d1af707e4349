//! Retrying many deliveries, or only saying how many it would be.

use crate::auth::Identity;
use crate::error::ApiError;
use crate::extract::unknown_word;
use crate::state::AppState;
use schemas::api::{DeliveryStatus, RequeuedOut, RetryDeliveriesIn};
use store::once::Once;

pub(crate) async fn retry(
    state: &AppState,
    admin: &Identity,
    once: Option<&Once>,
    body: &RetryDeliveriesIn,
) -> Result<RequeuedOut, ApiError> {
    if let Some(message) = body.status.as_deref().and_then(|word| unknown_word(word, &DeliveryStatus::WORDS))
    {
        return Err(ApiError::body("status", message));
    }
    if body.dry_run {
        let (would, more) = state.store().count_retriable(body).await?;
        return Ok(RequeuedOut::dry(would, more));
    }
    let requeued = state.store().retry_deliveries(body, &admin.acting(once), |_| ()).await?;
    Ok(RequeuedOut::of(i64::try_from(requeued).unwrap_or(i64::MAX)))
}
