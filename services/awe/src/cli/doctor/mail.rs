//! The mail server: connected to as for a mail, which is not sent.

use super::Finding;
use crate::config::Config;
use outbound::error_chain;

const CHECK: &str = "mail";
const ADVICE: &str =
    "see notifier.* in the configuration and docs/notifier.md; until it is put right, nobody gets mail";

/// Nothing where no mail is enabled.
pub(super) async fn look(config: &Config) -> Option<Finding> {
    let notifier = &config.notifier;
    if !notifier.enabled {
        return None;
    }
    let mailer = match notifier.mailer() {
        Ok(mailer) => mailer,
        Err(error) => return Some(Finding::failure(CHECK, error_chain(&error), ADVICE)),
    };
    let server = format!("{} port {}", notifier.smtp_host, notifier.smtp_port);
    Some(match mailer.check().await {
        Ok(()) => Finding::ok(CHECK, format!("{server} lets us in")),
        Err(why) => Finding::failure(CHECK, format!("{server}: {why}"), ADVICE),
    })
}
