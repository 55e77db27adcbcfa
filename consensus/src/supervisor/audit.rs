//! The comparison of replicas: the same log must have made the same state everywhere.
//!
//! Every `DIGEST_EVERY_ENTRIES` each voter tells the others the digest of its state and its chain hash. A voter that a
//! majority contradicts must stop: what it would say next may be wrong. The others only report it.

use std::collections::BTreeMap;

use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, NodeId};
use hms_protocol::limits::DIGEST_EVERY_ENTRIES;

use crate::effect::Effect;
use crate::limits::DIGESTS_KEPT_MAX;
use crate::outbox::Outbox;
use crate::supervisor::Supervisor;

/// What a replica is at one index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stand {
    /// Digest of the replicated state.
    pub state: Hash,
    /// Chain hash of the entry.
    pub chain: Hash,
}

/// What the voters said of themselves, by index.
#[derive(Debug, Default)]
pub struct Audit {
    stands: BTreeMap<Index, BTreeMap<NodeId, Stand>>,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nobody disagrees, as far as is known.
    Agreed,
    /// This voter differs, but not yet from a majority.
    Differs(NodeId),
    /// A majority of the voters agrees on something else than this replica has.
    Outvoted,
}

impl Audit {
    /// Whether the replicas are compared at an index.
    pub fn is_due(index: Index) -> bool {
        index.0.is_multiple_of(DIGEST_EVERY_ENTRIES)
    }

    /// Notes what a voter said, and compares it with what `me` said.
    pub fn note(
        &mut self,
        me: NodeId,
        index: Index,
        said: (NodeId, Stand),
        voters: &[NodeId],
    ) -> Finding {
        if !voters.contains(&said.0) && said.0 != me {
            return Finding::Agreed;
        }
        self.stands.entry(index).or_default().insert(said.0, said.1);
        if self.stands.len() > DIGESTS_KEPT_MAX {
            self.stands.pop_first();
        }
        let Some(stands) = self.stands.get(&index) else {
            return Finding::Agreed;
        };
        let Some(mine) = stands.get(&me) else {
            return Finding::Agreed;
        };
        let mut counts: BTreeMap<Stand, usize> = BTreeMap::new();
        for stand in stands.values().filter(|stand| *stand != mine) {
            *counts.entry(*stand).or_default() += 1;
        }
        if counts.values().any(|count| *count * 2 > voters.len()) {
            return Finding::Outvoted;
        }
        let odd = stands.iter().find(|(_, stand)| *stand != mine);
        odd.map_or(Finding::Agreed, |(voter, _)| Finding::Differs(*voter))
    }
}

impl Supervisor {
    /// Where replicas are compared, tells the others what this one has.
    pub(super) fn compare(&mut self, outbox: &mut Outbox) {
        let index = self.replica.index();
        if !Audit::is_due(index) {
            return;
        }
        for voter in self.driver.members().voters() {
            if voter != self.me {
                outbox.send(voter, self.replica.digest_message());
            }
        }
        self.hold_against(self.me, index, self.replica.stand(), outbox);
    }

    /// A voter says what its replica is at an index.
    pub fn hold_against(&mut self, from: NodeId, index: Index, stand: Stand, outbox: &mut Outbox) {
        let voters = self.driver.members().voters();
        match self.audit.note(self.me, index, (from, stand), &voters) {
            Finding::Agreed => {}
            Finding::Differs(voter) => {
                tracing::error!(%voter, %index, "a replica differs");
            }
            Finding::Outvoted => outbox.push(Effect::Halt {
                reason: format!("this replica differs from a majority at entry {index}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOTERS: [NodeId; 3] = [
        NodeId::from_bytes([1; 32]),
        NodeId::from_bytes([2; 32]),
        NodeId::from_bytes([3; 32]),
    ];

    fn stand(of: u8) -> Stand {
        Stand {
            state: Hash::from_bytes([of; 32]),
            chain: Hash::default(),
        }
    }

    /// What the first voter finds after each voter has said its digest.
    fn check(said: &[(usize, u8)], found: &[Finding]) {
        let mut audit = Audit::default();
        let findings: Vec<Finding> = said
            .iter()
            .map(|(voter, of)| {
                audit.note(VOTERS[0], Index(256), (VOTERS[*voter], stand(*of)), &VOTERS)
            })
            .collect();
        assert_eq!(findings, found);
    }

    #[test]
    fn replicas_that_agree_raise_nothing() {
        check(&[(0, 1), (1, 1), (2, 1)], &[Finding::Agreed; 3]);
    }

    #[test]
    fn the_odd_one_out_is_named_and_the_majority_goes_on() {
        let odd = Finding::Differs(VOTERS[2]);
        check(
            &[(0, 1), (1, 1), (2, 9)],
            &[Finding::Agreed, Finding::Agreed, odd],
        );
    }

    #[test]
    fn a_replica_that_a_majority_contradicts_is_outvoted_whatever_the_order() {
        let first = Finding::Differs(VOTERS[1]);
        check(
            &[(0, 9), (1, 1), (2, 1)],
            &[Finding::Agreed, first, Finding::Outvoted],
        );
        check(
            &[(1, 1), (2, 1), (0, 9)],
            &[Finding::Agreed, Finding::Agreed, Finding::Outvoted],
        );
    }

    #[test]
    fn strangers_have_no_say() {
        let mut audit = Audit::default();
        let stranger = NodeId::from_bytes([9; 32]);
        audit.note(VOTERS[0], Index(256), (VOTERS[0], stand(1)), &VOTERS);
        for other in [stranger, NodeId::from_bytes([8; 32])] {
            let found = audit.note(VOTERS[0], Index(256), (other, stand(2)), &VOTERS);
            assert_eq!(found, Finding::Agreed);
        }
    }
}
