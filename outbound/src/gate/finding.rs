//! What a check of the gate finds.

use std::fmt;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing to do.
    Info,
    /// The gate works or may work later.
    Warning,
    /// The gate cannot work as configured.
    Error,
}

/// One result of the check. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its severity.
    pub level: Level,
    /// The result in words.
    pub text: String,
}

impl Finding {
    pub(super) fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, text: text.into() }
    }

    /// Logs the finding at its level.
    pub fn log(&self) {
        match self.level {
            Level::Info => tracing::info!("{}", self.text),
            Level::Warning => tracing::warn!("{}", self.text),
            Level::Error => tracing::error!("{}", self.text),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
