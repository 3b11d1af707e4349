//! What the store promises to administrators, operators and readers. Needs PostgreSQL: `DATABASE_URL`.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod delegations;
mod deliveries;
mod doctor;
mod evidence;
mod feed;
mod fixtures;
mod leases;
mod lists;
mod moments;
mod notifications;
mod outbox;
mod overview;
mod policies;
mod requests;
mod retention;
mod secrets;
mod tasks;
