//! `awe init postgres`.

use super::secret::secret;
use anyhow::{Context as _, ensure};
use clap::Args;
use secrecy::SecretString;
use std::path::PathBuf;
use store::provision::{Login, Wanted, provision};
use url::Url;

/// Longest name in `PostgreSQL`, in bytes.
const LONGEST: usize = 63;

#[derive(Debug, Args)]
#[command(
    after_help = "Run again, it changes nothing, or repairs what has drifted: an owner, a password, a right to
connect. The password in the file wins. Nothing is ever dropped. `awe migrate` then makes the tables.

  awe init postgres --admin-url postgres://postgres@db/postgres --admin-password-file /secrets/admin \\
    --database awe --owner awe_owner --owner-password-file /secrets/owner \\
    --app-role awe_app --app-password-file /secrets/app"
)]
pub(in crate::cli) struct Arguments {
    /// The server, as somebody who may create roles and databases.
    #[arg(long, value_name = "URL", env = "AWE_INIT_POSTGRES_URL", hide_env_values = true)]
    admin_url: String,
    /// File with that somebody's password, where the URL has none.
    #[arg(long, value_name = "FILE", env = "AWE_INIT_POSTGRES_PASSWORD_FILE")]
    admin_password_file: Option<PathBuf>,
    /// The database to make.
    #[arg(long, value_name = "NAME", value_parser = name)]
    database: String,
    /// The role that owns it.
    #[arg(long, value_name = "ROLE", value_parser = name)]
    owner: String,
    /// File with the owner's password.
    #[arg(long, value_name = "FILE")]
    owner_password_file: PathBuf,
    /// The role that servers connect as; the owner when absent.
    #[arg(long, value_name = "ROLE", value_parser = name, requires = "app_password_file")]
    app_role: Option<String>,
    /// File with its password.
    #[arg(long, value_name = "FILE", requires = "app_role")]
    app_password_file: Option<PathBuf>,
}

fn name(text: &str) -> Result<String, String> {
    match (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(format!("a name has 1 to {LONGEST} bytes and no control characters")),
    }
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<Vec<String>> {
    let owner = Login { name: arguments.owner.clone(), password: secret(&arguments.owner_password_file)? };
    let application = match (&arguments.app_role, &arguments.app_password_file) {
        (Some(role), Some(file)) => Some(Login { name: role.clone(), password: secret(file)? }),
        _ => None,
    };
    let same = application.as_ref().is_some_and(|application| application.name == owner.name);
    ensure!(!same, "--app-role and --owner are the same role: leave --app-role out");
    let wanted = Wanted { database: arguments.database.clone(), owner, application };
    provision(&admin_url(arguments)?, &wanted).await.context("the server could not be prepared")
}

fn admin_url(arguments: &Arguments) -> anyhow::Result<SecretString> {
    let mut url = Url::parse(&arguments.admin_url).context("--admin-url is no URL")?;
    ensure!(matches!(url.scheme(), "postgres" | "postgresql"), "--admin-url must begin with postgres://");
    if let Some(file) = &arguments.admin_password_file {
        let password = secret(file)?;
        let set = url.set_password(Some(secrecy::ExposeSecret::expose_secret(&password)));
        ensure!(set.is_ok(), "--admin-url names no server");
    }
    Ok(String::from(url).into())
}
