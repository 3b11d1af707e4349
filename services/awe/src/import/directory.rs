//! Who is meant where no file says so: the realm knows people by user name.

use super::Map;
use anyhow::Context as _;
use outbound::Keycloak;
use serde_json::Value;
use std::collections::BTreeSet;

/// The names of a file, or those that a realm knows.
#[derive(Debug)]
pub(crate) enum People {
    /// A file says who everybody is; whoever it leaves out is nobody.
    Named(Map),
    /// The realm is asked, once for each name.
    Asked(Keycloak),
}

/// Learns who the people of these rows are.
#[derive(Debug)]
pub(super) struct Learner<'a> {
    keycloak: &'a Keycloak,
    asked: BTreeSet<String>,
    map: Map,
}

impl<'a> Learner<'a> {
    pub(super) fn new(keycloak: &'a Keycloak) -> Self {
        Self { keycloak, asked: BTreeSet::new(), map: Map::default() }
    }

    /// # Errors
    /// The realm cannot be asked. Doing it again is safe: nothing was written.
    pub(super) async fn learn(&mut self, table: &str, rows: Vec<Value>) -> anyhow::Result<()> {
        let mut unknown = BTreeSet::new();
        for mut row in rows {
            self.map.apply(table, &mut row, &mut unknown);
        }
        for name in unknown {
            if !self.asked.insert(name.clone()) {
                continue;
            }
            let asking = self.keycloak.user_named(&name).await;
            let found = asking.with_context(|| {
                format!("nothing was written: it cannot be asked who {name} is; try again, or give --map")
            })?;
            if let Some(user) = found {
                self.map.add(name, user.id);
            }
        }
        Ok(())
    }

    pub(super) fn learned(self) -> Map {
        self.map
    }
}
