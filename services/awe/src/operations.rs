//! What a call does where that is more than one call of a room below: rules about who may do it, what the policy gate
//! is asked before it, and what the registration webhook is told after it. [`crate::routes`] knows HTTP; nothing here
//! does, but for the headers that the gate is shown.

pub(crate) mod callback_secrets;
pub(crate) mod decisions;
pub(crate) mod delegations;
pub(crate) mod deliveries;
pub(crate) mod feed;
pub(crate) mod health;
pub(crate) mod once;
pub(crate) mod overview;
pub(crate) mod parts;
pub(crate) mod people;
pub(crate) mod ping;
pub(crate) mod policies;
pub(crate) mod policy_check;
pub(crate) mod policy_diff;
pub(crate) mod requests;
pub(crate) mod system_config;
