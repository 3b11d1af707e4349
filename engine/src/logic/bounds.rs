//! What one evaluation may use up.

/// Most steps of one evaluation: a node looked at, an item visited or copied, 32 bytes of text read or written.
pub const MAX_STEPS: u64 = 1_000_000;
/// Most bytes that one evaluation may build.
pub const MAX_MEMORY: usize = 8 * 1024 * 1024;
/// Most lists that an expression may put into one another.
pub const MAX_VALUE_DEPTH: usize = 32;
