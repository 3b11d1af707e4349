//! The data custodian: gives third parties what customers agreed to, once whoever has to approve has approved.
//!
//! The consumer of AWE that others can read: it knows AWE by the Rust client alone. `docs/data-custodian.md` tells the
//! authorization server's developer what goes over the wire.

pub mod app;
pub mod approval;
pub mod asked;
pub mod authorizations;
pub mod backchannel;
mod changes;
pub mod cli;
pub mod config;
pub mod consent;
pub mod database;
pub mod grant;
pub mod handoff;
pub mod health;
pub mod identity;
mod json;
pub mod loops;
pub mod metrics;
pub mod nonces;
pub mod openapi;
pub mod public;
pub mod resources;
pub mod scope;
pub mod seed;
pub mod state;
pub mod uris;
