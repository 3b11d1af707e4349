//! Walking through a JSON value, and giving up on it.

use serde_json::{Map, Value};

/// The validation needs more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooCostly;

pub(super) fn members(value: &Value) -> impl Iterator<Item = &Value> + Clone {
    value.as_object().into_iter().flat_map(Map::values)
}

pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> + Clone {
    value.as_array().into_iter().flatten()
}
