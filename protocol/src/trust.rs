//! Whom a mesh has to believe: how many voters may lie, how many make a quorum, and who the voters are.
//!
//! Two quorums of one epoch share more voters than may lie, so they share an honest one. How quorums of neighbouring
//! epochs meet is the business of whoever changes the voters.

use std::collections::BTreeSet;

use crate::id::{Epoch, MeshId, NodeId};
use crate::limits;

/// What voters may do besides stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Nothing: they crash and lose messages, and never lie.
    Crash,
    /// Up to a third of them, less one, may lie.
    Byzantine,
}

impl Trust {
    /// How many of so many voters may lie.
    pub const fn liars_max(self, voters: usize) -> usize {
        match self {
            Self::Crash => 0,
            Self::Byzantine => voters.saturating_sub(1) / 3,
        }
    }

    /// How many of so many voters make a quorum: the least number of which any two sets share more than the liars.
    ///
    /// ```
    /// use hms_protocol::trust::Trust;
    ///
    /// assert_eq!(Trust::Crash.quorum(4), 3);
    /// assert_eq!(Trust::Byzantine.quorum(7), 5);
    /// ```
    pub const fn quorum(self, voters: usize) -> usize {
        (voters + self.liars_max(voters) + 1).div_ceil(2)
    }
}

/// The voters of one epoch, as somebody believes them to be. What is verified is verified against this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterSet {
    group: MeshId,
    epoch: Epoch,
    trust: Trust,
    /// Invariant: neither empty nor more than `VOTERS_MAX`.
    voters: BTreeSet<NodeId>,
}

/// Why nodes cannot be the voters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoterSetRefusal {
    /// There is none.
    #[error("a mesh has at least one voter")]
    Empty,
    /// There are too many.
    #[error("a mesh has at most {max} voters, not {voters}")]
    TooMany {
        /// How many there are.
        voters: usize,
        /// How many there may be.
        max: usize,
    },
}

impl VoterSetRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "HMS-VOTERS-EMPTY",
            Self::TooMany { .. } => "HMS-VOTERS-TOO-MANY",
        }
    }
}

impl VoterSet {
    /// The voters of one epoch of a group.
    pub fn new(
        group: MeshId,
        epoch: Epoch,
        trust: Trust,
        voters: BTreeSet<NodeId>,
    ) -> Result<Self, VoterSetRefusal> {
        if voters.is_empty() {
            return Err(VoterSetRefusal::Empty);
        }
        if limits::VOTERS_MAX < voters.len() {
            return Err(VoterSetRefusal::TooMany {
                voters: voters.len(),
                max: limits::VOTERS_MAX,
            });
        }
        Ok(Self {
            group,
            epoch,
            trust,
            voters,
        })
    }

    /// The group whose ledger they keep.
    pub fn group(&self) -> MeshId {
        self.group
    }

    /// Which set of voters of that group it is.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What they may do.
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// All of them, by id.
    pub fn voters(&self) -> &BTreeSet<NodeId> {
        &self.voters
    }

    /// Whether a node is one of them.
    pub fn has(&self, node: NodeId) -> bool {
        self.voters.contains(&node)
    }

    /// How many of them make a certificate.
    pub fn quorum(&self) -> usize {
        self.trust.quorum(self.voters.len())
    }

    /// Whether a certificate of holdings must be followed by one of locks before anybody acts on it: whether one of the
    /// voters may lie.
    pub fn needs_locks(&self) -> bool {
        0 < self.trust.liars_max(self.voters.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(trust: Trust, quorums: &[(usize, usize)]) {
        for (voters, quorum) in quorums {
            assert_eq!(trust.quorum(*voters), *quorum, "{trust:?}, {voters} voters");
        }
    }

    #[test]
    fn a_quorum_is_what_the_trust_says() {
        check(
            Trust::Byzantine,
            &[
                (1, 1),
                (2, 2),
                (3, 2),
                (4, 3),
                (5, 4),
                (6, 4),
                (7, 5),
                (10, 7),
            ],
        );
        check(
            Trust::Crash,
            &[(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)],
        );
    }

    #[test]
    fn two_quorums_share_an_honest_voter_and_the_honest_alone_are_one() {
        for voters in 1..=limits::VOTERS_MAX {
            for trust in [Trust::Crash, Trust::Byzantine] {
                let (liars, quorum) = (trust.liars_max(voters), trust.quorum(voters));
                assert!(liars < 2 * quorum - voters, "{trust:?}, {voters} voters");
                let smaller_would_do = liars < (2 * (quorum - 1)).saturating_sub(voters);
                assert!(!smaller_would_do, "{trust:?}, {voters} voters");
                assert!(trust == Trust::Crash || quorum <= voters - liars);
            }
        }
    }

    #[test]
    fn quorums_before_and_after_a_change_by_one_voter_share_an_honest_one() {
        for voters in 1..limits::VOTERS_MAX {
            for trust in [Trust::Crash, Trust::Byzantine] {
                let liars = trust.liars_max(voters).min(trust.liars_max(voters + 1));
                let signed = trust.quorum(voters) + trust.quorum(voters + 1);
                assert!(liars < signed - (voters + 1), "{trust:?}, {voters} voters");
            }
        }
    }

    #[test]
    fn a_set_of_voters_is_neither_empty_nor_too_large() {
        let make = |count: usize| {
            let node = |number| NodeId::from_bytes([u8::try_from(number).unwrap(); 32]);
            let voters = (0..count).map(node).collect();
            let group = MeshId::from_bytes([9; 32]);
            VoterSet::new(group, Epoch(0), Trust::Byzantine, voters)
        };
        assert_eq!(make(0), Err(VoterSetRefusal::Empty));
        let (voters, max) = (limits::VOTERS_MAX + 1, limits::VOTERS_MAX);
        assert_eq!(make(voters), Err(VoterSetRefusal::TooMany { voters, max }));
        let four = make(4).unwrap();
        assert_eq!((four.quorum(), four.needs_locks()), (3, true));
        assert!(!make(3).unwrap().needs_locks());
        assert!(four.has(NodeId::from_bytes([3; 32])));
        assert!(!four.has(NodeId::from_bytes([4; 32])));
    }
}
