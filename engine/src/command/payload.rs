//! Lists in the payloads of events, bounded because events are published and sent to webhooks.

use serde_json::{Map, Value};

/// Most errors in one event.
const MOST_ERRORS: usize = 20;
/// Longest error in an event, in characters.
const LONGEST_ERROR: usize = 300;
/// Most bytes of ids in one list of an event.
const MOST_BYTES: usize = 64 * 1024;

/// Errors met while people were looked for: the first ones in words, and how many more there were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ErrorList {
    errors: Vec<String>,
    more: usize,
}

impl ErrorList {
    pub(crate) fn push(&mut self, error: impl Into<String>) {
        if self.errors.len() == MOST_ERRORS {
            self.more += 1;
            return;
        }
        let error: String = error.into();
        self.errors.push(error.chars().filter(|c| !c.is_control()).take(LONGEST_ERROR).collect());
    }

    /// One line for each error that was kept, and one with the number of the others.
    pub(crate) fn lines(&self) -> Vec<String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.errors.iter().cloned().chain(more).collect()
    }

    /// The lines as a list; null without errors, so that the payload omits it.
    pub(crate) fn to_json(&self) -> Value {
        let lines = self.lines();
        if lines.is_empty() { Value::Null } else { lines.into() }
    }
}

/// Puts as many ids as fit into a payload under `name`, and the number of the others under `<name>_omitted`.
pub(crate) fn put_ids<'a>(payload: &mut Value, name: &str, ids: impl IntoIterator<Item = &'a str>) {
    let Value::Object(payload) = payload else { return };
    let mut ids = ids.into_iter();
    let mut bytes = 0;
    let mut fitting: Vec<Value> = Vec::new();
    let mut omitted = 0;
    for id in ids.by_ref() {
        bytes += id.len();
        if bytes > MOST_BYTES {
            omitted = 1;
            break;
        }
        fitting.push(id.into());
    }
    omitted += ids.count();
    payload.insert(name.to_owned(), fitting.into());
    if omitted > 0 {
        payload.insert(format!("{name}_omitted"), omitted.into());
    }
}

/// As [`put_ids`], but puts nothing when there are no ids.
pub(crate) fn put_some_ids(payload: &mut Value, name: &str, ids: &[String]) {
    if !ids.is_empty() {
        put_ids(payload, name, ids.iter().map(String::as_str));
    }
}

/// Puts a map from each delegate who holds a seat to its owner under `delegated_from`, as far as it fits.
pub(crate) fn put_delegations<'a>(payload: &mut Value, delegated: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut bytes = 0;
    let mut fitting = Map::new();
    for (holder, owner) in delegated {
        bytes += holder.len() + owner.len();
        if bytes > MOST_BYTES {
            break;
        }
        fitting.insert(holder.to_owned(), owner.into());
    }
    if !fitting.is_empty() {
        payload["delegated_from"] = fitting.into();
    }
}

/// Returns the members of a payload that are not null.
pub(crate) fn without_nulls(payload: Value) -> Map<String, Value> {
    let mut members = match payload {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    members.retain(|_, value| !value.is_null());
    members
}
