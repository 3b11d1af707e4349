//! Every setting of this process, for operators. On the page a secret is only said to be set or not; in the file that
//! an administrator exports, secrets are written when the administrator asks for them twice. Each read and export is
//! bounded per user and audited.

mod format;
mod settings;

pub(crate) use format::Format;

use crate::auth::Identity;
use crate::error::{ApiError, Reason};
use crate::extract::check_word;
use crate::logging;
use crate::state::AppState;
use schemas::api::{ExportSystemConfigQuery, LogLevel, SystemConfigOut};

pub(crate) async fn read(state: &AppState, viewer: &Identity) -> Result<SystemConfigOut, ApiError> {
    check_rate(state, viewer).await?;
    state.store().note_config_read(&viewer.actor()).await?;
    let config = state.config();
    let groups = settings::all(config).into_iter().enumerate();
    let groups: Vec<_> = groups.map(|(index, group)| group.shown(index + 1)).collect();
    let total_groups = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    Ok(SystemConfigOut { groups, total_groups, is_local_dev: config.is_development() })
}

/// The format that was asked for, and the file. The audit row is written first, so that no export goes unrecorded.
pub(crate) async fn export(
    state: &AppState,
    admin: &Identity,
    query: &ExportSystemConfigQuery,
) -> Result<(Format, String), ApiError> {
    check_word("format", Some(&query.format), &Format::ALL.map(Format::word))?;
    let format = Format::parse(&query.format).unwrap_or(Format::Env);
    let sensitive = query.include_sensitive;
    if sensitive {
        check_sensitive(state, query)?;
    }
    check_rate(state, admin).await?;
    state.store().note_config_export(&query.format, sensitive, &admin.actor()).await?;
    Ok((format, format.write(&settings::all(state.config()), sensitive)))
}

/// What this process logs.
pub(crate) fn log_level() -> Result<LogLevel, ApiError> {
    Ok(LogLevel { filter: logging::levels().map_err(|error| ApiError::internal(error.to_string()))? })
}

/// Lets this process log something else. The audit row is written first, so that no change goes unrecorded.
pub(crate) async fn set_log_level(
    state: &AppState,
    admin: &Identity,
    wanted: &LogLevel,
) -> Result<LogLevel, ApiError> {
    logging::check_levels(&wanted.filter).map_err(|why| ApiError::body("filter", why))?;
    let before = log_level()?.filter;
    state.store().note_log_level(&before, &wanted.filter, &admin.actor()).await?;
    logging::set_levels(&wanted.filter).map_err(|error| ApiError::internal(error.to_string()))?;
    tracing::info!(before, after = wanted.filter, "what is logged has changed");
    log_level()
}

fn check_sensitive(state: &AppState, query: &ExportSystemConfigQuery) -> Result<(), ApiError> {
    if !query.confirm_sensitive_export {
        return Err(ApiError::new(
            Reason::ConfirmationMissing,
            "include_sensitive needs confirm_sensitive_export=true: the answer then holds secrets in clear text",
        ));
    }
    if state.config().is_development() {
        let why =
            "secrets are not exported in development mode: tokens are not verified, anybody can be an admin";
        return Err(ApiError::new(Reason::DevelopmentMode, why));
    }
    Ok(())
}

async fn check_rate(state: &AppState, who: &Identity) -> Result<(), ApiError> {
    if state.config_reads().admits(&who.subject).await { Ok(()) } else { Err(Reason::TooManyRequests.into()) }
}
