//! What the contract says: written by `./dev clients --renew` from `schemas/openapi.json`, `schemas/asyncapi.yaml` and
//! `docs/errors.md`.

#[cfg(feature = "client")]
pub mod models;
#[cfg(feature = "client")]
pub(crate) mod operations;
#[cfg(feature = "client")]
pub mod parameters;
pub(crate) mod words;
