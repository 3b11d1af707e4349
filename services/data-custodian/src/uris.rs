//! Every URI of a resource, in one place.

use uuid::Uuid;

/// Writes URIs below one base.
#[derive(Debug, Clone)]
pub struct Uris {
    base: String,
}

impl Uris {
    /// `base`: without a slash at its end.
    #[must_use]
    pub const fn new(base: String) -> Self {
        Self { base }
    }

    /// What all begin with.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Of a subscription.
    #[must_use]
    pub fn subscription(&self, id: Uuid) -> String {
        format!("{}/Subscription/{id}", self.base)
    }

    /// Of an authorization.
    #[must_use]
    pub fn authorization(&self, id: Uuid) -> String {
        format!("{}/Authorization/{id}", self.base)
    }

    /// Of the data about a customer as a person.
    #[must_use]
    pub fn customer(&self, customer: i64) -> String {
        format!("{}/RetailCustomer/{customer}/Customer/{customer}", self.base)
    }
}
