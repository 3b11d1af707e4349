//! What commands that work on the database share: the connection and the progress bar.

use crate::config::Config;
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use store::Store;

/// Connects to the database, and fails when it does not answer.
pub(super) async fn database(config: &Config) -> anyhow::Result<Store> {
    Store::connect(&config.database.options()).await.context("database.url")
}

/// A progress bar on standard error, shown only on a terminal, so that the output of a command stays clean.
pub(super) fn bar(total: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} {msg} ({per_sec}, {eta} left)");
    ProgressBar::new(total)
        .with_message(what)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
