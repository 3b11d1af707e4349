//! Refusals: many causes, one page.

use super::pages::Lang;
use crate::handoff::Rejection;
use crate::nonces::ConsumeError;
use crate::scope::ScopeError;
use crate::state::App;
use axum::response::Response;
use std::time::{Duration, Instant};

/// No refusal is answered earlier than this, which is longer than any of its causes takes to be found.
const REFUSED_AFTER: Duration = Duration::from_millis(100);

/// Why the customer is told to start again. For the audit log alone.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The token.
    #[error("token: {0}")]
    Token(#[from] Rejection),
    /// It lasts longer than any may.
    #[error("the token lasts too long")]
    Lifetime,
    /// Its nonce.
    #[error("nonce: {0}")]
    Nonce(#[from] ConsumeError),
    /// Its client.
    #[error("an unknown client")]
    Client,
    /// Its return URL.
    #[error("a return URL that the client has not registered")]
    ReturnUrl,
    /// Its scope.
    #[error("scope: {0}")]
    Scope(#[from] ScopeError),
    /// Its scope's length.
    #[error("the scope is too long")]
    LongScope,
    /// The form is not one of ours.
    #[error("the form cannot be read")]
    Form,
    /// The form was not made for this browser and token.
    #[error("the CSRF check failed")]
    Csrf,
    /// Nobody is signed in.
    #[error("the session is lost")]
    Session,
    /// Signing in failed.
    #[error("signing in failed: {0}")]
    SignIn(String),
    /// The database.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A page of ours.
    #[error("a page could not be written: {0}")]
    Page(#[from] minijinja::Error),
    /// Our own answer.
    #[error("the answer could not be written")]
    Answer,
}

/// The one page of all refusals, after the one time.
pub(super) async fn refuse(app: &App, refused: &Refused, lang: Lang, began: Instant) -> Response {
    crate::metrics::handoff("refused");
    tracing::info!(cause = %refused, "a hand-off was refused");
    tokio::time::sleep(REFUSED_AFTER.saturating_sub(began.elapsed())).await;
    app.pages.refused(lang)
}
