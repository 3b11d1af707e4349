//! The scope of a grant: `FB=4_5_15;IntervalDuration=3600;BlockDuration=monthly;HistoryLength=13`.
//!
//! Pure: no input or output, no clock. The parser never asks the [`catalog`], so ids that nobody knows are carried along.

pub mod catalog;

use catalog::{Category, ServiceKind};
use std::collections::BTreeSet;
use std::fmt;

/// Function blocks that say something about the customer as a person.
const PII: std::ops::RangeInclusive<i32> = 54..=62;
/// Function blocks that shape energy data.
const ENERGY: [i32; 6] = [12, 15, 16, 17, 27, 28];

/// Why a text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Nothing but white space.
    #[error("the scope is blank")]
    Blank,
    /// A term whose value has to be an integer and is none. `key` and `value` stand as they were written.
    #[error("{key}: {value:?} is no integer of 32 bits")]
    NoInteger {
        /// The key as it was written.
        key: String,
        /// What stands where an integer belongs.
        value: String,
    },
}

/// What a scope says. It is made by [`Scope::parse`] and never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    raw: String,
    function_blocks: BTreeSet<i32>,
    interval_duration: Option<i32>,
    history_length: Option<i32>,
    block_duration: Option<String>,
    extras: Vec<(String, String)>,
}

impl Scope {
    /// Reads a scope.
    ///
    /// # Errors
    /// [`ScopeError`], of the first term that is wrong.
    pub fn parse(raw: &str) -> Result<Self, ScopeError> {
        if raw.trim().is_empty() {
            return Err(ScopeError::Blank);
        }
        let mut scope = Self {
            raw: raw.to_owned(),
            function_blocks: BTreeSet::new(),
            interval_duration: None,
            history_length: None,
            block_duration: None,
            extras: Vec::new(),
        };
        for term in raw.split(';').map(str::trim).filter(|term| !term.is_empty()) {
            scope.take(term)?;
        }
        Ok(scope)
    }

    fn take(&mut self, term: &str) -> Result<(), ScopeError> {
        let Some((key, value)) = term.split_once('=') else {
            self.put_extra(term, "");
            return Ok(());
        };
        let (key, value) = (key.trim(), value.trim());
        match key.to_ascii_lowercase().as_str() {
            "fb" => {
                for token in value.split('_').map(str::trim).filter(|token| !token.is_empty()) {
                    self.function_blocks.insert(integer(key, token)?);
                }
            }
            "intervalduration" => self.interval_duration = Some(integer(key, value)?),
            "historylength" => self.history_length = Some(integer(key, value)?),
            "blockduration" => self.block_duration = Some(value.to_owned()),
            _ => self.put_extra(key, value),
        }
        Ok(())
    }

    /// A key that comes again keeps its place and takes the later value.
    fn put_extra(&mut self, key: &str, value: &str) {
        match self.extras.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => value.clone_into(old),
            None => self.extras.push((key.to_owned(), value.to_owned())),
        }
    }

    /// The text as it came.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Ids of function blocks, sorted.
    #[must_use]
    pub const fn function_blocks(&self) -> &BTreeSet<i32> {
        &self.function_blocks
    }

    /// Seconds.
    #[must_use]
    pub const fn interval_duration(&self) -> Option<i32> {
        self.interval_duration
    }

    /// In a unit that the scope does not tell.
    #[must_use]
    pub const fn history_length(&self) -> Option<i32> {
        self.history_length
    }

    /// Free text, as `monthly`; empty is not absent.
    #[must_use]
    pub fn block_duration(&self) -> Option<&str> {
        self.block_duration.as_deref()
    }

    /// Every other term, in the order of the scope; a term without `=` has an empty value.
    #[must_use]
    pub fn extras(&self) -> &[(String, String)] {
        &self.extras
    }

    /// Ids of this category.
    #[must_use]
    pub fn in_category(&self, category: Category) -> BTreeSet<i32> {
        self.function_blocks.iter().copied().filter(|id| catalog::category(*id) == category).collect()
    }

    /// What the commodity blocks measure. Temperature (29) is no service.
    #[must_use]
    pub fn commodity_kinds(&self) -> BTreeSet<ServiceKind> {
        self.function_blocks.iter().filter_map(|id| catalog::service_kind(*id)).collect()
    }

    /// Whether it asks for data about the customer as a person.
    #[must_use]
    pub fn includes_customer_pii(&self) -> bool {
        self.function_blocks.iter().any(|id| PII.contains(id))
    }

    /// Whether it shapes energy data. Nothing is provisioned by this.
    #[must_use]
    pub fn includes_energy_data(&self) -> bool {
        self.function_blocks.iter().any(|id| ENERGY.contains(id))
    }
}

fn integer(key: &str, value: &str) -> Result<i32, ScopeError> {
    value.parse().map_err(|_| ScopeError::NoInteger { key: key.to_owned(), value: value.to_owned() })
}

/// The scope in one usual form, which reads as the same scope again.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut terms = Vec::new();
        if !self.function_blocks.is_empty() {
            let ids: Vec<String> = self.function_blocks.iter().map(i32::to_string).collect();
            terms.push(format!("FB={}", ids.join("_")));
        }
        terms.extend(self.interval_duration.map(|seconds| format!("IntervalDuration={seconds}")));
        terms.extend(self.block_duration.as_ref().map(|text| format!("BlockDuration={text}")));
        terms.extend(self.history_length.map(|length| format!("HistoryLength={length}")));
        terms.extend(self.extras.iter().map(|(key, value)| match (key.as_str(), value.as_str()) {
            // A bare `FB` is no list of blocks, which `FB=` would be.
            (key, "") if !key.is_empty() => key.to_owned(),
            (key, value) => format!("{key}={value}"),
        }));
        // A blank text is no scope, an empty term is an empty one.
        f.write_str(if terms.is_empty() { ";" } else { "" })?;
        f.write_str(&terms.join(";"))
    }
}
