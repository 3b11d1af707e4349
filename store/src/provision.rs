//! Makes a database and its roles in a server that exists: once, and again only what has drifted.

use crate::Error;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use std::str::FromStr as _;
use std::time::Duration;

/// Key of the advisory lock that provisioning runs under, in the database that the administrator connects to.
const LOCK: i64 = 0x4157_4549_4e49_5450;
/// How long a server may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// SQLSTATE of a wrong password. That of a server which lets nobody in this way is another one.
const WRONG_PASSWORD: &str = "28P01";

/// A role that may log in.
#[derive(Debug, Clone)]
pub struct Login {
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: SecretString,
}

/// What there should be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Name of the database.
    pub database: String,
    /// Who owns it, and migrates.
    pub owner: Login,
    /// Who servers connect as; `None` = as the owner.
    pub application: Option<Login>,
}

/// Makes what is wanted, by a connection of an administrator to `admin_url`, and says in words what was changed. What is
/// as it should be is left alone; nothing is ever dropped. A run that was interrupted is finished by the next one, and
/// of several at once one works at a time.
///
/// # Errors
/// [`Error::Unavailable`] when the server does not answer; [`Error::Internal`] when it refuses, for example because the
/// administrator may not create roles.
pub async fn provision(admin_url: &SecretString, wanted: &Wanted) -> Result<Vec<String>, Error> {
    let options = PgConnectOptions::from_str(admin_url.expose_secret())?
        .application_name("awe init")
        .options([("lock_timeout", "60s"), ("statement_timeout", "120s")]);
    let mut admin = connect(&options).await?;
    sqlx::query("select pg_advisory_lock($1)").bind(LOCK).execute(&mut admin).await?;
    let mut changed = Vec::new();
    for login in std::iter::once(&wanted.owner).chain(&wanted.application) {
        changed.extend(role(&mut admin, login).await?);
    }
    changed.extend(database(&mut admin, &wanted.database, &wanted.owner.name).await?);
    for login in std::iter::once(&wanted.owner).chain(&wanted.application) {
        changed.extend(connectable(&mut admin, &wanted.database, login).await?);
        changed.extend(password(&mut admin, &options, &wanted.database, login).await?);
    }
    // The lock ends with the session.
    admin.close().await?;
    Ok(changed)
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    match tokio::time::timeout(PATIENCE, options.connect()).await {
        Ok(connected) => Ok(connected?),
        Err(_) => {
            Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in 10 s"))
                .into())
        }
    }
}

/// Runs a statement with names (`%1$I`) and texts (`%2$L`) that the server quotes.
async fn run(admin: &mut PgConnection, template: &str, first: &str, second: &str) -> Result<(), Error> {
    let statement: String = sqlx::query_scalar("select format($1, $2::text, $3::text)")
        .bind(template)
        .bind(first)
        .bind(second)
        .fetch_one(&mut *admin)
        .await?;
    // Every value in it was quoted by the server.
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await?;
    Ok(())
}

async fn role(admin: &mut PgConnection, login: &Login) -> Result<Option<String>, Error> {
    let name = &login.name;
    let may_log_in: Option<bool> = sqlx::query_scalar("select rolcanlogin from pg_roles where rolname = $1")
        .bind(name)
        .fetch_optional(&mut *admin)
        .await?;
    let (template, said) = match may_log_in {
        Some(true) => return Ok(None),
        Some(false) => ("alter role %1$I login password %2$L", format!("the role {name} may log in again")),
        None => ("create role %1$I login password %2$L", format!("the role {name} was created")),
    };
    run(admin, template, name, login.password.expose_secret()).await?;
    Ok(Some(said))
}

async fn database(admin: &mut PgConnection, name: &str, owner: &str) -> Result<Option<String>, Error> {
    let found: Option<String> =
        sqlx::query_scalar("select pg_get_userbyid(datdba)::text from pg_database where datname = $1")
            .bind(name)
            .fetch_optional(&mut *admin)
            .await?;
    if found.as_deref() == Some(owner) {
        return Ok(None);
    }
    // Who is no superuser may give a database only to a role that they may become. Whoever makes a role is a member of
    // it since PostgreSQL 16, and may become it only when they grant themselves that.
    let may_become: bool = sqlx::query_scalar(
        "select pg_has_role(current_user, $1, case when current_setting('server_version_num')::int >= 160000
            then 'set' else 'member' end)",
    )
    .bind(owner)
    .fetch_one(&mut *admin)
    .await?;
    if !may_become {
        run(admin, "grant %1$I to current_user", owner, "").await?;
    }
    match found {
        None => {
            run(admin, "create database %1$I owner %2$I template template0 encoding 'UTF8'", name, owner)
                .await?;
            Ok(Some(format!("the database {name} was created; {owner} owns it")))
        }
        Some(other) => {
            run(admin, "alter database %1$I owner to %2$I", name, owner).await?;
            Ok(Some(format!("the database {name} belonged to {other}; {owner} owns it now")))
        }
    }
}

async fn connectable(
    admin: &mut PgConnection,
    database: &str,
    login: &Login,
) -> Result<Option<String>, Error> {
    let may: bool = sqlx::query_scalar("select has_database_privilege($1::text, $2::text, 'connect')")
        .bind(&login.name)
        .bind(database)
        .fetch_one(&mut *admin)
        .await?;
    if may {
        return Ok(None);
    }
    run(admin, "grant connect on database %1$I to %2$I", database, &login.name).await?;
    Ok(Some(format!("{} may connect to {database} again", login.name)))
}

/// Logs in as the role, and sets its password when the server does not take this one.
async fn password(
    admin: &mut PgConnection,
    options: &PgConnectOptions,
    database: &str,
    login: &Login,
) -> Result<Option<String>, Error> {
    let name = &login.name;
    let options = options.clone().username(name).password(login.password.expose_secret()).database(database);
    match connect(&options).await {
        Ok(connection) => {
            connection.close().await?;
            return Ok(None);
        }
        Err(Error::Internal(why)) if is_wrong_password(&*why) => {}
        Err(other) => return Err(other),
    }
    run(admin, "alter role %1$I password %2$L", name, login.password.expose_secret()).await?;
    Ok(Some(format!("the password of {name} was set anew")))
}

fn is_wrong_password(why: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let code = why
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == WRONG_PASSWORD)
}
