//! Mail, as configured and as `outbound` takes it.

use super::{Config, check::Faults, seconds};
use outbound::error_chain;
use outbound::mail::{Letters, MailOptions, MailSetupError, Mailer, TemplateError, is_sender};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Mail.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notifier {
    /// Whether mails are sent.
    pub enabled: bool,
    /// Mail server.
    #[serde(skip_serializing)]
    pub smtp_host: String,
    /// Its port.
    #[serde(skip_serializing)]
    pub smtp_port: u16,
    /// Whether TLS is required.
    pub use_tls: bool,
    /// Authorities that are trusted besides the system's; empty = none.
    #[serde(skip_serializing)]
    pub ca_file: String,
    /// Name to log in with; empty = without.
    #[serde(skip_serializing)]
    pub username: String,
    /// Its password.
    #[serde(skip_serializing)]
    pub password: SecretString,
    /// Sender.
    #[serde(skip_serializing)]
    pub from_address: String,
    /// How long one attempt may take.
    pub timeout_seconds: u64,
    /// How long before a deadline somebody is reminded of it; 0 = never.
    pub reminder_hours: u32,
    /// How often deadlines are looked at.
    pub check_interval_seconds: u64,
    /// Templates that replace the built-in ones; empty = none.
    #[serde(skip_serializing)]
    pub templates_directory: String,
    /// Template of the link to a task; empty = mails have none.
    #[serde(skip_serializing)]
    pub link_template: String,
}

impl Notifier {
    /// The mail server, as `outbound` takes it.
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

    /// What is written.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn letters(&self) -> Result<Letters, TemplateError> {
        let directory = (!self.templates_directory.is_empty()).then(|| Path::new(&self.templates_directory));
        Letters::new(directory, &self.link_template)
    }

    pub(super) fn check(&self, config: &Config, faults: &mut Faults) {
        faults.unless(self.smtp_port > 0, "notifier.smtp_port", "must be 1 to 65535");
        faults.between("notifier.timeout_seconds", self.timeout_seconds, 1, 300);
        faults.between("notifier.reminder_hours", u64::from(self.reminder_hours), 0, 8760);
        faults.between("notifier.check_interval_seconds", self.check_interval_seconds, 1, 3600);
        if self.enabled {
            self.check_enabled(config, faults);
        }
    }

    /// Better no start than mail that somebody waits for and nobody gets.
    fn check_enabled(&self, config: &Config, faults: &mut Faults) {
        let needed = "must not be empty while notifier.enabled is true";
        faults.unless(!self.smtp_host.is_empty(), "notifier.smtp_host", needed);
        faults.unless(
            is_sender(&self.from_address),
            "notifier.from_address",
            "must be one mail address, for example awe@example.org or AWE <awe@example.org>",
        );
        faults.unless(
            !(config.keycloak.base_url.is_empty() && config.keycloak.directory_file.is_empty()),
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
            faults.unless(false, "notifier.link_template", &why.to_string());
        } else if let Err(why) = self.letters() {
            faults.unless(false, "notifier.templates_directory", &why.to_string());
        }
        // Its other fault, the sender, has been told.
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
