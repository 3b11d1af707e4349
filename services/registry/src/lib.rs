#![doc = include_str!("../README.md")]

pub mod app;
pub mod auth;
pub mod change_request;
pub mod config;
pub mod error;
pub mod events;
pub mod extract;
pub mod gate;
pub mod hooks;
pub mod portal;
pub mod reconcile;
pub mod routes;
pub mod sections;
pub mod seed;
pub mod serve;
pub mod settle;
