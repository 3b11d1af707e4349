//! The data custodian: gives third parties what customers agreed to, once whoever has to approve has approved.
//!
//! The consumer of AWE that others can read: it knows AWE by the Rust client alone.

pub mod handoff;
pub mod scope;
