//! What the group commit promises to whoever hands it a transition. Needs a Postgres: `DATABASE_URL`.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod batch;
mod guards;
mod world;
