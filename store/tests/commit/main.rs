//! What the group commit promises to its callers. Needs PostgreSQL: `DATABASE_URL`.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod batch;
mod guards;
mod leases;
mod world;
