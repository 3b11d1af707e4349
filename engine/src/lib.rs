#![doc = include_str!("../README.md")]

pub mod command;
pub mod delegation;
pub mod diff;
pub mod ids;
pub mod logic;
pub mod policy;
pub mod progress;
pub mod replay;
pub mod request;
pub mod similar;
pub mod simulate;
pub mod subject;
pub mod validate;
mod words;
