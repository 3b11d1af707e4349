//! Finds every fault of a value, though serde stops at the first one.
//!
//! The value that serde stopped at is noted as a fault and replaced by something else that serde may accept, and the
//! document is deserialised again, until it succeeds. Faults of a replacement, or of anything in it, are not reported.

use super::flaw::MOST_FLAWS;
use crate::extract::misfit;
use schemas::api::{Location, ValidationDetail};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Times that one document is deserialised at most.
pub(crate) const MOST_READINGS: usize = 2_000;

/// The content, and every fault found. `None` when no replacement made the value readable in so many readings.
pub(crate) fn fit<T: DeserializeOwned>(
    mut value: Value,
    readings: usize,
) -> (Option<T>, Vec<ValidationDetail>) {
    let mut told: Vec<ValidationDetail> = Vec::new();
    let mut replaced: Vec<Replaced> = Vec::new();
    for _ in 0..readings {
        let error = match serde_path_to_error::deserialize::<_, T>(value.clone()) {
            Ok(read) => return (Some(read), told),
            Err(error) => error,
        };
        let fault = misfit(&error);
        if let Some(known) = replaced.iter_mut().find(|known| known.way == fault.loc) {
            if !known.try_next(&mut value) && !cut_off(&mut value, &fault.loc) {
                break;
            }
            continue;
        }
        let made_up = replaced.iter().any(|known| fault.loc.starts_with(&known.way));
        if fault.kind == "extra_forbidden" {
            // An unknown field is only removed, since nothing has to stand in for it.
            remove(&mut value, &fault.loc);
        } else {
            let mut replacement = Replaced { way: fault.loc.clone(), tried: 0 };
            replacement.try_next(&mut value);
            replaced.push(replacement);
        }
        if !made_up {
            told.push(fault);
        }
        if told.len() > MOST_FLAWS {
            break;
        }
    }
    (None, told)
}

/// A value that could not be read, and how many replacements were tried for it.
struct Replaced {
    way: Vec<Location>,
    tried: usize,
}

impl Replaced {
    /// Tries the next replacement: first no value at all, then one value of each kind.
    fn try_next(&mut self, value: &mut Value) -> bool {
        let kinds = [
            json!("x"),
            json!(1),
            json!(true),
            json!([]),
            json!({}),
            json!("https://example.org"),
            Value::Null,
        ];
        let done = match self.tried {
            0 => {
                // If the field is optional, its default is better than any made-up value.
                remove(value, &self.way);
                true
            }
            tried => kinds.get(tried - 1).is_some_and(|kind| put(value, &self.way, kind.clone())),
        };
        self.tried += 1;
        done
    }
}

fn at<'a>(value: &'a mut Value, way: &[Location]) -> Option<&'a mut Value> {
    way.iter().try_fold(value, |value, step| match step {
        Location::Index(index) => value.get_mut(usize::try_from(*index).ok()?),
        Location::Field(name) => value.get_mut(name),
    })
}

/// Removes a member of an object. An item of a list stays, because the items after it would move.
fn remove(value: &mut Value, way: &[Location]) {
    if let Some((Location::Field(name), parent)) = way.split_last()
        && let Some(Value::Object(members)) = at(value, parent)
    {
        members.remove(name);
    }
}

/// The last resort for an item of a list: removes it with all items after it.
fn cut_off(value: &mut Value, way: &[Location]) -> bool {
    if let Some((Location::Index(index), parent)) = way.split_last()
        && let Some(Value::Array(items)) = at(value, parent)
        && let Ok(index) = usize::try_from(*index)
        && index < items.len()
    {
        items.truncate(index);
        return true;
    }
    false
}

fn put(value: &mut Value, way: &[Location], new: Value) -> bool {
    match way.split_last() {
        None => *value = new,
        Some((Location::Field(name), parent)) => match at(value, parent) {
            Some(Value::Object(members)) => drop(members.insert(name.clone(), new)),
            _ => return false,
        },
        Some((Location::Index(_), _)) => match at(value, way) {
            Some(item) => *item = new,
            None => return false,
        },
    }
    true
}
