//! Modules without input or output: tables, vectors, and anything at all.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic, as tests may")]

mod codec;
mod fuzz;
mod scopes;
