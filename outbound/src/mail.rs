//! Mail over SMTP: one message to one person.
//!
//! Each mail has a connection of its own. lettre's pool takes back a connection whose command was cancelled half-way, and
//! the next mail would become part of the cancelled one; cancelling is how every call here is bounded in time.

mod letters;

pub use letters::{Facts, Letter, Letters, TemplateError};

use crate::error_chain::error_chain;
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue, MessageId};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::time::Duration;

/// At this port TLS begins with the first byte; at every other port it begins with `STARTTLS`.
const IMPLICIT_TLS: u16 = 465;
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// Replies of a server that requires or rejects authentication (RFC 4954). The configuration is at fault and may be
/// corrected, so the mail is not given up although these are permanent errors.
const AUTHENTICATION: [u16; 4] = [530, 534, 535, 538];
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
/// Characters of an error that are kept, since a server may send a long text.
const MOST_TOLD: usize = 300;

/// The mail server and the sender.
#[derive(Debug, Clone)]
pub struct MailOptions {
    /// Name or address of the server.
    pub host: String,
    /// TCP port of the server.
    pub port: u16,
    /// Whether TLS is required: from the first byte at port 465, else by `STARTTLS`. Without it, mail travels in clear.
    pub tls: bool,
    /// PEM file of certificate authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// User name and password for SMTP authentication.
    pub login: Option<(String, SecretString)>,
    /// Sender mailbox: `awe@example.org` or `AWE <awe@example.org>`.
    pub from: String,
    /// Timeout of one mail, including the connection.
    pub timeout: Duration,
}

/// One mail to one person.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// Left part of the Message-ID. A mail that is sent again has the same, so that a duplicate can be recognised.
    pub id: &'a str,
    /// Address of the recipient.
    pub to: &'a str,
    /// Display name of the recipient, if known.
    pub name: Option<&'a str>,
    /// Subject and body.
    pub letter: &'a Letter,
}

/// Why a mail was not accepted. The text holds neither the mail nor a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// A retry cannot help: the server answered with a permanent error (5xx), or the address is malformed.
    #[error("{0}")]
    Refused(String),
    /// A retry may succeed.
    #[error("{0}")]
    Unavailable(String),
}

/// Why mail cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    /// The sender does not parse.
    #[error("the sender is no mailbox: {0}")]
    Sender(#[source] AddressError),
    /// The file of certificate authorities cannot be read.
    #[error("{}: {source}", .file.display())]
    Authorities {
        /// Path of the file.
        file: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// The file of certificate authorities holds no certificate.
    #[error("{}: holds no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    /// A certificate is malformed, or the TLS of this system is unusable.
    #[error(transparent)]
    Tls(#[from] lettre::transport::smtp::Error),
}

/// Sends mail. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

/// Whether the text is one mailbox, as [`MailOptions::from`] must be.
#[must_use]
pub fn is_sender(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
}

impl Mailer {
    /// Sets mail up; the server is not connected to yet.
    ///
    /// # Errors
    /// [`MailSetupError`].
    pub fn new(options: MailOptions) -> Result<Self, MailSetupError> {
        let from = options.from.parse().map_err(MailSetupError::Sender)?;
        let mut smtp = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.host)
            .port(options.port)
            .tls(tls(&options)?)
            .timeout(Some(options.timeout));
        if let Some((name, password)) = options.login {
            smtp = smtp.credentials(Credentials::new(name, password.expose_secret().to_owned()));
        }
        Ok(Self { smtp: smtp.build(), from, timeout: options.timeout })
    }

    /// Sends a mail. After an error the server may have accepted it nevertheless, so a retry may deliver it twice.
    ///
    /// # Errors
    /// [`MailError`].
    pub async fn send(&self, mail: Mail<'_>) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match tokio::time::timeout(self.timeout, self.smtp.send(message)).await {
            Ok(sent) => sent.map(|_| ()).map_err(|error| classified(&error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    /// Connects and authenticates without sending a mail.
    ///
    /// # Errors
    /// [`MailError`].
    pub async fn check(&self) -> Result<(), MailError> {
        match tokio::time::timeout(self.timeout, self.smtp.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(MailError::Unavailable("the server ended the connection".to_owned())),
            Ok(Err(error)) => Err(classified(&error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> MailError {
        MailError::Unavailable(format!("no answer within {:?}", self.timeout))
    }

    fn message(&self, mail: Mail<'_>) -> Result<Message, MailError> {
        let address: Address =
            mail.to.parse().map_err(|error| MailError::Refused(format!("no mail address: {error}")))?;
        let name = mail.name.map(letters::one_line).filter(|name| !name.is_empty());
        let id = format!("<{}@{}>", mail.id, self.from.email.domain());
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(letters::one_line(&mail.letter.subject))
            .header(MessageId::from(id))
            // RFC 3834: keeps automatic replies, such as absence notes, from answering.
            .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()))
            .singlepart(SinglePart::plain(mail.letter.body.clone()))
            .map_err(|error| MailError::Refused(error_chain(&error)))
    }
}

fn tls(options: &MailOptions) -> Result<Tls, MailSetupError> {
    if !options.tls {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(options.host.clone());
    if let Some(file) = &options.ca_file {
        let unreadable = |source| MailSetupError::Authorities { file: file.clone(), source };
        let pem = std::fs::read(file).map_err(unreadable)?;
        if !pem.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) {
            return Err(MailSetupError::NoCertificate(file.clone()));
        }
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem)?);
    }
    let parameters = parameters.build()?;
    Ok(if options.port == IMPLICIT_TLS { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
}

fn classified(error: &lettre::transport::smtp::Error) -> MailError {
    let text: String = letters::one_line(&error_chain(error)).chars().take(MOST_TOLD).collect();
    let authentication = error.status().is_some_and(|code| AUTHENTICATION.contains(&u16::from(code)));
    if error.is_permanent() && !authentication {
        MailError::Refused(text)
    } else {
        MailError::Unavailable(text)
    }
}

#[cfg(test)]
mod tests;
