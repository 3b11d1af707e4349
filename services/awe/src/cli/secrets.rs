//! `awe secrets rotate-master-key`: brings every stored secret under the current master key.

use super::author::Author;
use super::{output, terminal};
use crate::config::Config;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Bring every stored secret under the current master key.
    RotateMasterKey(Arguments),
}

#[derive(Debug, Args)]
#[command(after_help = "How to rotate, with servers running all the time:
  1. make a key:  openssl rand -base64 32
  2. name it in secrets.previous_master_keys of every server, and restart them one by one:
     now all of them can read what is sealed under it
  3. make it secrets.master_key and the old one secrets.previous_master_keys, and restart them one by one
  4. awe secrets rotate-master-key, with the same settings
  5. take the old key out of secrets.previous_master_keys

Stopping step 4 half-way is safe, and so is doing it twice: it goes on with what is left.

Example:
  AWE__SECRETS__MASTER_KEY=NEW AWE__SECRETS__PREVIOUS_MASTER_KEYS='[\"OLD\"]' awe secrets rotate-master-key")]
pub(super) struct Arguments {
    /// Secrets in one transaction.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1000))]
    batch_size: i64,
}

pub(super) async fn run(config: &Config, command: Command, author: &Author) -> anyhow::Result<()> {
    let Command::RotateMasterKey(arguments) = command;
    if config.master_key()?.is_none() {
        bail!("secrets.master_key is not set: there is no key to bring the secrets under");
    }
    let vault = config.vault()?;
    let store = terminal::database(config).await?;
    let total = store.count_stale_secrets(&vault).await.context("secrets cannot be counted")?;
    let bar = terminal::bar(total, "secrets");
    let (mut moved, mut unreadable, mut after) = (0, Vec::new(), Uuid::nil());
    loop {
        let batch = store
            .reseal_secrets(&vault, after, arguments.batch_size, &author.actor())
            .await
            .with_context(|| format!("stopped after {moved} of {total}; doing it again is safe"))?;
        moved += batch.moved;
        bar.inc(batch.moved);
        unreadable.extend(batch.unreadable);
        match batch.last {
            Some(last) => after = last,
            None => break,
        }
    }
    bar.finish_and_clear();
    store.close().await;
    output::print(&format!("{moved} secrets were brought under the current master key"))?;
    if !unreadable.is_empty() {
        let ids: Vec<String> = unreadable.iter().map(Uuid::to_string).collect();
        bail!(
            "{} secrets open with none of the configured keys and stay as they are: name their key in \
             secrets.previous_master_keys, or revoke them: {}",
            ids.len(),
            ids.join(", ")
        );
    }
    Ok(())
}
