//! AWE, the Approval Workflow Engine: the server and its command line.
//!
//! Walkthrough: [`cli`] reads arguments and [`config`]; [`app`] connects, starts the actors and serves
//! [`server::router`]; [`auth`] says who calls; [`routes`] turn calls into one call of the rooms below; [`error`]
//! turns what goes wrong into the contract's envelope.

pub mod admission;
pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
mod document;
mod embedded;
pub mod error;
mod evidence;
pub mod extract;
mod files;
mod logging;
mod operations;
mod places;
mod policy;
pub mod presence;
pub mod rate_limit;
pub mod routes;
pub mod server;
pub mod state;
mod wiring;
