//! How much proofs may handle, and what is left of it. A short proof can build statements of any length; the meter is what
//! ends it.

use super::fault::StepFault;

/// Bytes of symbols that the proofs of one submission may handle in all. Beyond it the proof is refused: real proofs
/// stay far below a megabyte.
pub(super) const PROOF_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What proofs may still handle.
#[derive(Debug)]
pub(super) struct Meter {
    left: usize,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            left: PROOF_BYTES_MAX,
        }
    }
}

impl Meter {
    /// Takes note of so many bytes more.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), StepFault> {
        self.left = self.left.checked_sub(bytes).ok_or(StepFault::TooHeavy)?;
        Ok(())
    }
}
