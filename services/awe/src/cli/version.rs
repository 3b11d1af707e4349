//! `awe version`.

use super::output;
use crate::ui;

pub(super) fn run() -> anyhow::Result<()> {
    let ui = ui::embedded_hash().unwrap_or("none: built without the UI (`./dev ui` builds it)");
    output::print(&format!(
        "awe {}\ncommit {}\nbuilt {}\nui {ui}",
        env!("CARGO_PKG_VERSION"),
        env!("AWE_GIT_COMMIT"),
        env!("AWE_BUILD_TIME"),
    ))?;
    Ok(())
}
