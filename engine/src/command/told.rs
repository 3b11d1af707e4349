//! Lists in events. An event is published and sent to webhooks, so what it tells has a bound.

use serde_json::{Map, Value};

/// Most errors that one event names.
const MOST_ERRORS: usize = 20;
/// Longest error told, in characters.
const LONGEST_ERROR: usize = 300;
/// Most bytes of ids in one list of an event.
const MOST_BYTES: usize = 64 * 1024;

/// What went wrong while people were looked for: the first errors in words, and how many more there were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    errors: Vec<String>,
    more: usize,
}

impl Told {
    pub(crate) fn tell(&mut self, error: impl Into<String>) {
        if self.errors.len() == MOST_ERRORS {
            self.more += 1;
            return;
        }
        let error: String = error.into();
        self.errors.push(error.chars().filter(|c| !c.is_control()).take(LONGEST_ERROR).collect());
    }

    /// The first errors, and how many more there were.
    pub(crate) fn lines(&self) -> Vec<String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.errors.iter().cloned().chain(more).collect()
    }

    /// Null when there is nothing to tell, so that the payload leaves it out.
    pub(crate) fn to_json(&self) -> Value {
        let lines = self.lines();
        if lines.is_empty() { Value::Null } else { lines.into() }
    }
}

/// Puts ids into a payload: all of them, or as many as fit, with the count of the others in `<name>_omitted`.
pub(crate) fn tell_ids<'a>(payload: &mut Value, name: &str, ids: impl IntoIterator<Item = &'a str>) {
    let Value::Object(payload) = payload else { return };
    let mut ids = ids.into_iter();
    let mut bytes = 0;
    let mut told: Vec<Value> = Vec::new();
    let mut omitted = 0;
    for id in ids.by_ref() {
        bytes += id.len();
        if bytes > MOST_BYTES {
            omitted = 1;
            break;
        }
        told.push(id.into());
    }
    omitted += ids.count();
    payload.insert(name.to_owned(), told.into());
    if omitted > 0 {
        payload.insert(format!("{name}_omitted"), omitted.into());
    }
}

/// As [`tell_ids`]; nothing when there are none.
pub(crate) fn tell_some_ids(payload: &mut Value, name: &str, ids: &[String]) {
    if !ids.is_empty() {
        tell_ids(payload, name, ids.iter().map(String::as_str));
    }
}

/// Puts into a payload whose seats delegates hold: for each holder the first owner.
pub(crate) fn tell_delegations<'a>(payload: &mut Value, delegated: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut bytes = 0;
    let mut told = Map::new();
    for (holder, owner) in delegated {
        bytes += holder.len() + owner.len();
        if bytes > MOST_BYTES {
            break;
        }
        told.insert(holder.to_owned(), owner.into());
    }
    if !told.is_empty() {
        payload["delegated_from"] = told.into();
    }
}

/// The members of a payload that say something.
pub(crate) fn without_nulls(payload: Value) -> Map<String, Value> {
    let mut members = match payload {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    members.retain(|_, value| !value.is_null());
    members
}
