//! `awe init keycloak`.

use super::secret::secret;
use crate::cli::output;
use anyhow::Context as _;
use clap::Args;
use outbound::{Administrator, Provision, provision};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "The realm exists already, and whatever else is in it stays as it is. Run again, it changes
nothing, or repairs what has drifted; the secret in the file wins. Nothing is ever deleted.

  awe init keycloak --base-url https://id.example.org --admin-user admin --admin-password-file /secrets/admin \\
    --redirect-uri 'https://awe.example.org/*' --resolver-secret-file /secrets/resolver --awe-admin admin"
)]
pub(in crate::cli) struct Arguments {
    /// Base URL of Keycloak.
    #[arg(long, value_name = "URL")]
    base_url: String,
    /// The realm of staff accounts.
    #[arg(long, value_name = "REALM", default_value = "staff")]
    realm: String,
    /// An administrator of the realm `master`.
    #[arg(long, value_name = "USER", default_value = "admin")]
    admin_user: String,
    /// File with that administrator's password.
    #[arg(long, value_name = "FILE")]
    admin_password_file: PathBuf,
    /// Public client with which people sign in from a browser.
    #[arg(long, value_name = "CLIENT", default_value = "awe-admin-portal")]
    portal_client: String,
    /// Where the browser may be sent back to; a `*` may only follow the last `/`. May be given several times.
    #[arg(long, value_name = "URI", required = true)]
    redirect_uri: Vec<String>,
    /// Confidential client whose service account looks up people.
    #[arg(long, value_name = "CLIENT", default_value = "awe-admin-resolver")]
    resolver_client: String,
    /// File with its secret.
    #[arg(long, value_name = "FILE")]
    resolver_secret_file: PathBuf,
    /// Somebody who gets the role `AWE_ADMIN`. May be given several times.
    #[arg(long, value_name = "USER")]
    awe_admin: Vec<String>,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<Vec<String>> {
    let administrator = Administrator {
        username: arguments.admin_user.clone(),
        password: secret(&arguments.admin_password_file)?,
    };
    let wanted = Provision {
        base_url: arguments.base_url.clone(),
        realm: arguments.realm.clone(),
        portal: arguments.portal_client.clone(),
        redirect_uris: arguments.redirect_uri.clone(),
        resolver: arguments.resolver_client.clone(),
        resolver_secret: secret(&arguments.resolver_secret_file)?,
        admins: arguments.awe_admin.clone(),
    };
    let done = provision(&administrator, &wanted).await.context("the realm could not be prepared")?;
    for note in &done.notes {
        output::complain(note);
    }
    Ok(done.changed)
}
