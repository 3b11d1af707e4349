//! Limits what an evaluation may do. It counts steps rather than seconds, so that the same expression on the same
//! context always gets equally far.

use super::Failure;
use super::bounds::{MAX_MEMORY, MAX_STEPS};
use std::cell::Cell;

/// Steps that all evaluations of one command share, because a policy may have many costly rules.
const COMMAND_STEPS: u64 = 5 * MAX_STEPS;
const BYTES_A_STEP: usize = 32;

/// The steps that the evaluations of one command have left together.
#[derive(Debug)]
pub struct Budget {
    steps: Cell<u64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(COMMAND_STEPS)
    }
}

impl Budget {
    /// A budget of so many steps.
    #[must_use]
    pub const fn of(steps: u64) -> Self {
        Self { steps: Cell::new(steps) }
    }
}

/// What one evaluation may still use up.
#[derive(Debug)]
pub(super) struct Meter<'a> {
    budget: &'a Budget,
    steps: u64,
    memory: usize,
}

impl<'a> Meter<'a> {
    pub(super) fn new(budget: &'a Budget) -> Self {
        Self { budget, steps: budget.steps.get().min(MAX_STEPS), memory: MAX_MEMORY }
    }

    pub(super) fn step(&mut self) -> Result<(), Failure> {
        self.steps(1)
    }

    pub(super) fn steps(&mut self, count: usize) -> Result<(), Failure> {
        let count = count as u64;
        // What cannot be afforded is not begun, but it uses up the rest. Otherwise it would be tried again and again.
        let affordable = count.min(self.steps);
        self.steps -= affordable;
        self.budget.steps.set(self.budget.steps.get().saturating_sub(affordable));
        if affordable == count { Ok(()) } else { Err(Failure::Steps) }
    }

    /// Charges the steps for reading so many bytes of text.
    pub(super) fn read(&mut self, bytes: usize) -> Result<(), Failure> {
        self.steps(bytes / BYTES_A_STEP)
    }

    /// Charges the steps and the memory for building so many bytes.
    pub(super) fn build(&mut self, bytes: usize) -> Result<(), Failure> {
        self.read(bytes)?;
        self.memory = self.memory.checked_sub(bytes).ok_or(Failure::Memory)?;
        Ok(())
    }
}
