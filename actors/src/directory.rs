//! Who answers the rules that the engine cannot: the staff directory, and services that policies name.

use crate::clock;
use engine::policy::http_auth;
use futures::FutureExt;
use futures::future::BoxFuture;
use outbound::{Credential, Credentials, DirectoryError, HttpQuestion, HttpRules, Staff};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use store::Store;
use store::vault::Vault;
use uuid::Uuid;

/// One rule to be answered, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// `role`, `group` or `http`.
    pub rule_type: &'a str,
    /// As written in the policy.
    pub rule_value: &'a Value,
    /// Facts of the request.
    pub context: &'a Value,
    /// Subject that asks for approval: its callback secrets sign what is sent to a service.
    pub caller: &'a str,
    /// The callback secret that the request names.
    pub callback_secret_id: Option<Uuid>,
}

/// Whoever knows which users hold a role, are in a group or are named by an HTTP service.
pub trait Directory: fmt::Debug + Send + Sync + 'static {
    /// Users of one rule, as stable subject ids, in order, each once.
    ///
    /// # Errors
    /// [`DirectoryError`], in words fit for the request's timeline; the question is asked again.
    fn users<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Vec<String>, DirectoryError>>;

    /// Whether it can say who exists at all.
    fn knows_people(&self) -> bool {
        false
    }

    /// Whether somebody with this id exists and is enabled; `None` when it cannot say.
    ///
    /// # Errors
    /// [`DirectoryError`]; asking again is safe.
    fn may_sit<'a>(&'a self, _user: &'a str) -> BoxFuture<'a, Result<Option<bool>, DirectoryError>> {
        async { Ok(None) }.boxed()
    }
}

/// The directory of an installation that has none.
#[derive(Debug, Clone, Copy)]
pub struct NoDirectory;

impl Directory for NoDirectory {
    fn users<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Vec<String>, DirectoryError>> {
        async move { Err(not_configured(question.rule_type)) }.boxed()
    }
}

fn not_configured(rule_type: &str) -> DirectoryError {
    DirectoryError::Missing(format!(
        "no directory is configured that could answer a {rule_type} rule (keycloak.base_url, or \
         keycloak.directory_file in development mode)"
    ))
}

/// The staff directory, and any service that an `http` rule names.
#[derive(Debug)]
pub struct Directories {
    /// Absent when none is configured.
    pub staff: Option<Staff>,
    /// Asks services.
    pub http: HttpRules,
    /// How AWE makes itself known to services, by the name that a policy uses.
    pub credentials: Credentials,
    /// Where callback secrets are.
    pub store: Store,
    /// Opens them.
    pub vault: Arc<Vault>,
    /// Without a secret and without a credential: ask unsigned, rather than not at all.
    pub allow_unsigned: bool,
}

impl Directory for Directories {
    fn users<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Vec<String>, DirectoryError>> {
        self.answer(question).boxed()
    }

    fn knows_people(&self) -> bool {
        self.staff.is_some()
    }

    fn may_sit<'a>(&'a self, user: &'a str) -> BoxFuture<'a, Result<Option<bool>, DirectoryError>> {
        async move {
            match &self.staff {
                Some(staff) => staff.may_sit(user).await,
                None => Ok(None),
            }
        }
        .boxed()
    }
}

impl Directories {
    async fn answer(&self, question: Question<'_>) -> Result<Vec<String>, DirectoryError> {
        let value = question.rule_value;
        match question.rule_type {
            "role" => {
                let staff = self.staff(question.rule_type)?;
                Ok(staff.role_holders(text(value, "role")?, value["client"].as_str()).await?.to_vec())
            }
            "group" => {
                let subgroups = value["include_subgroups"].as_bool().unwrap_or(false);
                let staff = self.staff(question.rule_type)?;
                Ok(staff.group_members(text(value, "group")?, subgroups).await?.to_vec())
            }
            "http" => self.ask(question).await,
            other => Err(DirectoryError::Unknown(format!("there are no {other} rules"))),
        }
    }

    fn staff(&self, rule_type: &str) -> Result<&Staff, DirectoryError> {
        self.staff.as_ref().ok_or_else(|| not_configured(rule_type))
    }

    async fn ask(&self, question: Question<'_>) -> Result<Vec<String>, DirectoryError> {
        let credential = self.credential(question.rule_value)?;
        let secrets = self.secrets(&question).await?;
        if secrets.is_empty() && !self.allow_unsigned && matches!(credential, Credential::None) {
            return Err(DirectoryError::Unknown(format!(
                "http rule: caller {} has no active callback secret to sign the question with, the rule names no \
                 credential, and webhook.allow_unsigned is off",
                question.caller
            )));
        }
        let keys: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
        let id = Uuid::now_v7().to_string();
        let url = text(question.rule_value, "url")?;
        let asked = HttpQuestion { url, credential, context: question.context, keys: &keys, id: &id };
        self.http.ask(&asked).await
    }

    fn credential(&self, rule_value: &Value) -> Result<&Credential, DirectoryError> {
        let auth = http_auth(rule_value).map_err(DirectoryError::Unknown)?;
        let Some(name) = auth.credential else { return Ok(&Credential::None) };
        self.credentials.get(name).ok_or_else(|| {
            DirectoryError::Unknown(format!(
                "http rule: no credential {name:?} is configured in this installation"
            ))
        })
    }

    async fn secrets(&self, question: &Question<'_>) -> Result<Vec<SecretString>, DirectoryError> {
        let now = clock::now();
        let unread =
            || DirectoryError::Unavailable("the caller's callback secrets could not be read".to_owned());
        let found = self.store.live_secrets(question.caller, question.callback_secret_id, now, &self.vault);
        let live = found.await.map_err(|error| {
            tracing::warn!(caller = question.caller, %error, "callback secrets could not be read");
            unread()
        })?;
        match live.closed {
            None => Ok(live.secrets),
            Some(why) => {
                tracing::warn!(caller = question.caller, %why, "a callback secret cannot be opened");
                Err(unread())
            }
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, DirectoryError> {
    value[key].as_str().ok_or_else(|| DirectoryError::Unknown(format!("the rule has no {key}")))
}
