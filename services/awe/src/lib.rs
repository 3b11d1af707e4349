#![doc = include_str!("../README.md")]

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
mod import;
mod logging;
mod operations;
mod places;
mod policy;
pub mod presence;
pub mod rate_limit;
pub mod routes;
pub mod server;
pub mod state;
pub mod ui;
mod wiring;
