//! The UI that `awe dev` serves.

use super::faults::Faults;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The section `ui`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ui {
    #[serde(skip_serializing)]
    pub dir: PathBuf,
}

impl Ui {
    /// The folder to serve from; `None` = what the program carries.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        (!self.dir.as_os_str().is_empty()).then_some(self.dir.as_path())
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        let is_built = self.folder().is_none_or(|folder| folder.join("index.html").is_file());
        faults.unless(is_built, "ui.dir", "holds no index.html: build the UI with `./dev ui`");
    }
}
