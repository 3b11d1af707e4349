//! People whom a body names.

use crate::error::ApiError;
use crate::state::AppState;
use schemas::api::TaskOut;

/// Adds the names of assignees, as far as they are known without asking the staff directory.
pub(crate) fn name_assignees(state: &AppState, tasks: &mut [TaskOut]) {
    let Ok(staff) = state.staff() else { return };
    for task in tasks {
        task.assignee_name = staff.known_name(&task.assignee);
    }
}

/// The same for one task.
pub(crate) fn with_name(state: &AppState, mut task: TaskOut) -> TaskOut {
    name_assignees(state, std::slice::from_mut(&mut task));
    task
}

/// Refuses somebody who, as the staff directory says, does not exist or is disabled. Without a directory, or when it
/// does not answer in time, nobody is refused.
pub(crate) async fn check_known(state: &AppState, field: &str, user: &str) -> Result<(), ApiError> {
    if state.requests()?.may_sit(user).await == Some(false) {
        let why = format!("the staff directory knows no enabled user {user:?}");
        return Err(ApiError::body(field, why));
    }
    Ok(())
}
