//! A custodian on ports of its own, with a database of its own, spoken to over HTTP.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic, as tests may")]

mod approvals;
mod backchannel;
mod consent;
mod contract;
mod limits;
mod nonces;
mod provisioning;
mod resources;
mod support;
mod uniform;
