//! Every setting of this process, for operators: grouped and labelled, and of secrets only whether they are set. As a
//! file for administrators, with the secrets when they say so twice. Bounded per user, and audited.

mod export;
mod settings;

use crate::auth::{Admin, Identity, Viewer};
use crate::error::{ApiError, Reason};
use crate::extract::Query;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use export::Format;
use schemas::api::{ExportSystemConfigQuery, SystemConfigOut};

type Headers<const N: usize> = [(HeaderName, HeaderValue); N];

fn no_store() -> (HeaderName, HeaderValue) {
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

pub(super) async fn read(
    State(state): State<AppState>,
    Viewer(viewer): Viewer,
) -> Result<(Headers<1>, Json<SystemConfigOut>), ApiError> {
    within_rate(&state, &viewer).await?;
    state.store().note_config_read(&viewer.actor()).await?;
    let config = state.config();
    let groups = settings::all(config).into_iter().enumerate();
    let groups: Vec<_> = groups.map(|(n, group)| group.shown(n + 1)).collect();
    let total_groups = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    Ok(([no_store()], Json(SystemConfigOut { groups, total_groups, is_local_dev: config.is_development() })))
}

pub(super) async fn export(
    State(state): State<AppState>,
    Admin(admin): Admin,
    Query(query): Query<ExportSystemConfigQuery>,
) -> Result<(Headers<3>, String), ApiError> {
    super::word("format", Some(&query.format), &Format::WORDS)?;
    let format = Format::parse(&query.format).unwrap_or(Format::Env);
    let sensitive = query.include_sensitive;
    if sensitive && !query.confirm_sensitive_export {
        return Err(ApiError::new(
            Reason::ConfirmationMissing,
            "include_sensitive needs confirm_sensitive_export=true: the answer then holds secrets in clear text",
        ));
    }
    if sensitive && state.config().is_development() {
        let why =
            "secrets are not exported in development mode: tokens are not verified, anybody can be an admin";
        return Err(ApiError::new(Reason::DevelopmentMode, why));
    }
    within_rate(&state, &admin).await?;
    // Before it is given away: what leaves the house is on record.
    state.store().note_config_export(&query.format, sensitive, &admin.actor()).await?;
    let headers = [
        no_store(),
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(format.disposition())),
    ];
    Ok((headers, format.write(&settings::all(state.config()), sensitive)))
}

async fn within_rate(state: &AppState, who: &Identity) -> Result<(), ApiError> {
    if state.config_reads().admits(&who.subject).await { Ok(()) } else { Err(Reason::TooManyRequests.into()) }
}
