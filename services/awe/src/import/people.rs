//! Who is meant: AWE 1.0 stores user names, this one subjects.

use anyhow::{Context as _, bail};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use uuid::Uuid;

/// Largest file of names, in bytes.
const LARGEST: u64 = 64 << 20;
/// Who acts where nobody does.
const SYSTEM: &str = "system";

/// Columns that hold people; rows of other tables name nobody.
const COLUMNS: [(&str, &[&str]); 5] = [
    ("approval_policy", &["created_by"]),
    ("approval_request", &["requester"]),
    ("approval_task", &["assignee", "delegated_from", "reassigned_from"]),
    ("approval_decision", &["actor"]),
    ("user_delegation", &["user_id", "delegate_to", "created_by"]),
];
/// Members of an event's payload that hold a person, and those that hold people.
const ONE: [&str; 4] = ["actor", "from", "to", "assignee"];
const MANY: [&str; 4] = ["approvers", "observers", "required_approvers", "added"];

/// Subjects by user name.
#[derive(Debug, Default)]
pub(crate) struct Map {
    subjects: HashMap<String, String>,
}

impl Map {
    /// Reads a file of lines `name,subject`, as a spreadsheet writes it; a first line `name,subject` is a heading.
    ///
    /// # Errors
    /// A file that cannot be read, and the line of whatever is wrong in it.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let size = std::fs::metadata(file).with_context(|| format!("--map: {}", file.display()))?.len();
        if size > LARGEST {
            bail!("--map: {} has more than {LARGEST} bytes", file.display());
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .flexible(true)
            .from_path(file)?;
        let mut map = Self::default();
        for (number, record) in (1..).zip(reader.records()) {
            let record = record.with_context(|| format!("--map: line {number}"))?;
            let (Some(name), Some(subject), None) = (record.get(0), record.get(1), record.get(2)) else {
                bail!("--map: line {number} has not two columns: name,subject");
            };
            if number == 1 && (name, subject) == ("name", "subject") {
                continue;
            }
            if name.is_empty() {
                bail!("--map: line {number} names nobody");
            }
            engine::subject::check(subject)
                .map_err(|why| anyhow::anyhow!("--map: line {number}: the subject {why}"))?;
            let before = map.subjects.insert(name.to_owned(), subject.to_owned());
            if before.is_some_and(|before| before != subject) {
                bail!("--map: line {number}: {name} was another subject above");
            }
        }
        Ok(map)
    }

    /// Notes who this is.
    pub(super) fn add(&mut self, name: String, subject: String) {
        self.subjects.insert(name, subject);
    }

    /// Puts subjects in the place of names in a row of this table; names that are nobody's are noted in `unknown`.
    pub(crate) fn apply(&self, table: &str, row: &mut Value, unknown: &mut BTreeSet<String>) {
        if let Some((_, columns)) = COLUMNS.iter().find(|(name, _)| *name == table) {
            for column in *columns {
                self.one(row.get_mut(*column), unknown);
            }
        }
        match table {
            "approval_request" => self.caller(row.get_mut("source_service")),
            "callback_secret" => self.caller(row.get_mut("caller_service")),
            "approver_rule" => self.rule(row, unknown),
            "approval_stage" => {
                let rules = row.get_mut("escalation_rules_json").and_then(Value::as_array_mut);
                rules.into_iter().flatten().for_each(|rule| self.rule(rule, unknown));
            }
            "approval_event" => {
                let Some(payload) = row.get_mut("payload") else { return };
                ONE.iter().for_each(|member| self.one(payload.get_mut(*member), unknown));
                for member in MANY {
                    let people = payload.get_mut(member).and_then(Value::as_array_mut);
                    people.into_iter().flatten().for_each(|person| self.one(Some(person), unknown));
                }
            }
            _ => {}
        }
    }

    fn rule(&self, rule: &mut Value, unknown: &mut BTreeSet<String>) {
        if rule["rule_type"] == "user" {
            self.one(rule.get_mut("rule_value").and_then(|value| value.get_mut("user_id")), unknown);
        }
    }

    /// A program that calls is named as it is, unless the file says otherwise.
    fn caller(&self, value: Option<&mut Value>) {
        self.one(value, &mut BTreeSet::new());
    }

    fn one(&self, value: Option<&mut Value>, unknown: &mut BTreeSet<String>) {
        let Some(value) = value else { return };
        let Some(name) = value.as_str() else { return };
        match self.subjects.get(name) {
            Some(subject) => *value = Value::String(subject.clone()),
            // Keycloak's subjects are UUIDs: such a name is one already.
            None if name == SYSTEM || Uuid::parse_str(name).is_ok() => {}
            None => {
                unknown.insert(name.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(text: &str) -> anyhow::Result<Map> {
        let file = std::env::temp_dir().join(format!("awe-map-{}.csv", Uuid::now_v7()));
        std::fs::write(&file, text)?;
        let read = Map::read(&file);
        std::fs::remove_file(file)?;
        read
    }

    #[test]
    fn names_become_subjects_wherever_people_stand() {
        let map = map("name,subject\nann, s-1\n\"bob, jr\",s-2\n").unwrap();
        let mut unknown = BTreeSet::new();
        let mut task = json!({"assignee": "ann", "delegated_from": "bob, jr", "reassigned_from": null});
        map.apply("approval_task", &mut task, &mut unknown);
        assert_eq!(task, json!({"assignee": "s-1", "delegated_from": "s-2", "reassigned_from": null}));
        let mut event = json!({"payload": {"approvers": ["ann", "eve"], "actor": "system", "name": "ann"}});
        map.apply("approval_event", &mut event, &mut unknown);
        assert_eq!(
            event,
            json!({"payload": {"approvers": ["s-1", "eve"], "actor": "system", "name": "ann"}})
        );
        let mut rule = json!({"rule_type": "user", "rule_value": {"user_id": "ann"}});
        map.apply("approver_rule", &mut rule, &mut unknown);
        assert_eq!(rule["rule_value"]["user_id"], "s-1");
        assert_eq!(unknown.into_iter().collect::<Vec<_>>(), ["eve"]);
    }

    #[test]
    fn a_file_that_says_something_else_is_refused_by_its_line() {
        for (text, told) in [
            ("ann\n", "line 1 has not two columns"),
            ("ann,s-1,x\n", "line 1 has not two columns"),
            ("ann,s-1\n,s-2\n", "line 2 names nobody"),
            ("ann,\n", "line 1: the subject"),
            ("ann,s-1\nann,s-2\n", "line 2: ann was another"),
        ] {
            let refused = format!("{:#}", map(text).unwrap_err());
            assert!(refused.contains(told), "{text:?}: {refused}");
        }
    }
}
