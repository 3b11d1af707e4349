//! Makes good what a lost webhook, a process that died or an AWE that was away has left behind.

use crate::app::App;
use crate::change_request::{self, ChangeRequest};
use crate::error::{ApiError, Code};
use crate::events::{ARTIFACT_TYPE, News, NewsError, take};
use crate::{gate, told};
use awe_client::models::RequestOut;
use awe_client::parameters::ListRequests;
use futures::{FutureExt as _, StreamExt as _};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Rows of one statement.
const PAGE: i64 = 100;
/// A creation cannot take so long: what AWE has for longer without a change request is an orphan.
const ORPHAN_AGE: time::Duration = time::Duration::minutes(10);
const AFTER_A_FAULT: Duration = Duration::from_secs(5);

/// Runs rounds until `stop`: at once, then every so many minutes; sooner again after a round that failed.
pub async fn run(app: App, stop: CancellationToken) {
    let pause = Duration::from_secs(app.settings.awe.reconcile_minutes * 60);
    while !stop.is_cancelled() {
        app.reconciling.store(true, Ordering::Relaxed);
        let ended = stop.run_until_cancelled(AssertUnwindSafe(round(&app)).catch_unwind()).await;
        let wait = match ended {
            None => break,
            Some(Ok(Ok(()))) => pause,
            Some(Ok(Err(error))) => {
                tracing::warn!(?error, "reconciliation goes on later");
                pause.min(AFTER_A_FAULT * 6)
            }
            Some(Err(_)) => {
                tracing::error!("reconciliation panicked and is started again");
                app.reconciling.store(false, Ordering::Relaxed);
                AFTER_A_FAULT
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            break;
        }
    }
    app.reconciling.store(false, Ordering::Relaxed);
}

/// Looks at everything that may be behind, once.
///
/// # Errors
/// AWE or the database is away; what is wrong with one change request is logged, and the others go on.
pub async fn round(app: &App) -> Result<(), ApiError> {
    pay_cancels(app).await?;
    catch_up_all(app).await?;
    cancel_orphans(app).await
}

/// A failure that the next one would meet too.
fn ends_the_round(error: &ApiError) -> bool {
    matches!(error.code, Code::AweAway | Code::Token)
        || error.retry_after.is_some() && error.code == Code::Fault
}

// snippet: reconcile
/// Pending change requests whose requests have ended without our hearing of it, oldest first.
async fn catch_up_all(app: &App) -> Result<(), ApiError> {
    let mut after = 0;
    loop {
        let query = sqlx::query_as(
            "select * from g2p_register_change_request
             where approval_status = 'PENDING' and awe_request_id is not null and seq > $1 order by seq limit $2",
        );
        let page: Vec<ChangeRequest> = query.bind(after).bind(PAGE).fetch_all(&app.db).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        for change in &page {
            if let Err(error) = catch_up(app, change).await {
                if ends_the_round(&error) {
                    return Err(error);
                }
                tracing::warn!(?error, change_request_id = %change.change_request_id, "cannot be reconciled");
            }
        }
    }
}

/// Asks AWE how this one ended, and takes that as if its webhook had come.
///
/// # Errors
/// AWE or the database; REG-009 while an older change of the record is pending.
pub async fn catch_up(app: &App, change: &ChangeRequest) -> Result<(), ApiError> {
    let Some(request_id) = &change.awe_request_id else { return Ok(()) };
    let Some((status, verdict)) = gate::outcome(app, request_id).await? else { return Ok(()) };
    let news = News {
        // One row of the log for each request, however many rounds find that it cannot be applied yet.
        event_id: format!("reconciled:{request_id}"),
        request_id: request_id.clone(),
        event_type: format!("reconciled:{status}"),
        verdict: Some(verdict),
        may_come: false,
    };
    match take(&app.db, &news).await {
        Ok(changed) => {
            if changed {
                told::reconciled();
            }
            tracing::info!(change_request_id = %change.change_request_id, status, changed, "reconciled");
            Ok(())
        }
        Err(NewsError::Settle(error)) => Err(error.into()),
        Err(NewsError::NotYetKnown) => Ok(()),
    }
}
// end snippet

/// Cancellations that AWE has not been told of.
async fn pay_cancels(app: &App) -> Result<(), ApiError> {
    let mut after = 0_i64;
    loop {
        let query = sqlx::query_as(
            "select seq, change_request_id from g2p_register_change_request
             where awe_cancel_owed is not null and seq > $1 order by seq limit $2",
        );
        let page: Vec<(i64, Uuid)> = query.bind(after).bind(PAGE).fetch_all(&app.db).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = *last;
        for (_, id) in page {
            if let Err(error) = pay_cancel(app, id).await {
                if ends_the_round(&error) {
                    return Err(error);
                }
                tracing::warn!(?error, change_request_id = %id, "AWE does not cancel");
            }
        }
    }
}

/// Tells AWE that a request is cancelled, if that is owed. A request that has ended by itself is owed nothing.
///
/// # Errors
/// AWE or the database: it is owed still.
pub async fn pay_cancel(app: &App, id: Uuid) -> Result<(), ApiError> {
    let query = sqlx::query_as(
        "select awe_request_id, awe_cancel_owed from g2p_register_change_request
         where change_request_id = $1 and awe_request_id is not null and awe_cancel_owed is not null",
    );
    let owed: Option<(String, String)> = query.bind(id).fetch_optional(&app.db).await?;
    let Some((request_id, reason)) = owed else { return Ok(()) };
    gate::cancel(app, &app.service, &request_id, &reason).await?;
    let paid = sqlx::query(
        "update g2p_register_change_request set awe_cancel_owed = null where change_request_id = $1",
    );
    paid.bind(id).execute(&app.db).await?;
    Ok(())
}

/// Requests of ours without a change request: the process died between AWE's answer and its own commit.
async fn cancel_orphans(app: &App) -> Result<(), ApiError> {
    for status in ["pending", "in_review"] {
        let filters = ListRequests {
            artifact_type: Some(ARTIFACT_TYPE.to_owned()),
            status: Some(status.to_owned()),
            created_until: Some(OffsetDateTime::now_utc() - ORPHAN_AGE),
            limit: Some(PAGE),
            ..Default::default()
        };
        let mut requests = app.service.iterate(filters);
        while let Some(request) = gate::in_time(app, requests.next().map(Option::transpose)).await? {
            if is_orphan(app, &request).await? {
                tracing::warn!(request_id = request.id, "an orphan is cancelled");
                if let Err(error) = gate::cancel(app, &app.service, &request.id, "orphan").await {
                    if ends_the_round(&error) {
                        return Err(error);
                    }
                    tracing::warn!(?error, request_id = request.id, "an orphan cannot be cancelled");
                }
            }
        }
    }
    Ok(())
}

/// Only of requests that would call us back: another registry may share this AWE.
async fn is_orphan(app: &App, request: &RequestOut) -> Result<bool, ApiError> {
    if request.callback_url.as_ref() != Some(&app.settings.awe.default_callback_url) {
        return Ok(false);
    }
    let Ok(id) = Uuid::try_parse(&request.artifact_id) else { return Ok(false) };
    match change_request::read(&app.db, id).await {
        Ok(change) => Ok(change.awe_request_id.as_ref() != Some(&request.id)),
        Err(error) if error.code == Code::UnknownChangeRequest => Ok(true),
        Err(error) => Err(error),
    }
}
