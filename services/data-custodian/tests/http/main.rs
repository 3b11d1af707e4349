//! A custodian on ports of its own, with a database of its own, spoken to over HTTP.

mod backchannel;
mod consent;
mod contract;
mod limits;
mod nonces;
mod provisioning;
mod resources;
mod support;
mod uniform;
