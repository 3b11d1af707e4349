//! What [`crate::System`] is started with. The options of each service stand beside that service.

use crate::delivery::WebhookOptions;
use crate::directory::Directory;
use crate::notifier::NotifierOptions;
use crate::relay::RelayOptions;
use crate::request::RequestOptions;
use crate::resolver::ResolverOptions;
use crate::retention::RetentionOptions;
use crate::roles::Roles;
use crate::sla::SlaOptions;
use bus::Bus;
use outbound::{Credentials, Egress};
use std::sync::Arc;
use store::Store;
use store::vault::Vault;

/// What a process needs to play its roles.
pub struct Options {
    /// The database.
    pub store: Store,
    /// The bus. Without one, webhooks go out by the poll and events wait in the outbox.
    pub bus: Option<Bus>,
    /// Opens callback secrets.
    pub vault: Arc<Vault>,
    /// The roles to play.
    pub roles: Roles,
    /// Request actors.
    pub requests: RequestOptions,
    /// Webhooks.
    pub webhook: WebhookOptions,
    /// Deadlines.
    pub sla: SlaOptions,
    /// Outbox to bus.
    pub relay: RelayOptions,
    /// What is forgotten after a while.
    pub retention: RetentionOptions,
    /// Asking for approvers.
    pub resolver: ResolverOptions,
    /// Addresses that webhooks may go to.
    pub egress: Egress,
    /// Credentials that webhooks may be sent with.
    pub credentials: Credentials,
    /// Answers role, group and http rules.
    pub directory: Arc<dyn Directory>,
    /// Mail to people; `None` = none is sent.
    pub notifier: Option<NotifierOptions>,
}
