//! Every HTTP call that is made for a user: guarded addresses, no redirects, bounded in time and size.

mod egress;
mod transport;

pub use egress::Egress;
pub use transport::{Answer, Failure, Post, Transport};
