//! What commands that work on the database share: the connection, the progress bar, and who is acting.

use crate::app;
use crate::config::Config;
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use store::Store;
use store::audit::Actor;

/// A connection that answers.
pub(super) async fn database(config: &Config) -> anyhow::Result<Store> {
    Store::connect(&app::store_options(config)).await.context("the database (database.url) cannot be reached")
}

/// On a terminal only, and on standard error: what a command prints stays clean.
pub(super) fn bar(total: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} {msg} ({per_sec}, {eta} left)");
    ProgressBar::new(total)
        .with_message(what)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Whoever may read the database's password acts as the operator; the system's user name goes into the audit.
pub(super) fn actor() -> Actor {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    let name = user.map_or_else(|| nix::unistd::getuid().to_string(), |user| user.name);
    Actor { subject: format!("cli:{name}"), email: None }
}
