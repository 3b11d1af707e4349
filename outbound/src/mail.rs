//! Mail to people: over SMTP, one message to one person.
//!
//! Each mail has a connection of its own. A pool would take back a connection whose command was given up half-way, and
//! the next mail would become part of the last; being given up after a while is what bounds every call here.

mod letters;

pub use letters::{Facts, Letter, Letters};

use crate::transport::chain;
use lettre::message::header::{HeaderName, HeaderValue, MessageId};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::time::Duration;

/// Here TLS begins with the first byte; at every other port it begins with `STARTTLS`.
const IMPLICIT_TLS: u16 = 465;
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// Answers of a server that does not let us in (RFC 4954): a fault of the configuration, not of a mail.
const NOT_LET_IN: [u16; 4] = [530, 534, 535, 538];
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
/// Characters of an error that are told: a server may say much.
const MOST_TOLD: usize = 300;

/// Where mail goes, and as whom.
#[derive(Debug, Clone)]
pub struct MailOptions {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS is required: at port 465 from the start, else by `STARTTLS`. Without it, everything travels in clear.
    pub tls: bool,
    /// PEM file of authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Name and password to log in with.
    pub login: Option<(String, SecretString)>,
    /// Sender: `awe@example.org` or `AWE <awe@example.org>`.
    pub from: String,
    /// How long the server may take over one mail, connecting included.
    pub timeout: Duration,
}

/// One mail to one person.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// Left part of the Message-ID: the same for the same mail, however often it is sent.
    pub id: &'a str,
    /// Address of the recipient.
    pub to: &'a str,
    /// How the recipient is called, when it is known.
    pub name: Option<&'a str>,
    /// Subject and text.
    pub letter: &'a Letter,
}

/// Why a mail was not taken. Holds neither its text nor a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It never will be: the server refused it for good (5xx), or the address is none.
    #[error("{0}")]
    Refused(String),
    /// Another attempt may go better.
    #[error("{0}")]
    Unavailable(String),
}

/// Sends mail. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

/// Whether this can be the sender of a mail.
#[must_use]
pub fn is_sender(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
}

impl Mailer {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// The sender is no mailbox, or TLS cannot be set up: the file of authorities cannot be read or holds none.
    pub fn new(options: MailOptions) -> Result<Self, String> {
        let from = options.from.parse().map_err(|error| format!("the sender is no mailbox: {error}"))?;
        let mut smtp = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.host)
            .port(options.port)
            .tls(tls(&options)?)
            .timeout(Some(options.timeout));
        if let Some((name, password)) = options.login {
            smtp = smtp.credentials(Credentials::new(name, password.expose_secret().to_owned()));
        }
        Ok(Self { smtp: smtp.build(), from, timeout: options.timeout })
    }

    /// Hands a mail to the server; it may arrive twice when an attempt is repeated.
    ///
    /// # Errors
    /// [`MailError`].
    pub async fn send(&self, mail: Mail<'_>) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match tokio::time::timeout(self.timeout, self.smtp.send(message)).await {
            Ok(sent) => sent.map(|_| ()).map_err(|error| judged(&error)),
            Err(_) => Err(MailError::Unavailable(format!("no answer within {:?}", self.timeout))),
        }
    }

    /// Connects as for a mail, logging in included, and sends none.
    ///
    /// # Errors
    /// Why no mail could be sent.
    pub async fn check(&self) -> Result<(), String> {
        match tokio::time::timeout(self.timeout, self.smtp.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("the server ended the connection".to_owned()),
            Ok(Err(error)) => Err(judged(&error).to_string()),
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        }
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
            // RFC 3834: nobody's absence note answers this.
            .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()))
            .singlepart(SinglePart::plain(mail.letter.body.clone()))
            .map_err(|error| MailError::Refused(chain(&error)))
    }
}

fn tls(options: &MailOptions) -> Result<Tls, String> {
    if !options.tls {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(options.host.clone());
    if let Some(file) = &options.ca_file {
        let pem = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        if !pem.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) {
            return Err(format!("{}: holds no certificate in PEM", file.display()));
        }
        let certificate = Certificate::from_pem(&pem).map_err(|error| chain(&error))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = parameters.build().map_err(|error| chain(&error))?;
    Ok(if options.port == IMPLICIT_TLS { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
}

fn judged(error: &lettre::transport::smtp::Error) -> MailError {
    let told: String = letters::one_line(&chain(error)).chars().take(MOST_TOLD).collect();
    let let_in = error.status().is_none_or(|code| !NOT_LET_IN.contains(&u16::from(code)));
    if error.is_permanent() && let_in { MailError::Refused(told) } else { MailError::Unavailable(told) }
}

#[cfg(test)]
mod tests;
