//! Mail to approvers.

use super::faults::Faults;
use super::keycloak::Keycloak;
use super::span::{hours, seconds};
use actors::NotifierOptions;
use anyhow::Context as _;
use outbound::mail::{Letters, MailOptions, MailSetupError, Mailer, TemplateError, is_sender};
use outbound::{Staff, error_chain};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The section `notifier`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notifier {
    pub enabled: bool,
    #[serde(skip_serializing)]
    pub smtp_host: String,
    #[serde(skip_serializing)]
    pub smtp_port: u16,
    pub use_tls: bool,
    #[serde(skip_serializing)]
    pub ca_file: String,
    #[serde(skip_serializing)]
    pub username: String,
    #[serde(skip_serializing)]
    pub password: SecretString,
    #[serde(skip_serializing)]
    pub from_address: String,
    pub timeout_seconds: u64,
    pub reminder_hours: u32,
    pub check_interval_seconds: u64,
    #[serde(skip_serializing)]
    pub templates_directory: String,
    #[serde(skip_serializing)]
    pub link_template: String,
}

impl Notifier {
    /// The mail server as `outbound` takes it.
    ///
    /// # Errors
    /// [`MailSetupError`].
    pub fn mailer(&self) -> Result<Mailer, MailSetupError> {
        Mailer::new(MailOptions {
            host: self.smtp_host.clone(),
            port: self.smtp_port,
            tls: self.use_tls,
            ca_file: (!self.ca_file.is_empty()).then(|| PathBuf::from(&self.ca_file)),
            login: (!self.username.is_empty()).then(|| (self.username.clone(), self.password.clone())),
            from: self.from_address.clone(),
            timeout: seconds(self.timeout_seconds),
        })
    }

    /// The templates of mails.
    pub(super) fn letters(&self) -> Result<Letters, TemplateError> {
        let directory = (!self.templates_directory.is_empty()).then(|| Path::new(&self.templates_directory));
        Letters::new(directory, &self.link_template)
    }

    pub(crate) fn options(&self, directory: Staff) -> anyhow::Result<NotifierOptions> {
        Ok(NotifierOptions {
            mailer: self.mailer().context("mail cannot be sent")?,
            letters: Arc::new(self.letters().context("a mail template")?),
            directory,
            timeout: seconds(self.timeout_seconds),
            remind_before: self.remind_before(),
            check_interval: seconds(self.check_interval_seconds),
        })
    }

    /// How long before a deadline people are reminded; `None` = never.
    pub(crate) fn remind_before(&self) -> Option<std::time::Duration> {
        (self.enabled && self.reminder_hours > 0).then(|| hours(u64::from(self.reminder_hours)))
    }

    pub(super) fn check(&self, keycloak: &Keycloak, faults: &mut Faults) {
        faults.unless(self.smtp_port > 0, "notifier.smtp_port", "must be 1 to 65535");
        faults.between("notifier.timeout_seconds", self.timeout_seconds, 1, 300);
        faults.between("notifier.reminder_hours", u64::from(self.reminder_hours), 0, 8760);
        faults.between("notifier.check_interval_seconds", self.check_interval_seconds, 1, 3600);
        if self.enabled {
            self.check_enabled(keycloak, faults);
        }
    }

    /// Mail that is enabled and cannot be sent stops the start: otherwise people would wait for mail that never comes.
    fn check_enabled(&self, keycloak: &Keycloak, faults: &mut Faults) {
        let needed = "must not be empty while notifier.enabled is true";
        faults.unless(!self.smtp_host.is_empty(), "notifier.smtp_host", needed);
        faults.unless(
            is_sender(&self.from_address),
            "notifier.from_address",
            "must be one mail address, for example awe@example.org or AWE <awe@example.org>",
        );
        faults.unless(
            keycloak.names_directory(),
            "keycloak.base_url",
            "must not be empty while notifier.enabled is true: the directory knows where people get mail",
        );
        let password = !self.password.expose_secret().is_empty();
        faults.unless(
            password != self.username.is_empty(),
            "notifier.password",
            "and notifier.username belong together: set both or none",
        );
        faults.unless(
            !password || self.use_tls || is_loopback(&self.smtp_host),
            "notifier.use_tls",
            "must be true: the password would travel in clear",
        );
        if let Err(why) = Letters::new(None, &self.link_template) {
            faults.unless(false, "notifier.link_template", &error_chain(&why));
        } else if let Err(why) = self.letters() {
            faults.unless(false, "notifier.templates_directory", &error_chain(&why));
        }
        // A mailer can also be refused for its sender, which has been told above.
        if is_sender(&self.from_address)
            && let Err(why) = self.mailer()
        {
            faults.unless(false, "notifier.ca_file", &error_chain(&why));
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
