//! Taking over what an AWE 1.0 has: people named by subjects instead of user names, policies judged as if they were
//! written here, and then all of it in one transaction.

mod directory;
mod people;
mod policies;

pub(crate) use directory::People;
pub(crate) use people::Map;

use anyhow::{Context as _, bail};
use directory::Learner;
use outbound::{Egress, Keycloak};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeSet;
use store::Store;
use store::audit::Actor;
use store::upstream::{Source, TABLES, Table, Written};

/// Most things of a kind that are told one by one.
const MOST_TOLD: usize = 200;

/// What was found, and what was done about it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Why nothing was written, in words; empty when all is well.
    pub(crate) problems: Vec<String>,
    /// What whoever imports should know.
    pub(crate) notes: Vec<String>,
    /// What was written, or would be.
    pub(crate) written: Vec<Written>,
}

/// Reads everything, and writes it unless something stands against it or it is only wanted to know.
///
/// # Errors
/// A database that does not answer, a column that is missing there, a row that is refused here; nothing is written then.
pub(crate) async fn run(
    store: &Store,
    from: &SecretString,
    people: &People,
    egress: &Egress,
    actor: &Actor,
    is_dry: bool,
) -> anyhow::Result<Report> {
    let mut source = Source::connect(from).await.context("--from: that database cannot be read")?;
    let missing = source.missing().await.context("--from")?;
    if !missing.is_empty() {
        bail!("--from: this is no database of an AWE 1.0 that can be read: it lacks {}", missing.join(", "));
    }
    let asked;
    let map = match people {
        People::Named(map) => map,
        // Before the transaction here begins: none is open while another server is asked.
        People::Asked(keycloak) => {
            asked = learned(&mut source, keycloak).await?;
            &asked
        }
    };
    let mut report = Report::default();
    let mut takeover = store.begin_takeover().await.context(
        "database.url: connect as the owner of the tables, with the schema up to date (`awe migrate`)",
    )?;
    let (mut unknown, mut callers) = (BTreeSet::new(), BTreeSet::new());
    let mut judged = policies::Judged::default();
    for table in TABLES {
        let mut after = String::new();
        loop {
            let mut rows = page(&mut source, table, &mut after).await?;
            if rows.is_empty() {
                break;
            }
            for row in &mut rows {
                map.apply(table.name, row, &mut unknown);
                judged.take(table.name, row);
                if table.name == "callback_secret" {
                    callers.extend(row["caller_service"].as_str().map(str::to_owned));
                }
            }
            takeover.add(table, &rows).await.with_context(|| format!("{} cannot be taken", table.name))?;
        }
    }
    source.close().await;
    report.problems.extend(told(unknown, "nobody is named by the user name ", ""));
    report.problems.extend(judged.faults(egress));
    report.problems.extend(takeover.problems().await?);
    report.notes.extend(judged.notes());
    report.notes.extend(told(
        callers,
        "make a new callback secret, which cannot be taken over, for ",
        " (POST /v1/awe/admin/callback-secrets)",
    ));
    if report.problems.is_empty() {
        report.written = takeover.write(actor).await.context("nothing was written: a row is refused")?;
        if !is_dry {
            takeover
                .commit()
                .await
                .context("it is not known whether it was written; doing it again is safe")?;
        }
    }
    Ok(report)
}

/// The rows behind `after`, which moves on; none at the end.
async fn page(source: &mut Source, table: Table, after: &mut String) -> anyhow::Result<Vec<Value>> {
    let rows = source.page(table, after).await.with_context(|| format!("--from: {}", table.name))?;
    let last = rows.last().and_then(|row| row["id"].as_str());
    last.unwrap_or_default().clone_into(after);
    Ok(if last.is_some() { rows } else { Vec::new() })
}

/// Everybody whom the realm knows by the user name that stands there.
async fn learned(source: &mut Source, keycloak: &Keycloak) -> anyhow::Result<Map> {
    let mut learner = Learner::new(keycloak);
    for table in TABLES {
        let mut after = String::new();
        loop {
            let rows = page(source, table, &mut after).await?;
            if rows.is_empty() {
                break;
            }
            learner.learn(table.name, rows).await?;
        }
    }
    Ok(learner.learned())
}

/// One line for each, up to a bound.
fn told(all: BTreeSet<String>, before: &str, behind: &str) -> Vec<String> {
    let more = all.len().saturating_sub(MOST_TOLD);
    let mut lines: Vec<String> =
        all.into_iter().take(MOST_TOLD).map(|one| format!("{before}{one}{behind}")).collect();
    if more > 0 {
        lines.push(format!("... and {more} more of this kind"));
    }
    lines
}
