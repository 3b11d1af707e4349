//! Modules without input or output: tables, vectors, and anything at all.

mod codec;
mod fuzz;
mod scopes;
