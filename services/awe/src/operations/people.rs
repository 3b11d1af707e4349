//! People whom a body names.

use crate::error::ApiError;
use crate::state::AppState;

/// Refuses somebody who, as the staff directory says, does not exist or is disabled. Without a directory, or when it
/// does not answer in time, nobody is refused.
pub(crate) async fn check_known(state: &AppState, field: &str, user: &str) -> Result<(), ApiError> {
    if state.requests()?.may_sit(user).await == Some(false) {
        let why = format!("the staff directory knows no enabled user {user:?}");
        return Err(ApiError::body(field, why));
    }
    Ok(())
}
