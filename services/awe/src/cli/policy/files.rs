//! Files that the commands read.

use crate::document::{self, Document};
use anyhow::Context as _;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads a file of YAML or, by its name, JSON.
pub(super) fn read<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Document<T>> {
    document::read(file).with_context(|| file.display().to_string())
}
