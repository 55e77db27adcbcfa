//! What the mesh can prove against a node or an agent: one catalogue of both, numbered as it came.
//!
//! Anybody who has the mesh's genesis can check a piece without trusting the node that kept it. The oldest is forgotten
//! first when the bounds of count or bytes are met; what followed from it stays.

use hms_protocol::digest::Hash;
use hms_protocol::evidence::{Exhibit, Guilty};
use hms_protocol::id::Position;
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
    pub guilty: Guilty,
    /// What convicts it.
    pub exhibit: Exhibit,
}

impl Evidence {
    /// How many bytes were sealed in it. What has a bound of its own is not counted.
    fn bytes(&self) -> usize {
        match &self.exhibit {
            Exhibit::Voter(_) => 0,
            Exhibit::Agent(evidence) => {
                let sealed = std::iter::once(&evidence.report).chain(&evidence.verdicts);
                sealed
                    .map(|sealed| sealed.parts().0.len() + sealed.parts().1.len())
                    .sum()
            }
        }
    }
}

/// All evidence that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive {
    pieces: Table<Evidence>,
    newest: u64,
    bytes: usize,
}

impl Archive {
    /// The piece with this number.
    pub fn piece(&self, number: u64) -> Option<&Evidence> {
        self.pieces.get(&number)
    }

    /// Every piece, oldest first.
    pub fn pieces(&self) -> impl Iterator<Item = &Evidence> {
        self.pieces.iter()
    }

    /// The pieces with a number below this one, newest first.
    pub fn pieces_before(&self, number: u64) -> impl Iterator<Item = &Evidence> {
        self.pieces
            .iter()
            .rev()
            .skip_while(move |piece| number <= piece.number)
    }

    /// How many pieces are kept.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
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

#[cfg(test)]
mod tests {
    use hms_protocol::codec::envelope;
    use hms_protocol::envelope::{Audience, BodyKind, Header, Sender};
    use hms_protocol::evidence::AgentEvidence;
    use hms_protocol::id::{AgentId, Incarnation, MeshId, NodeId, Sequence, TaskId};
    use hms_protocol::keyring::SecretKey;

    use super::*;

    fn piece(body_bytes: usize) -> Evidence {
        let agent = AgentId::from_bytes([1; 16]);
        let header = Header {
            mesh: MeshId::from_bytes([2; 32]),
            sender: Sender::Agent(agent),
            audience: Audience::Ledger,
            incarnation: Incarnation(1),
            sequence: Sequence(1),
            issued_at: Moment(0),
            expires_at: Moment(0),
            kind: BodyKind::Report,
            body_hash: Hash::default(),
        };
        let key = SecretKey::from_seed(&[3; 32]);
        Evidence {
            number: 0,
            position: Position::default(),
            at: Moment(0),
            guilty: Guilty::Agent {
                agent,
                node: NodeId::from_bytes([5; 32]),
                task: TaskId::from_bytes([4; 16]),
                attempt: 1,
            },
            exhibit: Exhibit::Agent(Box::new(AgentEvidence {
                agents: Vec::new(),
                report: envelope::seal(header, vec![0; body_bytes], &key),
                verdicts: Vec::new(),
            })),
        }
    }

    /// Keeps so many pieces of one size, and compares the numbers of the oldest and the newest that are left.
    fn check(pieces: usize, body_bytes: usize, oldest: u64, newest: u64) {
        let mut archive = Archive::default();
        for _ in 0..pieces {
            archive.keep(piece(body_bytes));
        }
        let numbers: Vec<u64> = archive.pieces().map(|piece| piece.number).collect();
        assert_eq!(
            (numbers.first(), numbers.last()),
            (Some(&oldest), Some(&newest))
        );
        assert_eq!(archive.newest(), newest);
    }

    #[test]
    fn the_oldest_evidence_is_forgotten_first_by_count_and_by_size() {
        check(3, 10, 1, 3);
        check(
            limits::EVIDENCE_MAX + 2,
            10,
            3,
            limits::EVIDENCE_MAX as u64 + 2,
        );
        // Each is a quarter of the room, and its header makes it more.
        check(6, limits::EVIDENCE_BYTES_MAX / 4, 4, 6);
    }
}
