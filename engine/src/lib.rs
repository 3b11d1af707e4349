//! The rules of approval, and nothing else: no async, no clock, no randomness, no IO.
//!
//! Cast: a [`policy::Policy`] says who must agree; a [`request::Request`] is one case under way;
//! [`command::apply`] takes a command to its [`command::Transition`] or [`command::Refusal`].

pub mod command;
pub mod delegation;
pub mod ids;
pub mod logic;
pub mod policy;
pub mod request;
pub mod similar;
pub mod simulate;
pub mod subject;
pub mod validate;
mod words;
