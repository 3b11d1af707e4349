//! The bounds of one evaluation.

/// Most steps of one evaluation. A step is a node looked at, an item visited or copied, or 32 bytes of text read or
/// written.
pub const MAX_STEPS: u64 = 1_000_000;
/// Most bytes that one evaluation may build.
pub const MAX_MEMORY: usize = 8 * 1024 * 1024;
/// Deepest nesting of the lists that an expression builds.
pub const MAX_VALUE_DEPTH: usize = 32;
