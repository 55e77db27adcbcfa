//! What the mesh can prove against an agent: its own signed report, and the signed verdicts that refute it.
//!
//! Anybody who has the agents' keys can check a piece of evidence without trusting the node that kept it. The oldest is
//! forgotten first when the bounds of count or bytes are met.

use hms_protocol::digest::Hash;
use hms_protocol::envelope::Sealed;
use hms_protocol::id::{AgentId, Position, TaskId};
use hms_protocol::limits;
use hms_protocol::time::Moment;

use super::table::Table;

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Counts the pieces of one mesh, from 1.
    pub number: u64,
    /// The command that completed it.
    pub position: Position,
    /// The ledger's time.
    pub at: Moment,
    /// Who is convicted.
    pub agent: AgentId,
    /// With which task.
    pub task: TaskId,
    /// In which attempt.
    pub attempt: u32,
    /// What the agent sealed.
    pub report: Sealed,
    /// What the verifiers sealed, all rounds, oldest first.
    pub verdicts: Vec<Sealed>,
}

impl Evidence {
    /// How many bytes were sealed in it.
    fn bytes(&self) -> usize {
        let sealed = std::iter::once(&self.report).chain(&self.verdicts);
        sealed
            .map(|sealed| sealed.parts().0.len() + sealed.parts().1.len())
            .sum()
    }
}

/// All evidence that is kept.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    pieces: Table<Evidence>,
    newest: u64,
    bytes: usize,
}

impl Archive {
    /// Every piece, oldest first.
    pub fn pieces(&self) -> impl Iterator<Item = &Evidence> {
        self.pieces.iter()
    }

    /// The number of the newest piece there ever was; zero if there was none.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Digest of the table, for the digest of the whole state.
    pub fn digest(&self) -> Hash {
        self.pieces.digest()
    }

    /// Keeps a piece, under the next number.
    pub(super) fn keep(&mut self, mut evidence: Evidence) {
        evidence.number = self.newest + 1;
        self.restore(evidence);
        while limits::EVIDENCE_MAX < self.pieces.len() || limits::EVIDENCE_BYTES_MAX < self.bytes {
            let Some(oldest) = self.pieces.iter().next().map(|oldest| oldest.number) else {
                return;
            };
            if let Some(oldest) = self.pieces.remove(&oldest) {
                self.bytes -= oldest.bytes();
            }
        }
    }

    /// Takes a piece from a checkpoint, under the number that it has.
    pub(super) fn restore(&mut self, evidence: Evidence) {
        self.newest = self.newest.max(evidence.number);
        self.bytes += evidence.bytes();
        self.pieces.put(evidence);
    }

    /// Sets the number that a checkpoint names.
    pub(super) fn resume(&mut self, newest: u64) {
        self.newest = newest;
    }
}
