//! Migrates as the owner of the tables, and gives the server a role with fewer rights, as in production.

use crate::config::Config;
use anyhow::Context as _;
use store::Store;
use url::Url;

/// The role that the server connects as. It has no password: the database of `awe dev` trusts local connections.
pub(crate) const ROLE: &str = "awe_app";

/// Migrates as the owner and sets the URL that the server connects with. A database that the environment names may not
/// trust a role without a password, so there the server keeps the given URL.
pub(super) async fn prepare(config: &mut Config, owner_url: &str) -> anyhow::Result<()> {
    config.database.url = owner_url.into();
    let owner = Store::connect(&config.database.options()).await.context("the database cannot be used")?;
    owner.migrate().await.context("the database could not be migrated")?;
    if std::env::var_os("AWE__DATABASE__URL").is_none_or(|url| url.is_empty()) {
        owner.create_trusted_role(ROLE).await.context("the server's role could not be made")?;
        owner.grant_to(ROLE).await.context("the server's role could not be granted what it needs")?;
        let mut url = Url::parse(owner_url).context("the database's URL cannot be read")?;
        url.set_username(ROLE).map_err(|()| anyhow::anyhow!("the database's URL takes no user"))?;
        config.database.url = url.to_string().into();
    }
    owner.close().await;
    Ok(())
}
